// The code desk: what is done to codes between encoder and decoder (`plugin/desk`): losses, decimation, slices, echoes,
// freeze, and a gain for every layer. Bending is not here.
#pragma once

#include <memory>
#include <vector>

#include "channel.h"
#include "coded_frame.h"
#include "settings.h"

namespace lamina {

// Layers that are refreshed only once in a while.
class Decimate {
  public:
    Decimate() : past_(MOST_HELD) {}
    static bool is_active(const Settings &settings) { return settings.decimate_frames > 1; }
    FrameRef step(const FrameRef &frame, const Settings &settings, long index, int n_layers);
    void note(const FrameRef &frame) { past_.add(frame); }
    static constexpr int MOST_HELD = 256;

  private:
    FrameRing past_;
};

// Short stretches that are repeated, or played backwards.
class Slices {
  public:
    Slices() : past_(MOST_FRAMES), slice_(MOST_FRAMES) {}
    static bool is_active(const Settings &settings) { return settings.slices != SliceKind::off; }
    FrameRef step(const FrameRef &frame, const Settings &settings, double frame_rate);
    void note(const FrameRef &frame) { past_.add(frame); }
    static constexpr int MOST_FRAMES = 600;

  private:
    void cut(bool is_reversed);

    FrameRing past_;
    std::vector<FrameRef> slice_;
    int n_slice_ = 0, place_ = 0, length_ = 0;
    SliceKind kind_ = SliceKind::off;
};

// Codes that come back where the sound leaves room.
class Echo {
  public:
    Echo() : played_(MOST_DELAY) {}
    static bool is_active(const Settings &settings) { return settings.code_feedback > 0; }
    FrameRef step(FrameRef frame, const Settings &settings);
    void note(const FrameRef &frame);
    static constexpr int MOST_DELAY = 300;

  private:
    FrameRing played_;
    double envelope_ = 0;
};

// The sound of a moment, held.
class Freeze {
  public:
    Freeze() : played_(MOST_FRAMES), held_(MOST_FRAMES) {}
    static bool is_active(const Settings &settings) { return settings.freeze; }
    bool is_at_rest() const { return n_held_ == 0; }
    // The frame, and in `other` a second one that is heard with it by `share`; none if that is 0.
    FrameRef step(const FrameRef &frame, const Settings &settings, FrameRef &other, double &share);
    void note(const FrameRef &frame) { played_.add(frame); }
    static constexpr int MOST_FRAMES = 150;

  private:
    FrameRing played_;
    std::vector<FrameRef> held_;
    int n_held_ = 0, place_ = 0;
    double share_ = 0;
};

// What the decoder is to play of a frame.
struct Played {
    int layers[MOST_CHANNELS];
    double peak, level;
    bool is_altered;
};

class Desk {
  public:
    Desk(std::shared_ptr<const Model> model, int n_channels);
    Desk(const Desk &) = delete;
    Desk &operator=(const Desk &) = delete;

    // A frame that the sender fills in: codes and predictions as they are sent.
    FrameRef fresh() { return FrameRef::made(store_); }

    // The frame number `index` -> the latents that are to be decoded, `[channels][latent]`.
    Played play(const FrameRef &sent, const Settings &settings, long index, float *const *latents);

  private:
    void sum(const CodedFrame &frame, const float *gains, float *const *latents) const;

    std::shared_ptr<const Model> model_;
    int n_channels_;
    FrameStore store_; // before those who hold frames of it
    Channel channel_;
    Decimate decimate_;
    Slices slices_;
    Echo echo_;
    Freeze freeze_;
    std::vector<float> mixed_[MOST_CHANNELS];
};

// Altered sound stays within reach of what went in (`plugin/desk/guard.py`).
class Guard {
  public:
    // One decoded frame of each channel, in place. `is_turned`: middle and side.
    void pass(float *const *y, int n_channels, int n, const Played &played, bool is_turned);

  private:
    static constexpr int REMEMBERED = 34;

    float peaks_[REMEMBERED] = {};
    int next_ = 0, n_unaltered_ = REMEMBERED;
    double gain_ = 1;
    bool has_gain_ = false;
};

} // namespace lamina
