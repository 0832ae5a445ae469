// The postfilter: what is between the harmonics of a decoded voice is the codec's noise, and is turned down. Included once for each
// instruction set, after vectors.h.
//
// A comb filter as long as the pitch period (a long-term postfilter: Chen and Gersho 1995), made anew for every block of 160 samples from
// what was decoded, and no more than that: it asks for no bits and adds no latency. How far it goes is decided by a small network
// (`models/postfilter`), which sees how well the sound repeats itself, for how long it has done so, and the bitrate.

#include "postfilter_weights.h"

constexpr int PF_SHORTEST = 40; // the shortest pitch period, in samples: 600 Hz; the longest is 50 Hz's
constexpr int PF_FADE = 40;     // samples in which one block's filter becomes the next one's
constexpr int PF_LAGS = PF_LONGEST - PF_SHORTEST + 1;
constexpr float PF_SHORTER = 0.95f;                 // a period of half the length, or less, that fits so well is the true one
constexpr float PF_PRE_EMPHASIS = 0.9f;
constexpr float PF_LOW_B = 0.186694333f, PF_LOW_A1 = -0.462938025f, PF_LOW_A2 = 0.209715358f; // of the low-pass
constexpr float PF_LOUDEST = 1e12f; // energy of a window that no sound has
constexpr float PF_SILENCE = 1e-8f; // power below which nothing is looked at: -80 dBFS

struct PostfilterState {
    float *past;                                    // what was decoded, [PF_PAST]
    float *filter;                                  // of the last block: period (0 before the first), the comb's share, its taps
    float *slow;                                    // how well the sound repeated itself lately: last block, 0.4 s, 2 s, 2 s of the sharper sound; level
    float *smooth;                                  // of the low-pass
    explicit PostfilterState(float *state) : past(state), filter(state + PF_PAST), slow(filter + PF_FILTER), smooth(slow + PF_SLOW) {}
};

// How like a window is to what lies one period before it, -1 to 1.
static inline float pf_likeness(float product, float energy, float before) { return product / std::sqrt(energy * before + 1e-12f); }

// The likeness of the window that ends `x` with what lies each period before it, `[PF_LAGS]`.
static void pf_likenesses(const float *window, float energy, float *found) {
    double before = 0;
    for (int i = 0; i < PF_WINDOW; i++) before += (double)window[i - PF_SHORTEST] * window[i - PF_SHORTEST];
    for (int first = 0; first < PF_LAGS; first += 4) {
        Floats sums[4] = {all(0), all(0), all(0), all(0)};
        for (int i = 0; i < PF_WINDOW; i += LANES) {
            const Floats here = load(window + i);
            const float *there = window + i - PF_SHORTEST - first;
            for (int k = 0; k < 4; k++) sums[k] += here * load(there - k);
        }
        for (int k = 0; k < 4 && first + k < PF_LAGS; k++) {
            found[first + k] = pf_likeness(sum_of(sums[k]), energy, (before > 0 ? (float)before : 0.0f) + 1e-9f);
            const int lag = PF_SHORTEST + first + k;
            const double enters = window[-lag - 1], leaves = window[PF_WINDOW - lag - 1];
            before += enters * enters - leaves * leaves;
        }
    }
}

// The period that fits best, the shortest of those that fit as well; `likeness` is how well.
static int pf_period(const float *likenesses, float &likeness) {
    int best = 0;
    for (int i = 1; i < PF_LAGS; i++)
        if (likenesses[i] > likenesses[best]) best = i;
    int chosen = best;
    for (int part = 2; part <= 4; part++) {
        const int shorter = (PF_SHORTEST + best + part / 2) / part - PF_SHORTEST;
        if (shorter < 2) break;
        int near = shorter - 2;
        for (int i = shorter - 2; i <= shorter + 2; i++)
            if (likenesses[i] > likenesses[near]) near = i;
        if (likenesses[near] > PF_SHORTER * likenesses[best]) chosen = near;
    }
    likeness = likenesses[chosen];
    return PF_SHORTEST + chosen;
}

static float pf_energy(const float *x) { return dot(x, x, PF_WINDOW) + 1e-9f; }

// What the network sees of a block, whose samples end the window.
static void pf_features(const float *window, float kbps, PostfilterState &state, int &period, float *seen) {
    float likenesses[PF_LAGS], sharp[PF_WINDOW], sharp_before[PF_WINDOW], likeness;
    const float energy = pf_energy(window);
    pf_likenesses(window, energy, likenesses);
    period = pf_period(likenesses, likeness);
    for (int i = 0; i < PF_WINDOW; i++) {
        sharp[i] = window[i] - PF_PRE_EMPHASIS * window[i - 1];
        sharp_before[i] = window[i - period] - PF_PRE_EMPHASIS * window[i - period - 1];
    }
    const float sharp_energy = pf_energy(sharp);
    const float sharp_likeness = pf_likeness(dot(sharp, sharp_before, PF_WINDOW), sharp_energy, pf_energy(sharp_before));
    const float *twice = window - 2 * period;
    constexpr float LOG10 = 0.4342944819f, LOG2 = 1.4426950409f;
    const float level = 0.5f * LOG10 * log_of(energy * (1.0f / PF_WINDOW) + 1e-8f);
    const float before = state.filter[0] > 0 ? state.filter[0] : (float)PF_SHORTEST;
    float jump = LOG2 * log_of((float)period / before);
    jump = jump < 0 ? -jump : jump;
    float *slow = state.slow;
    seen[12] = slow[0];
    slow[0] = likeness;
    slow[1] += (likeness - slow[1]) * (1.0f / 60);
    slow[2] += (likeness - slow[2]) * (1.0f / 300);
    slow[3] += (sharp_likeness - slow[3]) * (1.0f / 300);
    slow[4] += (level + 4.0f - slow[4]) * (1.0f / 150); // from the level of silence, so that a state of zeros is one
    seen[0] = likeness, seen[1] = sharp_likeness;
    seen[2] = pf_likeness(dot(window, twice, PF_WINDOW), energy, pf_energy(twice));
    seen[3] = slow[1], seen[4] = slow[2], seen[5] = slow[3];
    seen[6] = LOG2 * log_of((float)period * (1.0f / PF_LONGEST)), seen[7] = jump > 1 ? 1 : jump;
    seen[8] = level, seen[9] = LOG10 * log_of(sharp_energy / energy), seen[10] = slow[4] - 4.0f - level;
    seen[11] = LOG2 / 4.6f * log_of(kbps * (1.0f / 0.75f));
}

