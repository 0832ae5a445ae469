// The codec's calls in one instruction set: include after defining LAMINA_SET (a namespace) and LAMINA_AVX2 (0 or 1).

namespace lamina {
namespace LAMINA_SET {

#include "vectors.h"

#include "products.h"

// Numbers this close to nothing cost time and are heard by nobody: while a call lasts they are taken for zero.
class FlushDenormals {
  public:
#if defined(__x86_64__)
    FlushDenormals() : before(_mm_getcsr()) { _mm_setcsr(before | 0x8040); }
    ~FlushDenormals() { _mm_setcsr(before); }

  private:
    unsigned before;
#elif defined(__aarch64__)
    FlushDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before));
        asm volatile("msr fpcr, %0" ::"r"(before | (1ull << 24)));
    }
    ~FlushDenormals() { asm volatile("msr fpcr, %0" ::"r"(before)); }

  private:
    unsigned long long before;
#else
    FlushDenormals() {}
#endif
};

static inline void copy(float *to, const float *from, int n) { std::memcpy(to, from, n * sizeof(float)); }

static float log_of(float x) { return logarithm(all(x))[0]; }

static float exp_of(float x) { return exponential(all(x))[0]; }

#include "postfilter.h"

constexpr int MAX_SUPPORT = 2 * MAX_FRAME;
constexpr int ROOM = BYTE_BLOCK; // behind rows that are rounded to bytes

constexpr float POWER_FLOOR = 1e-7f, COMPANDING_FLOOR = 1e-3f, ENERGY_FLOOR = 1e-6f;
constexpr float LEAST_LOG_GAIN = -8.1f, MOST_LOG_GAIN = 1.0f, LEAST_LOG_GATE = -4.0f, MOST_LOG_GATE = 3.0f;
constexpr float LARGEST_LOGIT = 12.0f;
constexpr float LARGEST_LATENT = 12.0f, LARGEST_CORRECTION = 4.0f, LEAK = 0.95f, DECODER_CORRECTION = 0.3f;
constexpr int DECIMATION = 4, LOW_PASS_TAPS = 49, NEAR = 5;
constexpr int TRIED_LAGS = 3; // where more than one candidate is followed
constexpr int APART = 2; // lags at the slower rate that are too near to each other to be tried both
constexpr float PRE_EMPHASIS = 0.6f;

// Forget the oldest of `n` floats and remember `size` new ones.
static inline void remember(float *memory, int n, const float *newest, int size) {
    if (size < n) {
        std::memmove(memory, memory + size, (n - size) * sizeof(float));
        copy(memory + n - size, newest, size);
    } else {
        copy(memory, newest + size - n, n);
    }
}

// sign(c) |c|^p of weighted coefficients without part of their gain, `[frame]`; returns the log-gain (`Companding.compress`).
static float compress(const Companding &companding, const lamina_shape &shape, const float *c, float *u) {
    Floats energy = all(0);
    for (int i = 0; i < shape.frame; i += LANES) {
        const Floats weighted = load(c + i) * load(companding.weight.data() + i);
        energy += weighted * weighted;
        store(u + i, weighted);
    }
    const float log_gain = 0.5f * log_of(sum_of(energy) * (1.0f / shape.frame) + POWER_FLOOR);
    const float factor = exp_of(-shape.gain_exponent * log_gain);
    for (int i = 0; i < shape.frame; i += LANES) {
        const Floats v = load(u + i) * factor;
        store(u + i, v / power(magnitude(v) + COMPANDING_FLOOR, 1.0f - shape.companding));
    }
    return log_gain;
}

// The way back, in place (`Companding.expand`).
static void expand(const Companding &companding, const lamina_shape &shape, float *v, float log_gain) {
    const float bounded = log_gain < LEAST_LOG_GAIN ? LEAST_LOG_GAIN : log_gain > MOST_LOG_GAIN ? MOST_LOG_GAIN : log_gain;
    const float gain = exp_of(shape.gain_exponent * bounded);
    for (int i = 0; i < shape.frame; i += LANES) {
        const Floats x = load(v + i);
        store(v + i, x * power(x * x + 1e-6f, 0.5f / shape.companding - 0.5f) * gain * load(companding.inverse.data() + i));
    }
}

static float gain_to_latent(const Companding &companding, const lamina_shape &shape, float log_gain) {
    return (log_gain - companding.mean_log_gain) * shape.gain_scale;
}

static float latent_to_gain(const Companding &companding, const lamina_shape &shape, float z) {
    return z / shape.gain_scale + companding.mean_log_gain;
}

