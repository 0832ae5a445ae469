// Frames at the codec's rate: what is sent of them, and what becomes of that (`plugin/stream/frames.py`, `coder.py`,
// `voices.py`).
#pragma once

#include <memory>
#include <vector>

#include "controls.h"
#include "desk.h"
#include "model.h"
#include "settings.h"

namespace lamina {

// One frame of all channels on its way.
struct Sent {
    int counts[MOST_CHANNELS];                 // layers that are sent
    int32_t codes[MOST_CHANNELS][MOST_LAYERS]; // 0 beyond a channel's count
    int bits;                                  // of all channels together
};

// Encoder, quantizer, memory, desk, decoder and their state for one stream of `n_channels`.
class Frames {
  public:
    Frames(std::shared_ptr<const Model> model, int n_channels);

    // How things stand before the first frame.
    void begin(const Settings &settings);

    // One frame of each channel, `x [channels][frame]`, replaced by what the decoder makes of it; tells what was sent.
    const Sent &pass(float *const *x, const Settings &settings);

  private:
    enum Voice { NOISE, LAYER, LATENT, N_VOICES };
    struct Coder {
        OffsetRemover offset;
        std::vector<float> encoder, decoder, lags, loop, latent, prediction, heard, before, plain, postfilter, filtered, said, further_sound;
        std::vector<float> further[4]; // decoders of voices: noise, layer, layers without it, latent
    };

    void send(float *const *x, const Settings &settings);
    FrameRef coded();
    void sum_up(int channel, int most, float *latent) const;
    void decode(float *const *x, const Settings &settings);
    void say(int channel, Voice voice, const Settings &settings, float *sound);
    void decode_further(int channel, int which, const float *latent, float denoise, int layers, float *sound);

    std::shared_ptr<const Model> model_;
    int n_channels_;
    std::vector<Coder> channels_;
    Desk desk_;
    Guard guard_;
    Played played_{};
    long n_frames_ = 0;
    Ramp shares_[N_VOICES];
    bool is_further_[4] = {};
    std::vector<float> share_;
    Sent sent_{};
    int n_mono_ = 0, n_since_losses_;
    double rms_ = 0, peak_ = 0;
};

} // namespace lamina
