// Sample-rate conversion with a delay that is known to the sample, and the frame bridge's latency: `dsp/resample.py`
// and `dsp/bridge.py`.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace lamina {

// Inputs needed after (and before) an output's position: 0 if the rates are equal.
int half_taps(int source_rate, int target_rate);

// Samples at `host_rate` by which a frame bridge delays for any cutting, `core_delay` (core samples) included.
int bridge_latency(int host_rate, int core_rate, int frame, int core_delay);

// A Kaiser-windowed sinc, `[phases][2 * half]`; streams of the same rates share one.
struct Kernel {
    int half, phases;
    std::vector<double> table;
};

// Made anew, or one that somebody still has. Not for the audio thread.
std::shared_ptr<const Kernel> kernel_of(int source_rate, int target_rate, int phases);

// Converts one channel. Output k stands at source position (k * source_rate + offset) / target_rate, exactly; before
// the first input the source is silent.
class Resampler {
  public:
    // `most_inputs`: the most that one push brings.
    Resampler(int source_rate, int target_rate, int64_t offset, int most_inputs);

    // Takes inputs and writes every output that they complete to `y`; returns how many. There is room for
    // `most_outputs`.
    int push(const float *x, int n, float *y);

    // Outputs that a push of `n` inputs completes, at most.
    int most_outputs(int n) const;

  private:
    std::shared_ptr<const Kernel> kernel_;
    int64_t step_, denominator_, offset_, next_ = 0, start_;
    int half_;
    std::vector<double> held_;
    size_t n_held_;
};

} // namespace lamina