// x * exp(gate), the gate within its bounds, in place.
static void open_gate(float *x, const float *gate, int n) {
    for (int i = 0; i < n; i += LANES) store(x + i, load(x + i) * exponential(clamped(load(gate + i), LEAST_LOG_GATE, MOST_LOG_GATE)));
}

static void gelu_of(const float *x, float *y, int n) {
    for (int i = 0; i < n; i += LANES) store(y + i, gelu(load(x + i)));
}

// One frame through residual blocks (`ResidualBlock`), in place; each block's earlier inputs lie one after the other in `state`.
static void run_stack(const std::vector<ResidualBlock> &stack, int width, float *h, float *state) {
    float taps[3 * MAX_WIDTH + ROOM], hidden[MAX_WIDTH + ROOM], change[MAX_WIDTH];
    for (const ResidualBlock &block : stack) {
        const int context = 2 * block.dilation * width;
        copy(taps, state, width);
        copy(taps + width, state + block.dilation * width, width);
        copy(taps + 2 * width, h, width);
        remember(state, context, h, width);
        state += context;
        apply<3 * MAX_WIDTH>(block.conv, taps, hidden);
        gelu_of(hidden, hidden, width);
        apply<MAX_WIDTH>(block.project, hidden, change);
        for (int i = 0; i < width; i += LANES) store(h + i, load(h + i) + load(change + i));
    }
}

static int longest_context(const std::vector<ResidualBlock> &stack) {
    int longest = 0;
    for (const ResidualBlock &block : stack) longest = 2 * block.dilation > longest ? 2 * block.dilation : longest;
    return longest;
}

// What log-power, companded coefficients and log-gain tell a network (`TransformEncoder`, `Predictor`).
static void describe(const float *c, const float *u, float log_gain, int frame, bool plain, float *features) {
    for (int i = 0; i < frame; i += LANES) {
        const Floats x = load(c + i), log_power = logarithm(x * x + POWER_FLOOR);
        store(features + i, plain ? load(u + i) : load(u + i) * 2.0f);
        store(features + frame + i, plain ? log_power : log_power * 0.2f + 2.0f);
    }
    features[2 * frame] = plain ? log_gain : log_gain * 0.5f + 2.0f;
}

// Samples of one frame and those of the overlap before it -> its latent.
static void encode_frame(const Codec &codec, const float *audio, float *state, float *latent) {
    const lamina_shape &shape = codec.shape;
    const Encoder &encoder = codec.encoder;
    const int frame = shape.frame, overlap = shape.overlap;
    float support[MAX_SUPPORT], c[MAX_FRAME], u[MAX_FRAME + ROOM], features[2 * MAX_FRAME + 1 + ROOM];
    float h[MAX_WIDTH + ROOM], gate[MAX_FRAME], linear[MAX_LATENT], correction[MAX_LATENT];
    copy(support, state, overlap);
    copy(support + overlap, audio, frame);
    remember(state, overlap, audio, frame);
    multiply(encoder.analysis, support, c);
    const float log_gain = compress(encoder.companding, shape, c, u);
    describe(c, u, log_gain, frame, false, features);
    apply<2 * MAX_FRAME + 1>(encoder.input, features, h);
    run_stack(encoder.stack, shape.width, h, state + overlap);
    apply<MAX_WIDTH>(encoder.gate, h, gate);
    open_gate(u, gate, frame);
    multiply(encoder.linear_path, u, linear);
    linear[shape.latent - 1] = gain_to_latent(encoder.companding, shape, log_gain);
    apply<MAX_WIDTH>(encoder.output, h, correction);
    for (int i = 0; i < shape.latent; i++) latent[i] = linear[i] + correction[i];
}

static void encode(const Codec &codec, int n_frames, const float *audio, float *state, float *latents) {
    const FlushDenormals flush;
    for (int i = 0; i < n_frames; i++) encode_frame(codec, audio + (size_t)i * codec.shape.frame, state, latents + (size_t)i * codec.shape.latent);
}

// Coefficients `[frame]` -> their samples, those of the overlap after them kept in `tail [overlap]`.
static void synthesise(const FloatMatrix &synthesis, const lamina_shape &shape, const float *c, float *tail, float *audio) {
    float wide[MAX_SUPPORT];
    multiply(synthesis, c, wide);
    for (int i = 0; i < shape.overlap; i++) wide[i] += tail[i];
    copy(audio, wide, shape.frame);
    copy(tail, wide + shape.frame, shape.overlap);
}

