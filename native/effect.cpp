#include "effect.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace lamina {
namespace {

struct Shares {
    double wet, dry;
};

// What wet and dry sound count in what is listened to.
Shares shares_of(const Settings &settings) {
    switch (settings.listen) {
    case Listen::wet: return {settings.mix, 1 - settings.mix};
    case Listen::dry: return {0, 1};
    case Listen::difference: return {-1, 1};
    default: return {1, 0};
    }
}

} // namespace

int Effect::latency_of(const Model &model, int sample_rate) {
    return bridge_latency(sample_rate, model.sample_rate, model.shape.frame, model.shape.overlap);
}

Effect::Effect(std::shared_ptr<const Model> model, int sample_rate, int n_channels)
    : model_(std::move(model)), rate_(sample_rate), n_channels_(n_channels),
      latency_(sample_rate >= LOWEST_RATE && sample_rate <= HIGHEST_RATE
                   ? latency_of(*model_, sample_rate)
                   : throw std::invalid_argument("The sample rate must be 8000 to 192000 Hz.")),
      is_resampled_(sample_rate != model_->sample_rate), frames_(model_, n_channels),
      stereo_(latency_, ramp_samples(sample_rate)), turned_(CHUNK) {
    if (n_channels < 1 || n_channels > MOST_CHANNELS) throw std::invalid_argument("There must be 1 or 2 channels.");
    const int core_rate = model_->sample_rate, frame = model_->shape.frame;
    const int64_t offset = (int64_t)model_->shape.overlap * rate_ - (int64_t)latency_ * core_rate;
    for (int i = 0; i < n_channels; i++) {
        Channel channel{Resampler(rate_, is_resampled_ ? core_rate : rate_, 0, CHUNK),
                        Resampler(core_rate, is_resampled_ ? rate_ : core_rate, is_resampled_ ? offset : 0, frame),
                        Delay(latency_), Delay(latency_)};
        for (auto *samples : {&channel.clean, &channel.driven, &channel.dried, &channel.coded, &channel.wet})
            samples->resize(CHUNK);
        channel.waiting.resize(frame + channel.into.most_outputs(CHUNK) + CHUNK);
        channel.core.resize(frame);
        // What stands before the first frame is silence and ready at once.
        const int n_before = is_resampled_ ? 0 : latency_ - model_->shape.overlap;
        const int most_frames = (int)channel.waiting.size() / frame + 1;
        channel.ready.resize(latency_ + CHUNK + (most_frames + 1) * channel.back.most_outputs(frame) +
                                 channel.back.most_outputs((int)-offset / rate_ + 1),
                             0.0f);
        n_ready_ = is_resampled_ ? channel.back.push(nullptr, 0, channel.ready.data()) : n_before;
        channels_.push_back(std::move(channel));
    }
}

void Effect::begin(const Settings &settings) {
    const int ramp = ramp_samples(rate_);
    input_gain_ = Ramp(from_decibels(settings.input_gain_db), ramp),
    output_gain_ = Ramp(from_decibels(settings.output_gain_db), ramp);
    wet_share_ = Ramp(shares_of(settings).wet, ramp), dry_share_ = Ramp(shares_of(settings).dry, ramp);
    bypass_ = Ramp(settings.bypass, ramp);
    stereo_.begin(settings.stereo != Stereo::linked, settings.stereo != Stereo::mono);
    frames_.begin(settings);
    has_begun_ = true;
}

void Effect::process(const Settings &settings, const float *const *in, float *const *out, int n) {
    if (!has_begun_ && n > 0) begin(settings);
    for (int start = 0; start < n; start += CHUNK) {
        const int size = std::min(CHUNK, n - start);
        const float *from[MOST_CHANNELS];
        float *to[MOST_CHANNELS];
        for (int i = 0; i < n_channels_; i++) from[i] = in[i] + start, to[i] = out[i] + start;
        take(settings, from, size);
        run_frames(settings, size);
        mix(settings, to, size);
    }
}

// Cleans a chunk, drives it, and turns it to what is coded.
void Effect::take(const Settings &settings, const float *const *in, int n) {
    input_gain_.set(from_decibels(settings.input_gain_db));
    stereo_.set(settings.stereo != Stereo::linked, settings.stereo != Stereo::mono);
    for (int i = 0; i < n; i++) {
        const float gain = input_gain_.next();
        for (int c = 0; c < n_channels_; c++) {
            Channel &channel = channels_[c];
            channel.clean[i] = std::isfinite(in[c][i]) ? in[c][i] : 0.0f;
            channel.coded[i] = channel.driven[i] = channel.clean[i] * gain;
        }
        if (n_channels_ == 2) turned_[i] = stereo_.encode(channels_[0].coded[i], channels_[1].coded[i]);
    }
}

// Whole frames to the codec, and what comes back to the host's rate.
void Effect::run_frames(const Settings &settings, int n) {
    const int frame = model_->shape.frame;
    int n_new = n;
    for (Channel &channel : channels_) {
        if (is_resampled_)
            n_new = channel.into.push(channel.coded.data(), n, &channel.waiting[n_waiting_]);
        else
            std::copy_n(channel.coded.data(), n, &channel.waiting[n_waiting_]);
    }
    n_waiting_ += n_new;
    int start = 0;
    for (; n_waiting_ - start >= frame; start += frame) {
        float *x[MOST_CHANNELS];
        for (int c = 0; c < n_channels_; c++) {
            std::copy_n(&channels_[c].waiting[start], frame, channels_[c].core.data());
            x[c] = channels_[c].core.data();
        }
        newest_ = frames_.pass(x, settings);
        n_frames_++;
        if (on_frame) on_frame(whom, newest_);
        int n_back = frame;
        for (Channel &channel : channels_) {
            if (is_resampled_)
                n_back = channel.back.push(channel.core.data(), frame, &channel.ready[n_ready_]);
            else
                std::copy_n(channel.core.data(), frame, &channel.ready[n_ready_]);
        }
        n_ready_ += n_back;
    }
    n_waiting_ -= start;
    n_ready_ -= n;
    for (Channel &channel : channels_) {
        if (start) std::memmove(channel.waiting.data(), &channel.waiting[start], n_waiting_ * sizeof(float));
        std::copy_n(channel.ready.data(), n, channel.wet.data());
        std::memmove(channel.ready.data(), &channel.ready[n], n_ready_ * sizeof(float));
    }
}

void Effect::mix(const Settings &settings, float *const *out, int n) {
    const Shares shares = shares_of(settings);
    wet_share_.set(shares.wet), dry_share_.set(shares.dry);
    output_gain_.set(from_decibels(settings.output_gain_db));
    bypass_.set(settings.bypass);
    for (int i = 0; i < n; i++) {
        if (n_channels_ == 2) MidSide::undo(turned_[i], channels_[0].wet[i], channels_[1].wet[i]);
        const float wet = wet_share_.next(), dry = dry_share_.next(), gain = output_gain_.next(),
                    bypass = bypass_.next();
        for (int c = 0; c < n_channels_; c++) {
            Channel &channel = channels_[c];
            // Both sums are written so that an end of the range gives back that signal's own samples, bit for bit.
            float mixed = channel.dry.pass(channel.driven[i]) * dry;
            mixed += limited(channel.wet[i]) * wet;
            mixed *= gain;
            out[c][i] = channel.untouched.pass(channel.clean[i]) * bypass + mixed * (1 - bypass);
        }
    }
}

} // namespace lamina
