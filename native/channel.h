// The channel: frames and layers that get lost on their way, and what stands in for them (`plugin/desk/channel.py`).
#pragma once

#include <memory>
#include <vector>

#include "coded_frame.h"
#include "settings.h"

namespace lamina {

class Channel {
  public:
    Channel(std::shared_ptr<const Model> model, int n_channels);

    static bool is_active(const Settings &settings) { return settings.frame_loss > 0 || settings.layer_loss > 0; }
    // Whether the receiver foresees what the sender does.
    bool is_at_rest() const { return !is_receiving_; }
    FrameRef step(const FrameRef &frame, const Settings &settings, long index);
    void note(const FrameRef &frame);
    static constexpr int REPEATED = 10;
    // Of a loop's past, in frames; 0 without a memory.
    static int loop_frames(const Model &model);

  private:
    FrameRef received(FrameRef arrived, const FrameRef &sent);
    void catch_up();
    void foresee(const CodedFrame &frame, const float *given, bool conceal, float *predictions);
    void note_lag(const CodedFrame &frame);
    bool loses(const Settings &settings, long index);
    FrameRef concealed(const FrameRef &lost, Concealment how) const;
    int count_of(const CodedFrame &frame, int channel) const;
    bool is_foreseen_by_lag(const CodedFrame &frame, int channel) const;

    std::shared_ptr<const Model> model_;
    int n_channels_;
    FrameRing arrived_, passed_;
    int n_lost_ = 0, lag_[MOST_CHANNELS] = {};
    bool in_burst_ = false, is_receiving_ = false;
    std::vector<float> loops_[MOST_CHANNELS], predicted_;
};

// A number in [0, 1) that depends on where it is drawn alone (`dsp/chance.py`).
double uniform(uint64_t seed, uint64_t what, uint64_t index);

} // namespace lamina