// Tells the decoder's hidden channels how many layers the latents are made of and how much is denoised (`Briefing` in `models/network/film.py`).
static void brief(const Briefing &briefing, int layers, float denoise, int width, float *h) {
    const float *scale = briefing.layer_scale.data() + (size_t)layers * width, *shift = briefing.layer_shift.data() + (size_t)layers * width;
    for (int i = 0; i < width; i += LANES) {
        const Floats factor = 1.0f + load(scale + i) + denoise * load(briefing.denoise_scale.data() + i);
        store(h + i, load(h + i) * factor + load(shift + i) + denoise * load(briefing.denoise_shift.data() + i));
    }
}

// Takes noise away from a frame's coefficients (`models/network/denoiser.py`), in place. A frame that isn't denoised is remembered as silence.
static void attenuate(const Denoiser &denoiser, const lamina_shape &shape, const float *z, float amount, float *state, float *c) {
    const int bands = DENOISER_BANDS, frame = shape.frame, width = shape.denoiser_width;
    float power[MAX_FRAME], features[DENOISER_BANDS + MAX_LATENT + ROOM], h[MAX_WIDTH + ROOM], logits[DENOISER_BANDS + ROOM], kept[MAX_FRAME];
    float &remembered = state[0];
    if (!(amount > 0)) {
        if (!(remembered > 0)) return;
        remembered -= 1;
        float *of_block = state + 1;
        for (const ResidualBlock &block : denoiser.stack) {
            const int context = 2 * block.dilation * width;
            std::memmove(of_block, of_block + width, (context - width) * sizeof(float));
            std::memset(of_block + context - width, 0, width * sizeof(float));
            of_block += context;
        }
        return;
    }
    remembered = (float)longest_context(denoiser.stack);
    for (int i = 0; i < frame; i += LANES) store(power + i, load(c + i) * load(c + i));
    multiply(denoiser.bands, power, features);
    for (int i = 0; i < bands; i += LANES) store(features + i, logarithm(load(features + i) + POWER_FLOOR) * 0.2f + 2.0f);
    copy(features + bands, z, shape.latent);
    apply<DENOISER_BANDS + MAX_LATENT>(denoiser.input, features, h);
    run_stack(denoiser.stack, width, h, state + 1);
    gelu_of(h, h, width);
    apply<MAX_WIDTH>(denoiser.output, h, logits);
    multiply(denoiser.spread, logits, kept);
    for (int i = 0; i < frame; i += LANES) {
        const Floats logit = clamped(load(kept + i), -LARGEST_LOGIT, LARGEST_LOGIT);
        store(c + i, load(c + i) * exponential(-amount * logarithm(1.0f + exponential(-logit))));
    }
}

static void decode_frame(const Codec &codec, const float *latent, float denoise, int layers, float *state, float *audio) {
    const lamina_shape &shape = codec.shape;
    const Decoder &decoder = codec.decoder;
    const int n = shape.latent, frame = shape.frame, width = shape.width;
    float taps[3 * MAX_LATENT + ROOM], h[MAX_WIDTH + ROOM], raw[2 * MAX_FRAME], v[MAX_FRAME];
    float *z = taps + 2 * n;
    for (int i = 0; i < n; i++) z[i] = latent[i] * (1.0f + denoise * decoder.film_scale[i]) + denoise * decoder.film_shift[i];
    copy(taps, state, 2 * n);
    multiply(decoder.linear_path, z, v);
    const float log_gain = latent_to_gain(decoder.companding, shape, z[n - 1]);
    copy(state, taps + n, 2 * n);
    apply<3 * MAX_LATENT>(decoder.input, taps, h);
    const int most = layers_of(shape);
    if (shape.informed) brief(decoder.briefing, layers < 0 ? 0 : layers > most ? most : layers, denoise, width, h);
    run_stack(decoder.stack, width, h, state + 2 * n);
    float *tail = state + codec.decoder_state - shape.overlap;
    gelu_of(h, h, width);
    apply<MAX_WIDTH>(decoder.output, h, raw);
    for (int i = 0; i < frame; i += LANES) store(v + i, load(raw + i) * DECODER_CORRECTION + load(v + i));
    open_gate(v, raw + frame, frame);
    expand(decoder.companding, shape, v, log_gain);
    if (shape.denoiser_blocks) attenuate(decoder.denoiser, shape, z, denoise, tail - codec.denoiser_state, v);
    synthesise(decoder.synthesis, shape, v, tail, audio);
}

static void decode(const Codec &codec, int n_frames, const float *latents, const float *denoise, const int32_t *layers, float *state,
                   float *audio) {
    const FlushDenormals flush;
    for (int i = 0; i < n_frames; i++)
        decode_frame(codec, latents + (size_t)i * codec.shape.latent, denoise[i], layers[i], state, audio + (size_t)i * codec.shape.frame);
}

