// Coded frames on their way through the desk (`plugin/desk/frame.py`): shared, never changed once they are made, and
// kept in a store that asks for its memory once.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

#include "model.h"

namespace lamina {

constexpr int MOST_CHANNELS = 2, MOST_LAYERS = 64;
constexpr int16_t ABSENT = -1; // stands for a code that was not sent, or got lost

struct CodedFrame {
    int16_t codes[MOST_CHANNELS][MOST_LAYERS];
    int first[MOST_CHANNELS]; // row of the first layer
    int layers;               // of the channel that has most
    double rms, peak, level;
    float *prediction; // what memory foresaw, `[channels][latent]`; codes add to that

    bool has_codes(int channel) const {
        for (int16_t code : codes[channel])
            if (code >= 0) return true;
        return false;
    }
    int n_present(int channel) const {
        int n = 0;
        for (int16_t code : codes[channel]) n += code >= 0;
        return n;
    }
};

// Frames and how many hold each.
class FrameStore {
  public:
    FrameStore(int n_frames, int n_predicted)
        : n_predicted_(n_predicted), frames_(n_frames), n_holders_(n_frames, 0),
          predictions_((size_t)n_frames * n_predicted, 0.0f) {
        for (int i = 0; i < n_frames; i++) {
            frames_[i].prediction = &predictions_[(size_t)i * n_predicted];
            free_.push_back(n_frames - 1 - i);
        }
    }

    int taken() {
        const int place = free_.back();
        free_.pop_back();
        return place;
    }
    void hold(int place) { n_holders_[place]++; }
    void leave(int place) {
        if (--n_holders_[place] == 0) free_.push_back(place);
    }
    CodedFrame &at(int place) { return frames_[place]; }
    int n_predicted() const { return n_predicted_; }

  private:
    int n_predicted_;
    std::vector<CodedFrame> frames_;
    std::vector<int> n_holders_, free_;
    std::vector<float> predictions_;
};

// A hold on one frame, or on none.
class FrameRef {
  public:
    FrameRef() = default;
    FrameRef(const FrameRef &other) : store_(other.store_), place_(other.place_) {
        if (store_) store_->hold(place_);
    }
    FrameRef &operator=(const FrameRef &other) {
        if (other.store_) other.store_->hold(other.place_);
        if (store_) store_->leave(place_);
        store_ = other.store_, place_ = other.place_;
        return *this;
    }
    ~FrameRef() {
        if (store_) store_->leave(place_);
    }

    static FrameRef made(FrameStore &store) {
        FrameRef frame;
        frame.store_ = &store, frame.place_ = store.taken();
        store.hold(frame.place_);
        return frame;
    }
    // A copy that may be changed until somebody else gets it.
    FrameRef copied() const {
        FrameRef copy = made(*store_);
        CodedFrame &to = copy.edit();
        const CodedFrame &from = **this;
        float *prediction = to.prediction;
        to = from;
        to.prediction = prediction;
        std::memcpy(prediction, from.prediction, store_->n_predicted() * sizeof(float));
        return copy;
    }
    // The first `layers` of it, with its level times `level`.
    FrameRef thinned(int layers, double level = 1) const {
        FrameRef copy = copied();
        CodedFrame &frame = copy.edit();
        if (layers < frame.layers) {
            for (auto &codes : frame.codes)
                for (int layer = layers; layer < MOST_LAYERS; layer++) codes[layer] = ABSENT;
            frame.layers = layers;
        }
        frame.level *= level;
        return copy;
    }

    CodedFrame &edit() { return store_->at(place_); }
    const CodedFrame &operator*() const { return store_->at(place_); }
    const CodedFrame *operator->() const { return &store_->at(place_); }
    explicit operator bool() const { return store_ != nullptr; }
    bool operator==(const FrameRef &other) const { return store_ == other.store_ && place_ == other.place_; }

  private:
    FrameStore *store_ = nullptr;
    int place_ = 0;
};

// The newest frames, so many at most.
class FrameRing {
  public:
    explicit FrameRing(int most) : held_(most) {}

    void add(const FrameRef &frame) {
        held_[next_] = frame;
        next_ = (next_ + 1) % (int)held_.size();
        if (size_ < (int)held_.size()) size_++;
    }
    // 0 is the newest one.
    const FrameRef &back(int age) const { return held_[(next_ - 1 - age + 2 * (int)held_.size()) % (int)held_.size()]; }
    int size() const { return size_; }

  private:
    std::vector<FrameRef> held_;
    int next_ = 0, size_ = 0;
};

// 0, 1 ... length - 1, length - 2 ... 1, 0 ... for place = 0, 1 ...
inline int to_and_fro(int place, int length) {
    if (length < 2) return 0;
    const int turn = place % (2 * length - 2);
    return turn < 2 * length - 2 - turn ? turn : 2 * length - 2 - turn;
}

} // namespace lamina
