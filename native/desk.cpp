#include "desk.h"

#include <algorithm>
#include <cmath>

namespace lamina {
namespace {

constexpr int LAYERS_PER_DOUBLING = 4;
constexpr double RELEASE = 0.9, SOFTEST = 0.01; // of echoes
constexpr double SLICE_BEATS[] = {0.125, 0.25, 0.5, 1, 2, 4};
constexpr double MOST_GAIN = 3.5, SOFT_FROM = 0.8; // of the guard

// For how many frames a layer, counted from 0, is held.
int hold_length(int layer, const Settings &settings) {
    if (layer < settings.decimate_from - 1) return 1;
    if (!settings.decimate_slower) return settings.decimate_frames;
    int most = -1;
    for (int rest = Decimate::MOST_HELD / settings.decimate_frames; rest; rest >>= 1) most++;
    return settings.decimate_frames << std::min((layer - (settings.decimate_from - 1)) / LAYERS_PER_DOUBLING, most);
}

} // namespace

FrameRef Decimate::step(const FrameRef &frame, const Settings &settings, long index, int n_layers) {
    past_.add(frame);
    if (!is_active(settings) || frame->layers == 0) return frame;
    int ages[MOST_LAYERS];
    bool is_held = false;
    for (int layer = 0; layer < n_layers; layer++) {
        ages[layer] = (int)std::min<long>(index % hold_length(layer, settings), past_.size() - 1);
        is_held = is_held || ages[layer];
    }
    if (!is_held) return frame;
    // What the codec foresaw, and the level, go with layer 1.
    const FrameRef base = past_.back(ages[0]);
    FrameRef made = base.copied();
    CodedFrame &to = made.edit();
    to.peak = std::max(frame->peak, base->peak);
    to.layers = 0;
    for (int layer = 0; layer < n_layers; layer++) {
        const FrameRef &held = past_.back(ages[layer]);
        to.peak = std::max(to.peak, held->peak);
        for (int c = 0; c < MOST_CHANNELS; c++)
            // Frames of one or two layers have codebooks of their own: their codes can't stand beside those of others.
            if (held->first[c] == base->first[c]) to.codes[c][layer] = held->codes[c][layer];
    }
    for (int c = 0; c < MOST_CHANNELS; c++) {
        // A channel of which nothing comes now plays nothing, whatever is held of it.
        if (!frame->has_codes(c)) std::fill(std::begin(to.codes[c]), std::end(to.codes[c]), ABSENT);
        for (int layer = 0; layer < n_layers; layer++)
            if (to.codes[c][layer] >= 0) to.layers = std::max(to.layers, layer + 1);
    }
    return made;
}

FrameRef Slices::step(const FrameRef &frame, const Settings &settings, double frame_rate) {
    if (settings.slices != kind_) kind_ = settings.slices, place_ = 0;
    if (kind_ == SliceKind::off) {
        note(frame);
        return frame;
    }
    if (place_ == 0) {
        const double beats = SLICE_BEATS[(int)settings.slice_length];
        length_ = std::max(1, (int)std::nearbyint(beats * 60 / settings.tempo * frame_rate));
        // What was played just now, from its end.
        if (kind_ == SliceKind::reverse) cut(true);
    }
    note(frame);
    if (kind_ == SliceKind::reverse) {
        const FrameRef heard = place_ < n_slice_ ? slice_[place_] : frame;
        place_ = (place_ + 1) % length_;
        return heard;
    }
    // A slice as it comes, then the same so many times; what comes meanwhile is not heard.
    FrameRef heard = frame;
    if (place_ >= length_)
        heard = slice_[std::min(place_ % length_, n_slice_ - 1)];
    else if (place_ == length_ - 1)
        cut(false);
    if (++place_ >= length_ * (1 + settings.slice_repeats)) place_ = 0;
    return heard;
}

// Takes the newest frames for the slice.
void Slices::cut(bool is_reversed) {
    n_slice_ = std::min(length_, past_.size());
    for (int i = 0; i < n_slice_; i++) slice_[i] = past_.back(is_reversed ? i : n_slice_ - 1 - i);
}

void Echo::note(const FrameRef &frame) {
    envelope_ = std::max(frame->rms * frame->level, envelope_ * RELEASE);
    played_.add(frame);
}

FrameRef Echo::step(FrameRef frame, const Settings &settings) {
    envelope_ = std::max(frame->rms * frame->level, envelope_ * RELEASE);
    const double feedback = settings.code_feedback;
    if (feedback > 0 && settings.code_delay <= played_.size()) {
        const FrameRef &past = played_.back(settings.code_delay - 1);
        const double level = past->level * feedback;
        if (level > SOFTEST && past->rms * level > envelope_)
            frame = past.thinned(std::max(1, (int)(past->layers * feedback)), feedback);
    }
    played_.add(frame);
    return frame;
}

FrameRef Freeze::step(const FrameRef &frame, const Settings &settings, FrameRef &other, double &share) {
    if (settings.freeze && !n_held_ && played_.size()) {
        // What was played last comes first and leads backwards: no seam where the hold begins.
        n_held_ = std::min(settings.freeze_frames, played_.size());
        for (int i = 0; i < n_held_; i++) held_[i] = played_.back(i);
        place_ = 0;
    }
    played_.add(frame);
    if (!n_held_) return frame;
    const double step = 1.0 / (settings.freeze_fade + 1);
    share_ = settings.freeze ? std::min(1.0, share_ + step) : std::max(0.0, share_ - step);
    if (share_ == 0) {
        n_held_ = 0;
        return frame;
    }
    const FrameRef held = held_[to_and_fro(place_++, n_held_)];
    if (share_ >= 1) return held;
    other = held, share = share_;
    return frame;
}

// Everybody's rings and lists, and what is made of a frame on its way.
Desk::Desk(std::shared_ptr<const Model> model, int n_channels)
    : model_(std::move(model)), n_channels_(n_channels),
      store_(Channel::REPEATED + Channel::loop_frames(*model_) + Decimate::MOST_HELD + 2 * Slices::MOST_FRAMES +
                 Echo::MOST_DELAY + 2 * Freeze::MOST_FRAMES + 16,
             MOST_CHANNELS * model_->shape.latent),
      channel_(model_, n_channels) {
    for (auto &latent : mixed_) latent.resize(model_->shape.latent);
}

Played Desk::play(const FrameRef &sent, const Settings &settings, long index, float *const *latents) {
    bool has_gains = false;
    float gains[MOST_LAYERS];
    for (int layer = 0; layer < MOST_LAYERS; layer++) {
        gains[layer] = layer < N_GAINS ? (float)settings.layer_gains[layer] : 1.0f;
        has_gains = has_gains || (gains[layer] != 1 && layer < model_->layers);
    }
    const bool alters = has_gains || Channel::is_active(settings) || Decimate::is_active(settings) ||
                        Slices::is_active(settings) || Echo::is_active(settings) || Freeze::is_active(settings);
    FrameRef frame = sent, other;
    double share = 0;
    const bool is_altered = alters || sent->layers == 0 || !channel_.is_at_rest() || !freeze_.is_at_rest();
    if (is_altered) {
        frame = channel_.step(frame, settings, index);
        frame = decimate_.step(frame, settings, index, model_->layers);
        frame = slices_.step(frame, settings, model_->sample_rate / (double)model_->shape.frame);
        frame = echo_.step(frame, settings);
        frame = freeze_.step(frame, settings, other, share);
    } else {
        channel_.note(frame), decimate_.note(frame), slices_.note(frame), echo_.note(frame), freeze_.note(frame);
    }
    sum(*frame, gains, latents);
    Played played{{}, frame->peak, frame->level, is_altered};
    for (int c = 0; c < n_channels_; c++) played.layers[c] = frame->n_present(c);
    if (!other) return played;
    // The vectors for the decoder are mixed.
    float *const second[MOST_CHANNELS] = {mixed_[0].data(), mixed_[1].data()};
    sum(*other, gains, second);
    const float theirs = (float)share, own = 1 - theirs;
    for (int c = 0; c < n_channels_; c++) {
        for (int i = 0; i < model_->shape.latent; i++) latents[c][i] = own * latents[c][i] + theirs * second[c][i];
        if (share > 0.5) played.layers[c] = other->n_present(c);
    }
    played.peak = std::max(frame->peak, other->peak);
    played.level = (1 - share) * frame->level + share * other->level;
    return played;
}

// What a frame's codes and its prediction stand for, each layer times its gain.
void Desk::sum(const CodedFrame &frame, const float *gains, float *const *latents) const {
    const int n = model_->shape.latent;
    for (int c = 0; c < n_channels_; c++) {
        float *latent = latents[c];
        std::fill(latent, latent + n, 0.0f);
        bool is_heard = false;
        for (int layer = 0; layer < model_->layers; layer++) {
            if (frame.codes[c][layer] < 0) continue;
            is_heard = is_heard || gains[layer] != 0;
            lamina_add_entry(model_->codec, frame.first[c] + layer, frame.codes[c][layer], gains[layer], latent);
        }
        if (!is_heard) {
            std::copy(model_->silence.begin(), model_->silence.end(), latent);
        } else if (model_->shape.past) {
            // Where layer 1 is a lag, what it adds is the prediction; elsewhere that comes with any code.
            const float foreseen = frame.first[c] == 0 ? (frame.codes[c][0] >= 0 ? gains[0] : 0.0f) : 1.0f;
            for (int i = 0; i < n; i++) latent[i] = latent[i] + frame.prediction[c * n + i] * foreseen;
        }
    }
}

void Guard::pass(float *const *y, int n_channels, int n, const Played &played, bool is_turned) {
    peaks_[next_] = (float)played.peak;
    next_ = (next_ + 1) % REMEMBERED;
    const bool was_unaltered = !played.is_altered && n_unaltered_ >= REMEMBERED && (!has_gain_ || gain_ == 1);
    if (was_unaltered) {
        gain_ = 1, has_gain_ = true;
        return;
    }
    n_unaltered_ = played.is_altered ? 0 : n_unaltered_ + 1;
    const bool is_guarded = n_unaltered_ < REMEMBERED;
    if (!is_guarded && gain_ == 1) return;
    const auto size_at = [&](int i) {
        float size = std::fabs(y[0][i]);
        for (int c = 1; c < n_channels; c++)
            size = is_turned ? size + std::fabs(y[c][i]) : std::max(size, std::fabs(y[c][i]));
        return size;
    };
    float loudest = 0;
    for (int i = 0; i < n; i++) loudest = std::max(loudest, size_at(i));
    const double bound = MOST_GAIN * *std::max_element(peaks_, peaks_ + REMEMBERED);
    const double level = is_guarded ? played.level : 1;
    const double gain = is_guarded && loudest > 0 ? std::min(level, bound / loudest) : level;
    const double before = has_gain_ ? gain_ : gain;
    if (gain != 1 || before != 1) {
        const double step = (gain - before) / n;
        for (int i = 0; i < n; i++) {
            const float factor = (float)(i + 1 == n ? gain : before + (i + 1) * step);
            for (int c = 0; c < n_channels; c++) y[c][i] *= factor;
        }
    }
    gain_ = gain, has_gain_ = true;
    if (!is_guarded) return;
    const float knee = (float)(SOFT_FROM * bound), room = (float)(bound - SOFT_FROM * bound);
    for (int i = 0; i < n; i++) {
        const float size = size_at(i);
        if (bound > 0 && !(size > knee)) continue;
        const float factor = bound > 0 ? (knee + room * std::tanh((size - knee) / room)) / size : 0.0f;
        for (int c = 0; c < n_channels; c++) y[c][i] *= factor;
    }
}

} // namespace lamina