// ---- Quantizer ---------------------------------------------------------------------------------------------------------------------

// Likeness of what is left, in the layer's directions, to each entry: higher is nearer.
static void compare(const Codebook &book, float *projected, float *likeness) {
    ByteRow<MAX_CODE_WIDTH> row;
    to_bytes(projected, book.compared.columns, row.bytes, row.scales);
    multiply(book.compared, row.bytes, row.scales, likeness);
    for (int i = 0; i < padded(book.compared.rows); i += LANES) store(likeness + i, load(likeness + i) + load(book.offsets.data() + i));
}

// Where the largest of `n` values is, the first if there are several. `n` is a multiple of eight.
static int largest_of(const float *values, int n) {
    Floats best = load(values);
    Ints place = {0, 1, 2, 3, 4, 5, 6, 7}, found = place;
    for (int i = LANES; i < n; i += LANES) {
        const Floats here = load(values + i);
        place += LANES;
        const Ints better = here > best;
        best = choose(better, here, best);
        found = (better & place) | (~better & found);
    }
    int first = 0;
    for (int i = 1; i < LANES; i++)
        if (best[i] > best[first] || (best[i] == best[first] && found[i] < found[first])) first = i;
    return found[first];
}

// A code beyond the codebook is taken for its last entry.
static const float *point_of(const Codebook &book, int code) {
    const int entry = code < book.compared.rows ? code : book.compared.rows - 1;
    return book.points.data() + (size_t)entry * padded(book.compared.columns);
}

// Adds `sign` times what a code stands for to `latent [padded]`.
static void add_entry(const Codebook &book, int code, float sign, float *latent) {
    float entry[MAX_LATENT];
    multiply(book.expansion, point_of(book, code), entry);
    for (int i = 0; i < padded(book.expansion.rows); i += LANES) store(latent + i, load(latent + i) + sign * load(entry + i));
}

struct Path {
    float left[MAX_LATENT];
    float cost;
    int32_t codes[MAX_LAYERS];
};

// Codes of the layers `first` to `layers` of what is left, `left [padded]`, which is replaced by what they leave: of each path's two nearest
// entries the `width` paths with the least error go on (a beam search). One path is the ordinary greedy choice.
static void search(const std::vector<Codebook> &books, int first, int layers, int latent, int width, float *left, int32_t *codes) {
    constexpr int CHILDREN = 2, MAX_CHILDREN = MAX_CANDIDATES * CHILDREN;
    struct Child {
        float cost;
        int parent, code;
    };
    Path paths[2][MAX_CANDIDATES];
    float projected[MAX_CODE_WIDTH + ROOM], likeness[MAX_ENTRIES];
    Path *now = paths[0], *next = paths[1];
    copy(now[0].left, left, padded(latent));
    now[0].cost = 0;
    int n_paths = 1;
    for (int layer = first; layer < layers; layer++) {
        const Codebook &book = books[layer];
        const int n_entries = padded(book.compared.rows);
        const int n_each = n_paths == 1 && width > CHILDREN ? width : CHILDREN;
        Child children[MAX_CHILDREN];
        int n_children = 0;
        for (int parent = 0; parent < n_paths; parent++) {
            multiply(book.basis, now[parent].left, projected);
            compare(book, projected, likeness);
            for (int i = 0; i < n_each; i++) {
                const int code = largest_of(likeness, n_entries);
                likeness[code] = -3e38f;
                // The list is made in bytes; what decides is exact.
                const float change = -2.0f * (dot(projected, point_of(book, code), padded(book.compared.columns)) + book.offsets[code]);
                Child child = {now[parent].cost + change, parent, code};
                int at = n_children++;
                for (; at > 0 && child.cost < children[at - 1].cost; at--) children[at] = children[at - 1];
                children[at] = child;
            }
        }
        n_paths = n_children < width ? n_children : width;
        for (int i = 0; i < n_paths; i++) {
            const Child &child = children[i];
            const Path &from = now[child.parent];
            copy(next[i].left, from.left, padded(latent));
            std::memcpy(next[i].codes + first, from.codes + first, (layer - first) * sizeof(int32_t));
            next[i].codes[layer] = child.code;
            next[i].cost = child.cost;
            add_entry(book, child.code, -1.0f, next[i].left);
        }
        Path *swapped = now;
        now = next, next = swapped;
    }
    std::memcpy(codes + first, now[0].codes + first, (layers - first) * sizeof(int32_t));
    copy(left, now[0].left, padded(latent));
}

