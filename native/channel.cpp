#include "channel.h"

#include <algorithm>
#include <cmath>

namespace lamina {
namespace {

constexpr int LOSE_FRAME = 1, LOSE_LAYER = 2, WHICH_LAYER = 3, HELD_WHOLE = 4;
constexpr double HELD_FALL = 0.84, FADE_LAYERS = 0.6, FADE_LEVEL = 0.88, FORESEEN_LEVEL = 0.9, RECOVERED = 0.05;

} // namespace

double uniform(uint64_t seed, uint64_t what, uint64_t index) {
    uint64_t x = 0;
    for (const uint64_t part : {seed, what, index}) {
        x = (x ^ part) + 0x9E3779B97F4A7C15u;
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
        x ^= x >> 31;
    }
    return (double)(x >> 11) * 0x1p-53;
}

int Channel::loop_frames(const Model &model) {
    const lamina_shape &shape = model.shape;
    return shape.past ? shape.history + (shape.past + shape.frame - 1) / shape.frame + 1 : 0;
}

Channel::Channel(std::shared_ptr<const Model> model, int n_channels)
    : model_(std::move(model)), n_channels_(n_channels), arrived_(REPEATED), passed_(std::max(1, loop_frames(*model_))),
      predicted_((size_t)MOST_CHANNELS * model_->shape.latent) {
    for (auto &loop : loops_) loop.resize(model_->loop_state);
}

FrameRef Channel::step(const FrameRef &frame, const Settings &settings, long index) {
    if (loses(settings, index) || frame->layers == 0) {
        n_lost_++;
        return concealed(received(frame.thinned(0), frame), settings.concealment);
    }
    n_lost_ = 0;
    FrameRef arrived = frame;
    if (settings.layer_loss > 0 && uniform(settings.seed, LOSE_LAYER, index) < settings.layer_loss) {
        int layer = settings.lost_layer;
        if (!layer) layer = 1 + (int)(uniform(settings.seed, WHICH_LAYER, index) * frame->layers);
        arrived = frame.copied();
        for (auto &codes : arrived.edit().codes) codes[std::min(layer, MOST_LAYERS) - 1] = ABSENT;
    }
    arrived = received(arrived, frame);
    arrived_.add(arrived);
    note_lag(*arrived);
    return arrived;
}

void Channel::note(const FrameRef &frame) {
    n_lost_ = 0, in_burst_ = false;
    arrived_.add(frame);
    passed_.add(frame);
    note_lag(*frame);
}

// What arrived of a frame, as foreseen by the receiver; without a memory the frame itself.
FrameRef Channel::received(FrameRef arrived, const FrameRef &sent) {
    const bool is_whole = arrived == sent;
    if (!model_->shape.past || (is_whole && !is_receiving_)) {
        passed_.add(arrived);
        return arrived;
    }
    if (!is_receiving_) catch_up();
    foresee(*arrived, nullptr, true, predicted_.data());
    if (is_whole) {
        double difference = 0, size = 0;
        for (int i = 0; i < n_channels_ * model_->shape.latent; i++) {
            const double apart = predicted_[i] - sent->prediction[i];
            difference += apart * apart, size += (double)sent->prediction[i] * sent->prediction[i];
        }
        if (std::sqrt(difference) <= RECOVERED * std::sqrt(size)) is_receiving_ = false;
    }
    arrived = arrived.copied();
    std::copy_n(predicted_.data(), n_channels_ * model_->shape.latent, arrived.edit().prediction);
    passed_.add(arrived);
    return arrived;
}

// A receiver's loop that heard what has passed.
void Channel::catch_up() {
    is_receiving_ = true;
    for (auto &loop : loops_) std::fill(loop.begin(), loop.end(), 0.0f);
    for (int age = passed_.size() - 1; age >= 0; age--) {
        const CodedFrame &frame = *passed_.back(age);
        foresee(frame, frame.prediction, false, predicted_.data());
    }
}

void Channel::foresee(const CodedFrame &frame, const float *given, bool conceal, float *predictions) {
    const int n = model_->shape.latent;
    for (int c = 0; c < n_channels_; c++) {
        int32_t codes[MOST_LAYERS];
        for (int layer = 0; layer < MOST_LAYERS; layer++) codes[layer] = frame.codes[c][layer];
        const int32_t count = count_of(frame, c);
        lamina_receive(model_->codec, 1, codes, model_->layers, &count, given ? given + c * n : nullptr, conceal,
                       loops_[c].data(), predictions + c * n);
    }
}

bool Channel::is_foreseen_by_lag(const CodedFrame &frame, int channel) const {
    return model_->shape.past && frame.first[channel] == 0;
}

// How many layers of a frame a loop may hear: 0 if it got lost, else those of a frame with a lag, or without one.
int Channel::count_of(const CodedFrame &frame, int channel) const {
    if (!frame.has_codes(channel)) return 0;
    return is_foreseen_by_lag(frame, channel) ? model_->layers : model_->shape.coarse_layers;
}

void Channel::note_lag(const CodedFrame &frame) {
    for (int c = 0; c < n_channels_; c++)
        if (is_foreseen_by_lag(frame, c) && frame.codes[c][0] >= 0) lag_[c] = frame.codes[c][0];
}

bool Channel::loses(const Settings &settings, long index) {
    const double share = settings.frame_loss;
    if (share <= 0) {
        in_burst_ = false;
        return false;
    }
    if (settings.loss_model == LossModel::pattern) {
        const int period = settings.loss_period;
        return index % period >= period - (int)std::nearbyint(share * period);
    }
    const double drawn = uniform(settings.seed, LOSE_FRAME, index);
    if (settings.loss_model == LossModel::random || share >= 1) return drawn < share;
    // Gilbert (1960): a burst ends with probability 1/length, and begins so often that `share` of all frames are in
    // one.
    const double leave = 1.0 / settings.loss_burst, enter = std::min(1.0, leave * share / (1 - share));
    in_burst_ = in_burst_ ? drawn >= leave : drawn < enter;
    return in_burst_;
}

FrameRef Channel::concealed(const FrameRef &lost, Concealment how) const {
    if (!arrived_.size()) return lost.thinned(0, 0);
    const FrameRef &last = arrived_.back(0);
    bool is_foreseen = how == Concealment::foresee && model_->shape.past;
    for (int c = 0; c < n_channels_; c++) is_foreseen = is_foreseen && is_foreseen_by_lag(*lost, c);
    if (is_foreseen) {
        // The whole prediction counts, of which usually only a share does.
        const lamina_shape &shape = model_->shape;
        FrameRef found = lost.copied();
        CodedFrame &frame = found.edit();
        for (int c = 0; c < n_channels_; c++) {
            const float share = lag_[c] >= shape.fine_lags + shape.coarse_lags ? shape.guarded : shape.trust;
            for (int i = 0; i < shape.latent; i++) frame.prediction[c * shape.latent + i] /= share;
            frame.codes[c][0] = 0;
        }
        frame.layers = 1;
        frame.level = std::pow(FORESEEN_LEVEL, std::max(0, n_lost_ - 1));
        return found;
    }
    switch (how) {
    case Concealment::silence: return last.thinned(last->layers, 0);
    // To and fro from the newest one: 2nd newest, 3rd newest ... and back.
    case Concealment::repeat: return arrived_.back(to_and_fro(n_lost_, arrived_.size()));
    case Concealment::hold: return last.thinned(last->layers, std::pow(HELD_FALL, std::max(0, n_lost_ - HELD_WHOLE)));
    default: {
        const int layers = (int)(last->layers * std::pow(FADE_LAYERS, n_lost_));
        return last.thinned(std::max(1, layers), std::pow(FADE_LEVEL, n_lost_));
    }
    }
}

} // namespace lamina
