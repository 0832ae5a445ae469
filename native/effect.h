// The codec as a streaming effect: blocks of any length in, the same length out, later by a constant
// (`plugin/stream/blocks.py`).
//
//     input - gain - stereo - resampler - frames: encoder, quantizer, decoder - resampler - stereo - limiter - mix -
//     gain - bypass - output
//
// For the same settings it gives what `NeuralCodec` gives. `process` allocates nothing, takes no lock and opens no
// file; everything it needs is made with the effect.
#pragma once

#include <memory>
#include <vector>

#include "frames.h"
#include "resampler.h"

namespace lamina {

constexpr int LOWEST_RATE = 8000, HIGHEST_RATE = 192000;

class Effect {
  public:
    // Throws std::invalid_argument for a rate (Hz) or a number of channels (1 or 2) that it isn't made for.
    Effect(std::shared_ptr<const Model> model, int sample_rate, int n_channels);

    // Samples by which the output lags the input, wet and dry alike.
    int latency_samples() const { return latency_; }
    static int latency_of(const Model &model, int sample_rate);

    // `in` and `out [channels][n]`, which may be the same. What is no number counts as silence. The settings of the
    // first call are those that stood before the first sample: nothing ramps to them.
    void process(const Settings &settings, const float *const *in, float *const *out, int n);

    // What was sent of the newest frame, and how many there were.
    const Sent &newest() const { return newest_; }
    long n_frames() const { return n_frames_; }
    // Kilobits per second that the newest frame stands for; 0 before the first one.
    double kbps() const { return newest_.bits * (model_->sample_rate / (double)model_->shape.frame) / 1000; }

    // Called for every frame, on the thread that processes; for meters and tests.
    void (*on_frame)(void *whom, const Sent &sent) = nullptr;
    void *whom = nullptr;

  private:
    static constexpr int CHUNK =
        256; // samples that are worked on at once: buffers have that size, whatever blocks come

    struct Channel {
        Resampler into, back;
        Delay dry, untouched;
        std::vector<float> clean, driven, coded, waiting, core, ready, dried, wet;
    };

    void begin(const Settings &settings);
    void take(const Settings &settings, const float *const *in, int n);
    void run_frames(const Settings &settings, int n);
    void mix(const Settings &settings, float *const *out, int n);

    std::shared_ptr<const Model> model_;
    int rate_, n_channels_, latency_;
    bool is_resampled_;
    Frames frames_;
    std::vector<Channel> channels_;
    MidSide stereo_;
    std::vector<MidSide::Turned> turned_;
    Ramp input_gain_, output_gain_, wet_share_, dry_share_, bypass_;
    bool has_begun_ = false;
    int n_waiting_ = 0, n_ready_ = 0;
    Sent newest_{};
    long n_frames_ = 0;
};

} // namespace lamina