// Codes of `layers` layers, or of as many as there are. Those that a loop hears are decided before the others, whatever follows, so that
// streams of more layers share them.
static void quantize_frame(const std::vector<Codebook> &books, int layers, int heard, int latent, int width, float *left, int32_t *codes) {
    layers = layers < (int)books.size() ? layers : (int)books.size();
    width = width < 1 ? 1 : width < MAX_CANDIDATES ? width : MAX_CANDIDATES;
    if (layers > 0) search(books, 0, layers < heard ? layers : heard, latent, width, left, codes);
    if (layers > heard) search(books, heard, layers, latent, width, left, codes);
}

// How many residual layers the loop hears; all without a memory.
static int heard_layers(const lamina_shape &shape) { return shape.past ? shape.loop_layers - 1 : MAX_LAYERS; }

static void quantize(const Codec &codec, int n, const float *latents, const int32_t *counts, int width, bool coarse, int stride, int32_t *codes) {
    const FlushDenormals flush;
    const int latent = codec.shape.latent;
    float left[MAX_LATENT] = {0};
    for (int i = 0; i < n; i++) {
        copy(left, latents + (size_t)i * latent, latent);
        quantize_frame(coarse ? codec.coarse : codec.residual, counts[i] < stride ? counts[i] : stride, heard_layers(codec.shape), latent, width, left, codes + (size_t)i * stride);
    }
}

// ---- Memory ------------------------------------------------------------------------------------------------------------------------

// Parts of the loop's state: remembered latents, the sketch's tail and past, and the last lag code that came.
struct LoopState {
    float *latents, *tail, *past, *lag;
    LoopState(const lamina_shape &shape, float *state)
        : latents(state), tail(latents + shape.history * shape.latent), past(tail + shape.overlap), lag(past + shape.past) {}
};

// Likewise of the search for lags: samples for the filters, emphasised samples, and these at the slower rate.
struct LagState {
    float *tail, *sharp, *slow;
    int n_sharp, n_slow;
    LagState(const lamina_shape &shape, float *state)
        : tail(state), sharp(tail + LOW_PASS_TAPS), slow(sharp + shape.past + shape.overlap), n_sharp(shape.past + shape.overlap),
          n_slow((shape.past + shape.overlap) / DECIMATION) {}
};

// How the sound that ends at `end` goes on by a lag for `n` samples: periodically where the lag is shorter.
static void extend(const float *end, int lag, int n, float *extension) {
    for (int i = 0, place = 0; i < n; i++) {
        extension[i] = end[place - lag];
        place = place + 1 == lag ? 0 : place + 1;
    }
}

// Sample by sample around one of the slower rate's lags, with the extension itself: the code of the lag that fits best.
static int nearest_lag(const Memory &memory, const float *wanted, int support, int slow) {
    int code = 0;
    float most = -1;
    for (int near = 0; near < NEAR; near++) {
        const int candidate = memory.near_codes[slow * NEAR + near];
        float extension[MAX_SUPPORT];
        extend(wanted, memory.lags[candidate], support, extension);
        const int whole = support / LANES * LANES;
        float product = dot(extension, wanted, whole), energy = dot(extension, extension, whole);
        for (int i = whole; i < support; i++) product += extension[i] * wanted[i], energy += extension[i] * extension[i];
        product = product > 0 ? product : 0;
        const float here = product * product / (energy + ENERGY_FLOOR);
        if (here > most) most = here, code = candidate;
    }
    return code;
}

