// Signal plumbing of one stream: ramps, delays, middle and side, offsets. The same numbers as `dsp/ramp.py`,
// `delay.py`, `stereo.py` and `offset.py` give, which tell why things are done so. Memory is asked for when a thing is
// made, never later.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <vector>

namespace lamina {

// A control value that walks to its target in a straight line.
class Ramp {
  public:
    explicit Ramp(double value = 0, int ramp_samples = 1)
        : value_(value), target_(value), length_(std::max(1, ramp_samples)) {}

    void set(double target) {
        if (target == target_) return;
        target_ = target;
        left_ = length_;
        slope_ = (target_ - value_) / length_;
    }

    bool is_at_rest() const { return left_ == 0; }
    bool is_off() const { return left_ == 0 && target_ == 0; }

    float next() {
        if (!left_) return (float)target_;
        left_--;
        // Counted back from the target, so that the path does not depend on how it is cut.
        value_ = left_ ? target_ - slope_ * left_ : target_;
        return (float)value_;
    }

  private:
    double value_, target_, slope_ = 0;
    int length_, left_ = 0;
};

// Delays one channel by a constant number of samples; silent before the first one.
class Delay {
  public:
    explicit Delay(int delay_samples) : held_((size_t)delay_samples, 0.0f) {}

    void fill(float before) { std::fill(held_.begin(), held_.end(), before); }

    float pass(float x) {
        if (held_.empty()) return x;
        std::swap(x, held_[place_]);
        place_ = place_ + 1 == held_.size() ? 0 : place_ + 1;
        return x;
    }

  private:
    std::vector<float> held_;
    size_t place_ = 0;
};

// Left and right as middle and side before something that takes `latency` samples, and back behind it, without a click
// when the one becomes the other: a rotation, undone by what it turned when the sound that now comes back went in.
class MidSide {
  public:
    MidSide(int latency, int ramp_samples) : length_(ramp_samples), angles_(latency), sides_(latency) {
        begin(false, true);
    }

    // How it stands before the first sample.
    void begin(bool is_turned, bool has_side) {
        angle_ = Ramp(QUARTER * is_turned, length_), side_ = Ramp(has_side, length_);
        // What comes out before the first sample is silence, however it is turned.
        angles_.fill((float)(QUARTER * is_turned)), sides_.fill((float)has_side);
    }

    void set(bool is_turned, bool has_side) {
        angle_.set(QUARTER * is_turned);
        side_.set(has_side);
    }

    // Replaces left and right by what is coded; `undo` says what turns back what comes out meanwhile.
    struct Turned {
        float angle, side;
    };
    Turned encode(float &left, float &right) {
        const float angle = angle_.next(), side = side_.next();
        const double l = left, r = right;
        if (angle == TURNED) {
            left = (float)(0.5 * (l + r));
            right = (float)(0.5 * (r - l) * side);
        } else if (angle != 0 || side != 1) {
            const Turn turn(angle);
            left = (float)((turn.cosine * l + turn.sine * r) * turn.scale);
            right = (float)((turn.cosine * r - turn.sine * l) * turn.scale * side);
        }
        return {angles_.pass(angle), sides_.pass(side)};
    }

    static void undo(Turned turned, float &left, float &right) {
        if (turned.angle == 0 && turned.side == 1) return;
        const float middle = left, aside = right * turned.side;
        if (turned.angle == TURNED) {
            left = middle - aside;
            right = middle + aside;
            return;
        }
        const Turn turn(turned.angle);
        left = (float)((turn.cosine * middle - turn.sine * aside) / turn.scale);
        right = (float)((turn.sine * middle + turn.cosine * aside) / turn.scale);
    }

  private:
    static constexpr double QUARTER = 0.78539816339744830962;
    static constexpr float TURNED = (float)QUARTER;

    // Cosine, sine, and a scale by which middle and side are half of sum and difference.
    struct Turn {
        double cosine, sine, scale;
        explicit Turn(float angle) {
            const double share = (double)angle / TURNED;
            cosine = std::cos(share * QUARTER), sine = std::sin(share * QUARTER);
            scale = 1 - (1 - std::sqrt(0.5)) * share;
        }
    };

    int length_;
    Ramp angle_, side_;
    Delay angles_, sides_;
};

// Takes a constant out of one channel's whole frames, and touches nothing where there is none.
class OffsetRemover {
  public:
    OffsetRemover(int sample_rate, int frame)
        : frame_(frame), slow_share_(share(frame, sample_rate, 0.25)), fast_share_(share(frame, sample_rate, 0.1)),
          fade_(std::min(1.0, frame / (double)sample_rate / 0.1)) {}

    void pass(float *x) {
        double rising = 0, falling = 0;
        for (int i = 0; i < frame_; i++) {
            const double rise = (i + 0.5) / frame_, fall = (frame_ - 1 - i + 0.5) / frame_;
            rising += x[i] * (rise / frame_);
            falling += x[i] * (fall / frame_);
        }
        const double mean = rising_ + falling;
        rising_ = rising;
        slow_[0] += slow_share_ * (mean - slow_[0]);
        slow_[1] += slow_share_ * (slow_[0] - slow_[1]);
        slow_[2] += slow_share_ * (slow_[1] - slow_[2]);
        fast_[0] += fast_share_ * (mean - fast_[0]);
        fast_[1] += fast_share_ * (fast_[0] - fast_[1]);
        is_found_ = std::fabs(slow_[2]) > (is_found_ ? GONE : FOUND);
        share_ = is_found_ ? std::min(1.0, share_ + fade_) : std::max(0.0, share_ - fade_);
        const double before = taken_;
        taken_ = share_ * fast_[1];
        if (before == 0 && taken_ == 0) return;
        for (int i = 0; i < frame_; i++) x[i] -= (float)(before + (taken_ - before) * ((i + 1.0) / frame_));
    }

  private:
    static constexpr double FOUND = 0.008, GONE = 0.003;

    static double share(int frame, int sample_rate, double constant) {
        return 1 - std::exp(-(frame / (double)sample_rate) / constant);
    }

    int frame_;
    double slow_share_, fast_share_, fade_;
    double rising_ = 0, share_ = 0, taken_ = 0;
    std::array<double, 3> slow_{};
    std::array<double, 2> fast_{};
    bool is_found_ = false;
};

constexpr double RAMP_SECONDS = 0.02;

// As Python rounds: halves to even.
inline int ramp_samples(int sample_rate) { return std::max(1, (int)std::nearbyint(sample_rate * RAMP_SECONDS)); }

inline double from_decibels(double gain_db) { return std::pow(10.0, gain_db / 20); }

// Samples up to the knee pass unchanged; above it they bend smoothly towards 1.
inline float limited(float y) {
    constexpr float KNEE = 0.95f, ROOM = (float)(1 - 0.95);
    const float size = std::fabs(y);
    if (!(size > KNEE)) return y;
    return std::copysign(KNEE + ROOM * std::tanh((size - KNEE) / ROOM), y);
}

} // namespace lamina
