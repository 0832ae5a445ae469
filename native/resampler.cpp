#include "resampler.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <numeric>
#include <tuple>

namespace lamina {
namespace {

constexpr int HALF_PERIODS = 40, MAX_PHASES = 16384;
constexpr double CUTOFF = 0.9375, KAISER_BETA = 7.857, PI = 3.14159265358979323846;
constexpr int64_t LONGEST_PERIOD = 400000;

int64_t floor_divided(int64_t a, int64_t b) { return a / b - (a % b != 0 && (a < 0) != (b < 0)); }

// The modified Bessel function of the first kind and order 0, by its series.
double bessel(double x) {
    double sum = 1, term = 1;
    for (int k = 1; term > 1e-18 * sum; k++) {
        term *= (x / (2 * k)) * (x / (2 * k));
        sum += term;
    }
    return sum;
}

Kernel made_kernel(int source_rate, int target_rate, int phases) {
    Kernel kernel{half_taps(source_rate, target_rate), phases, {}};
    const int half = kernel.half, taps = 2 * half;
    const double cutoff = CUTOFF * std::min(1.0, (double)target_rate / source_rate), whole = bessel(KAISER_BETA);
    kernel.table.resize((size_t)phases * taps);
    for (int phase = 0; phase < phases; phase++) {
        double *row = &kernel.table[(size_t)phase * taps], sum = 0;
        for (int tap = 0; tap < taps; tap++) {
            const double distance = (1 - half + tap) - (double)phase / phases, share = distance / half;
            const double inside = std::max(0.0, 1 - share * share), angle = PI * cutoff * distance;
            row[tap] =
                cutoff * (angle == 0 ? 1 : std::sin(angle) / angle) * bessel(KAISER_BETA * std::sqrt(inside)) / whole;
            sum += row[tap];
        }
        // Unity gain at 0 Hz for every phase, so that a constant stays constant.
        for (int tap = 0; tap < taps; tap++) row[tap] /= sum;
    }
    return kernel;
}

} // namespace

int half_taps(int source_rate, int target_rate) {
    if (source_rate == target_rate) return 0;
    if (source_rate < target_rate) return HALF_PERIODS;
    return (int)std::ceil(HALF_PERIODS * (double)source_rate / target_rate);
}

int bridge_latency(int host_rate, int core_rate, int frame, int core_delay) {
    if (host_rate == core_rate) return core_delay + frame - 1;
    const int into = half_taps(host_rate, core_rate), back = half_taps(core_rate, host_rate);
    const int64_t divisor = std::gcd(host_rate, core_rate), step = core_rate / divisor,
                  denominator = host_rate / divisor;
    const int64_t period = std::min(std::lcm(frame * denominator, (int64_t)1), LONGEST_PERIOD);
    int64_t latency = INT64_MIN;
    for (int64_t n = 1; n < period + into * 2 + 1; n++) {
        // Core samples known after n host samples, and the processed samples of the whole frames among them.
        const int64_t known = std::max<int64_t>(0, floor_divided((n - into) * step - 1, denominator) + 1),
                      processed = known / frame * frame;
        // Output n - 1 needs the processed stream up to its own position, plus `back` samples of kernel.
        const int64_t reach = (processed - back - core_delay) * denominator;
        latency = std::max(latency, n - 1 + floor_divided(-reach, step) + 1);
    }
    return (int)latency;
}

std::shared_ptr<const Kernel> kernel_of(int source_rate, int target_rate, int phases) {
    static std::mutex making;
    static std::map<std::tuple<int, int, int>, std::weak_ptr<const Kernel>> known;
    const std::lock_guard<std::mutex> lock(making);
    std::weak_ptr<const Kernel> &remembered = known[{source_rate, target_rate, phases}];
    std::shared_ptr<const Kernel> kernel = remembered.lock();
    if (!kernel) remembered = kernel = std::make_shared<const Kernel>(made_kernel(source_rate, target_rate, phases));
    return kernel;
}

Resampler::Resampler(int source_rate, int target_rate, int64_t offset, int most_inputs) {
    const int64_t divisor = std::gcd((int64_t)std::gcd(source_rate, target_rate), offset);
    step_ = source_rate / divisor, denominator_ = target_rate / divisor, offset_ = offset / divisor;
    kernel_ = kernel_of(source_rate, target_rate, (int)std::min<int64_t>(denominator_, MAX_PHASES));
    half_ = kernel_->half;
    start_ = std::min<int64_t>(floor_divided(offset_, denominator_) - half_, 0);
    n_held_ = (size_t)-start_;
    // What is kept reaches from the next output's kernel to the newest input.
    held_.resize(n_held_ + 2 * half_ + (size_t)most_inputs + step_ / denominator_ + 2, 0.0);
}

int Resampler::most_outputs(int n) const { return (int)(n * denominator_ / step_) + 2; }

int Resampler::push(const float *x, int n, float *y) {
    for (int i = 0; i < n; i++) held_[n_held_ + i] = x[i];
    n_held_ += n;
    const int64_t end = start_ + (int64_t)n_held_;
    // The last output whose kernel ends inside the input: floor(position) + half <= end - 1.
    const int64_t last = floor_divided((end - half_) * denominator_ - 1 - offset_, step_);
    const int taps = 2 * half_;
    int count = 0;
    for (; next_ <= last; next_++, count++) {
        const int64_t numerator = next_ * step_ + offset_, whole = floor_divided(numerator, denominator_),
                      rest = numerator - whole * denominator_;
        const int64_t phase = kernel_->phases == denominator_ ? rest : rest * kernel_->phases / denominator_;
        const double *values = &held_[(size_t)(whole - half_ + 1 - start_)],
                     *row = &kernel_->table[(size_t)phase * taps];
        double sums[4] = {0, 0, 0, 0};
        for (int tap = 0; tap + 4 <= taps; tap += 4)
            for (int i = 0; i < 4; i++) sums[i] += values[tap + i] * row[tap + i];
        double sum = (sums[0] + sums[2]) + (sums[1] + sums[3]);
        for (int tap = taps / 4 * 4; tap < taps; tap++) sum += values[tap] * row[tap];
        y[count] = (float)sum;
    }
    const int64_t keep = std::min(floor_divided(next_ * step_ + offset_, denominator_) - half_ + 1, end);
    if (keep > start_) {
        const size_t gone = (size_t)(keep - start_);
        std::memmove(held_.data(), held_.data() + gone, (n_held_ - gone) * sizeof(double));
        n_held_ -= gone;
        start_ = keep;
    }
    return count;
}

} // namespace lamina