// One frame's samples -> codes of the lags that fit best, the best one first (`LagSearch`).
static void find_lags(const Codec &codec, const float *audio, float *lag_state, int n_wanted, int *found) {
    const lamina_shape &shape = codec.shape;
    const Memory &memory = codec.memory;
    LagState state(shape, lag_state);
    const int frame = shape.frame, support = shape.frame + shape.overlap, n_slow_frame = frame / DECIMATION;
    float joined[MAX_FRAME + LOW_PASS_TAPS + LANES], sharp[MAX_PAST + MAX_SUPPORT], slow[(MAX_PAST + MAX_SUPPORT) / DECIMATION + 4 * LANES];
    copy(joined, state.tail, LOW_PASS_TAPS);
    copy(joined + LOW_PASS_TAPS, audio, frame);
    for (int i = 0; i < LANES; i++) joined[LOW_PASS_TAPS + frame + i] = 0;
    copy(sharp, state.sharp, state.n_sharp);
    for (int i = 0; i < frame; i++) sharp[state.n_sharp + i] = joined[LOW_PASS_TAPS + i] - PRE_EMPHASIS * joined[LOW_PASS_TAPS + i - 1];
    copy(slow, state.slow, state.n_slow);
    for (int i = 0; i < n_slow_frame; i++)
        slow[state.n_slow + i] = dot(joined + DECIMATION * i + DECIMATION - 1, memory.low_pass.data(), (int)memory.low_pass.size());
    copy(state.tail, joined + frame, LOW_PASS_TAPS);
    copy(state.sharp, sharp + frame, state.n_sharp);
    copy(state.slow, slow + n_slow_frame, state.n_slow);

    // At the slower rate: normalised correlation with everything that lies one lag before, from the longest lag to the shortest.
    const int shortest = shape.shortest_lag / DECIMATION;
    const int longest = (int)memory.near_codes.size() / NEAR - 1 + shortest, n_lags = longest - shortest + 1;
    const int n_past = shape.past / DECIMATION, n_support = support / DECIMATION;
    for (int i = 0; i < 4 * LANES; i++) slow[n_past + n_support + i] = 0;
    const float *reached = slow + n_past - longest, *target = slow + n_past;
    float likeness[MAX_PAST / DECIMATION + LANES];
    for (int lag = 0; lag < n_lags; lag += LANES) {
        Floats product = all(0), energy = all(0);
        for (int i = 0; i < n_support; i++) {
            const Floats there = load(reached + lag + i);
            product += target[i] * there;
            energy += there * there;
        }
        product = larger(product, all(0));
        store(likeness + lag, product * product / (energy + ENERGY_FLOOR));
    }
    for (int i = n_lags; i < padded(n_lags); i++) likeness[i] = -1;

    for (int rank = 0; rank < n_wanted; rank++) {
        const int place = largest_of(likeness, padded(n_lags));
        found[rank] = nearest_lag(memory, sharp + shape.past, support, n_lags - 1 - place);
        for (int i = place - APART; i <= place + APART; i++)
            if (i >= 0 && i < n_lags) likeness[i] = -1;
    }
}

// h + W2 gelu(W1 h), several times, then gelu (`Blocks`), in place.
static void run_blocks(const std::vector<DenseBlock> &blocks, int width, float *h) {
    float hidden[MAX_WIDTH + ROOM], change[MAX_WIDTH];
    for (const DenseBlock &block : blocks) {
        apply<MAX_WIDTH>(block.first, h, hidden);
        gelu_of(hidden, hidden, width);
        apply<MAX_WIDTH>(block.second, hidden, change);
        for (int i = 0; i < width; i += LANES) store(h + i, load(h + i) + load(change + i));
    }
    gelu_of(h, h, width);
}

// The loop's past, made ready for a frame.
struct Past {
    float scaled[MAX_HISTORY * MAX_LATENT + ROOM]; // remembered latents in units of their usual size, within bounds
    float newest_gain;                             // the newest one's last dimension
};

// Moves the sketch on by one frame (`Memory.sketched`).
static void look_back(const Codec &codec, LoopState &state, Past &past) {
    const lamina_shape &shape = codec.shape;
    const Memory &memory = codec.memory;
    const int n = shape.latent, frame = shape.frame, width = shape.memory_width, n_history = shape.history * n;
    float newest[MAX_LATENT + ROOM], h[MAX_WIDTH + ROOM], raw[2 * MAX_FRAME], v[MAX_FRAME + ROOM], head[MAX_FRAME];
    for (int i = 0; i < n_history; i += n)
        for (int j = 0; j < n; j++) {
            const float x = state.latents[i + j] * memory.inverse_scale[j];
            past.scaled[i + j] = x < -LARGEST_LATENT ? -LARGEST_LATENT : x > LARGEST_LATENT ? LARGEST_LATENT : x;
        }
    for (int j = 0; j < n; j++) newest[j] = past.scaled[n_history - n + j] * memory.scale[j];
    past.newest_gain = newest[n - 1];
    apply<MAX_HISTORY * MAX_LATENT>(memory.sketch_input, past.scaled, h);
    run_blocks(memory.sketch_blocks, width, h);
    apply<MAX_WIDTH>(memory.sketch_output, h, raw);
    apply<MAX_LATENT>(memory.sketch_linear, newest, v);
    for (int i = 0; i < frame; i += LANES) store(v + i, load(raw + i) + load(v + i));
    open_gate(v, raw + frame, frame);
    expand(memory.companding, shape, v, latent_to_gain(memory.companding, shape, past.newest_gain));
    // The filterbank is encoder's and decoder's.
    synthesise(codec.decoder.synthesis, shape, v, state.tail, head);
    remember(state.past, shape.past, head, frame);
}