// One layer of the network: W x + b, `weights [inputs][outputs]`.
static void pf_layer(const float *weights, const float *bias, const float *x, int inputs, int outputs, float *y) {
    for (int i = 0; i < outputs; i++) y[i] = bias[i];
    for (int j = 0; j < inputs; j++)
        for (int i = 0; i < outputs; i++) y[i] += weights[j * outputs + i] * x[j];
}

// What is seen -> the comb's share and its taps, which add up to 1.
static void pf_decide(const float *seen, float *decided) {
    float x[PF_SEEN], a[PF_HIDDEN], b[PF_HIDDEN];
    for (int i = 0; i < PF_SEEN; i++) x[i] = (seen[i] - PF_MEAN[i]) * PF_SCALE[i];
    pf_layer(PF_WEIGHTS_1, PF_BIAS_1, x, PF_SEEN, PF_HIDDEN, a);
    for (float &v : a) v = v > 0 ? v : 0;
    pf_layer(PF_WEIGHTS_2, PF_BIAS_2, a, PF_HIDDEN, PF_HIDDEN, b);
    for (float &v : b) v = v > 0 ? v : 0;
    pf_layer(PF_WEIGHTS_3, PF_BIAS_3, b, PF_HIDDEN, 1 + PF_TAPS, decided);
    decided[0] = PF_MOST * sigmoid(all(decided[0]))[0];
    float most = decided[1], sum = 0;
    for (int i = 1; i <= PF_TAPS; i++) most = decided[i] > most ? decided[i] : most;
    for (int i = 1; i <= PF_TAPS; i++) sum += decided[i] = exp_of(decided[i] - most);
    for (int i = 1; i <= PF_TAPS; i++) decided[i] /= sum;
}

// What a filter (`PostfilterState.filter`) adds to sample `x[0]`: a share of the difference to what came one period before, interpolated.
static inline float pf_added(const float *x, const float *filter) {
    const float *before = x - (int)filter[0] + PF_TAPS / 2;
    float comb = 0;
    for (int k = 0; k < PF_TAPS; k++) comb += filter[2 + k] * before[-k];
    return filter[1] * (comb - x[0]);
}

// What is added passes a Butterworth low-pass of second order at 4.5 kHz: above, a voice is breath, of which the comb would take away some.
static inline float pf_low(float x, float *state) {
    const float y = PF_LOW_B * x + state[0];
    state[0] = 2.0f * PF_LOW_B * x - PF_LOW_A1 * y + state[1];
    state[1] = PF_LOW_B * x - PF_LOW_A2 * y;
    return y;
}

static void postfilter(int n_frames, int frame, const float *strengths, const float *kbps, float *state_values, float *audio) {
    const FlushDenormals flush;
    PostfilterState state(state_values);
    alignas(32) float x[PF_PAST + PF_BLOCK + LANES] = {0};
    const int blocks = frame / PF_BLOCK;
    for (int index = 0; index < n_frames * blocks; index++, audio += PF_BLOCK) {
        const float strength = strengths[index / blocks];
        copy(x, state.past, PF_PAST);
        copy(x + PF_PAST, audio, PF_BLOCK);
        const float *window = x + PF_PAST + PF_BLOCK - PF_WINDOW;
        float next[PF_FILTER] = {state.filter[0]};
        const float energy = dot(window, window, PF_WINDOW);
        if (strength > 0 && !(energy >= PF_WINDOW * PF_SILENCE && energy < PF_LOUDEST)) {
            // A pause is a new beginning, as are numbers that are none: what follows is filtered as if nothing had been before.
            next[0] = 0;
            for (int i = 0; i < PF_SLOW; i++) state.slow[i] = 0;
        } else if (strength > 0) {
            float seen[PF_SEEN];
            int period;
            pf_features(window, kbps[index / blocks], state, period, seen);
            pf_decide(seen, next + 1);
            next[0] = (float)period, next[1] *= strength;
        }
        const bool is_filtered = next[1] > 0 || state.filter[1] > 0;
        if (is_filtered || state.smooth[0] != 0 || state.smooth[1] != 0) {
            for (int i = 0; i < PF_BLOCK; i++) {
                const float *here = x + PF_PAST + i;
                float added = pf_added(here, next);
                if (i < PF_FADE) {
                    const float share = (i + 0.5f) * (1.0f / PF_FADE);
                    added = share * added + (1.0f - share) * pf_added(here, state.filter);
                }
                audio[i] = here[0] + pf_low(added, state.smooth);
            }
            // Within a block nothing is left of what the low-pass still had to say.
            if (!is_filtered) state.smooth[0] = state.smooth[1] = 0;
        }
        copy(state.past, x + PF_BLOCK, PF_PAST);
        copy(state.filter, next, PF_FILTER);
    }
}
