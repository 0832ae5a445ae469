// One instance's effect, with another one made beside it when another model is asked for: the audio thread never waits
// for that.
#pragma once

#include <semaphore.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "../effect.h"
#include "models.h"

namespace lamina {

class Player {
  public:
    Player();
    ~Player();
    Player(const Player &) = delete;
    Player &operator=(const Player &) = delete;

    // Opens the model of `slot` and knows the latency then; sound passes as it is until `begin`. Neither runs while
    // `process` does.
    void prepare(int sample_rate, int slot);
    // Begins a stream at that rate, with the model of `slot`.
    void begin(int slot);

    // Real-time safe. Without an effect (at rates that it isn't made for) the sound passes as it is.
    void process(int slot, const Settings &settings, const float *const *in, float *const *out, int n);

    int latency_samples() const { return effect_ ? effect_->latency_samples() : latency_; }
    double kbps() const { return effect_ ? effect_->kbps() : 0; }

    // Which model stands in which slot, as text that is kept with a session, and taken back: a slot goes on meaning the
    // model that it meant.
    std::string kept_slot(int slot) const;
    void take_kept(const std::string &text);

  private:
    std::shared_ptr<const Model> model_of(int slot) const;
    static std::unique_ptr<Effect> made(std::shared_ptr<const Model> model, int sample_rate);
    void forget_requests();
    void load_when_asked();

    mutable std::mutex naming_; // of slots; the audio thread never asks for a name
    std::array<std::string, N_SLOTS> slots_;
    std::shared_ptr<const Model> model_; // held from `prepare` on, so that `begin` finds it open
    std::unique_ptr<Effect> effect_;
    int rate_ = 0, latency_ = 0, playing_ = 0, awaited_ = NONE; // slots; the audio thread's

    // From the audio thread to the loader and back. There is one request at a time.
    static constexpr int NONE = -1;
    std::atomic<int> asked_{NONE};
    std::atomic<Effect *> fresh_{nullptr}, worn_{nullptr};
    std::atomic<bool> is_renamed_{false}, is_ending_{false};
    std::mutex loading_; // the loader's while it works; never the audio thread's
    sem_t work_;
    std::thread loader_;
};

} // namespace lamina