// What is to be expected of the frame behind that past (`Memory.predicted`), all of it, `[latent]`. A negative lag code: without one.
static void predict(const Codec &codec, const LoopState &state, const Past &past, int lag_code, float *prediction) {
    const lamina_shape &shape = codec.shape;
    const Memory &memory = codec.memory;
    const int n = shape.latent, frame = shape.frame, n_history = shape.history * n, support = frame + shape.overlap;
    float extension[MAX_SUPPORT], c[MAX_FRAME], u[MAX_FRAME + ROOM], h[MAX_WIDTH + ROOM];
    float features[2 * MAX_FRAME + 1 + MAX_HISTORY * MAX_LATENT + ROOM];
    if (lag_code >= 0) {
        extend(state.past + shape.past, memory.lags[lag_code], support, extension);
        multiply(codec.encoder.analysis, extension, c);
    } else {
        std::memset(c, 0, sizeof c);
    }
    const float log_gain = compress(memory.companding, shape, c, u);
    describe(c, u, log_gain, frame, true, features);
    copy(features + 2 * frame + 1, past.scaled, n_history);
    apply<2 * MAX_FRAME + 1 + MAX_HISTORY * MAX_LATENT>(memory.input, features, h);
    run_blocks(memory.blocks, shape.memory_width, h);
    float gate[MAX_FRAME], confidence[MAX_LATENT], correction[MAX_LATENT], extended[MAX_LATENT + LANES];
    apply<MAX_WIDTH>(memory.gate, h, gate);
    apply<MAX_WIDTH>(memory.confidence, h, confidence);
    apply<MAX_WIDTH>(memory.correction, h, correction);
    open_gate(u, gate, frame);
    apply<MAX_FRAME>(memory.linear_path, u, extended);
    extended[n - 1] = lag_code >= 0 ? gain_to_latent(memory.companding, shape, log_gain) : past.newest_gain;
    for (int i = n; i < padded(n); i++) extended[i] = 0;
    float found[MAX_LATENT];
    for (int i = 0; i < padded(n); i += LANES) {
        const Floats trusted = LEAK * sigmoid(load(confidence + i)) * load(extended + i);
        store(found + i, trusted + hyperbolic_tangent(load(correction + i)) * (LARGEST_CORRECTION * load(memory.scale.data() + i)));
    }
    copy(prediction, found, n);
}

// The next frame's prediction, as much of it as counts (`Memory.foresee`).
static void foresee(const Codec &codec, int lag_code, bool has_lag, LoopState &state, float *prediction) {
    const lamina_shape &shape = codec.shape;
    const int n_lags = shape.fine_lags + shape.coarse_lags;
    Past past;
    look_back(codec, state, past);
    predict(codec, state, past, has_lag ? lag_code % n_lags : -1, prediction);
    const float share = has_lag && lag_code >= n_lags ? shape.guarded : shape.trust;
    for (int i = 0; i < shape.latent; i++) prediction[i] *= share;
}

// What a share of a prediction leaves of a latent, squared.
static float surprise(const float *latent, const float *prediction, float share, int n) {
    Floats sum = all(0);
    int i = 0;
    for (; i + LANES <= n; i += LANES) {
        const Floats left = load(latent + i) - load(prediction + i) * share;
        sum += left * left;
    }
    float result = sum_of(sum);
    for (; i < n; i++) result += (latent[i] - prediction[i] * share) * (latent[i] - prediction[i] * share);
    return result;
}

// The sender's choice of a lag, by what its prediction leaves to be coded: its code, that of a guarded frame where less of it fits better.
static int foresee_best(const Codec &codec, const int *candidates, int n_candidates, bool guarded, const float *latent, LoopState &state,
                        float *prediction) {
    const lamina_shape &shape = codec.shape;
    const int n_lags = shape.fine_lags + shape.coarse_lags, n = shape.latent;
    Past past;
    look_back(codec, state, past);
    float least = 0, share = 0, found[MAX_LATENT];
    int code = -1;
    for (int i = 0; i < n_candidates; i++) {
        predict(codec, state, past, candidates[i], found);
        for (int half = guarded ? 1 : 0; half < 2; half++) {
            const float tried = half ? shape.guarded : shape.trust, left = surprise(latent, found, tried, n);
            if (code < 0 || left < least) {
                least = left, share = tried, code = candidates[i] + half * n_lags;
                copy(prediction, found, n);
            }
        }
    }
    for (int i = 0; i < n; i++) prediction[i] *= share;
    return code;
}

// Remember a frame as its prediction and the codes that the loop hears say it; the same sum on both sides. Negative codes got lost.
static void hear(const Codec &codec, const float *prediction, const int32_t *codes, int n_codes, int count, bool lagged, LoopState &state) {
    const lamina_shape &shape = codec.shape;
    float sum[MAX_LATENT] = {0};
    const int there = count < n_codes ? count : n_codes, heard = there < shape.loop_layers ? there : shape.loop_layers;
    for (int layer = lagged ? 1 : 0; layer < heard; layer++)
        if (codes[layer] >= 0) add_entry(lagged ? codec.residual[layer - 1] : codec.coarse[layer], codes[layer], 1.0f, sum);
    float latent[MAX_LATENT];
    for (int i = 0; i < shape.latent; i++) latent[i] = prediction[i] + sum[i];
    remember(state.latents, shape.history * shape.latent, latent, shape.latent);
}

static void send(const Codec &codec, int n_frames, const float *audio, const float *latents, const int32_t *counts, const int32_t *widths,
                 const int32_t *guarded, float *lag_state, float *loop_state, int stride, int32_t *codes, float *predictions) {
    const FlushDenormals flush;
    const lamina_shape &shape = codec.shape;
    if (!shape.past || stride < 1) return;
    LoopState state(shape, loop_state);
    for (int index = 0; index < n_frames; index++, audio += shape.frame, latents += shape.latent, predictions += shape.latent, codes += stride) {
        const int count = counts[index] < stride ? counts[index] : stride;
        const bool lagged = count >= shape.from_layers;
        const int n_candidates = widths[index] > 1 ? TRIED_LAGS : 1;
        int candidates[TRIED_LAGS];
        find_lags(codec, audio, lag_state, n_candidates, candidates);
        int lag = 0;
        if (lagged) {
            lag = foresee_best(codec, candidates, n_candidates, guarded[index], latents, state, predictions);
            *state.lag = (float)lag; // the last one that was sent, as the receiver knows it
        } else {
            // Who is sent nothing takes it for lost; so does the sender.
            foresee(codec, (int)*state.lag, count == 0, state, predictions);
        }
        float left[MAX_LATENT] = {0};
        for (int i = 0; i < shape.latent; i++) left[i] = latents[i] - predictions[i];
        for (int layer = 0; layer < stride; layer++) codes[layer] = 0;
        if (lagged) {
            codes[0] = lag;
            quantize_frame(codec.residual, count - 1, heard_layers(shape), shape.latent, widths[index], left, codes + 1);
        } else {
            quantize_frame(codec.coarse, count, heard_layers(shape), shape.latent, widths[index], left, codes);
        }
        hear(codec, predictions, codes, stride, count, lagged, state);
    }
}

static void receive(const Codec &codec, int n_frames, const int32_t *codes, int stride, const int32_t *counts, const float *given,
                    bool conceal, float *loop_state, float *predictions) {
    const FlushDenormals flush;
    const lamina_shape &shape = codec.shape;
    const int most = 2 * (shape.fine_lags + shape.coarse_lags) - 1;
    if (!shape.past || stride < 1) return;
    LoopState state(shape, loop_state);
    for (int index = 0; index < n_frames; index++, codes += stride, predictions += shape.latent) {
        const int count = counts[index];
        const bool lagged = count >= shape.from_layers;
        if (lagged && codes[0] >= 0) *state.lag = (float)(codes[0] < most ? codes[0] : most);
        foresee(codec, (int)*state.lag, lagged || (conceal && count == 0), state, predictions);
        hear(codec, given ? given + (size_t)index * shape.latent : predictions, codes, stride, count, lagged, state);
    }
}

// What a code stands for, rounded once: sums of products of half-precision numbers are exact in double precision, whatever their order.
static void add_exact(const Codebook &book, int code, float weight, int latent, float *sum) {
    const FlushDenormals flush;
    const int stride = padded(book.expansion.rows), width = book.expansion.columns;
    const float *point = point_of(book, code), *values = book.expansion.values.data();
    for (int row = 0; row < latent; row += 4) {
        Doubles entry = {0, 0, 0, 0};
        for (int column = 0; column < width; column++) {
            const Quad four = load_quad(values + (size_t)column * stride + row);
            entry += (double)point[column] * __builtin_convertvector(four, Doubles);
        }
        for (int i = 0; i < 4 && row + i < latent; i++) {
            const float rounded = (float)entry[i];
            sum[row + i] += weight * rounded;
        }
    }
}

extern const Calls calls;
const Calls calls = {LAMINA_AVX2 ? "avx2" : "baseline", encode, decode, quantize, send, receive, add_exact, postfilter};

} // namespace LAMINA_SET
} // namespace lamina
