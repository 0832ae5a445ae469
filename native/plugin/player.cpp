#include "player.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lamina {

Player::Player() : slots_(listed_models()) { sem_init(&work_, 0, 0); }

Player::~Player() {
    is_ending_ = true;
    sem_post(&work_);
    if (loader_.joinable()) loader_.join();
    delete fresh_.load();
    delete worn_.load();
    sem_destroy(&work_);
}

void Player::prepare(int sample_rate, int slot) {
    forget_requests();
    effect_.reset();
    rate_ = sample_rate;
    model_ = model_of(slot);
    latency_ = rate_ < LOWEST_RATE || rate_ > HIGHEST_RATE ? 0 : Effect::latency_of(*model_, rate_);
}

void Player::begin(int slot) {
    forget_requests();
    effect_.reset(); // before another one asks for as much
    model_ = model_of(slot);
    effect_ = made(model_, rate_);
    playing_ = slot;
    // Other models are loaded while sound runs; who has none of their own needs no thread.
    bool has_own = false;
    for (int i = 1; i < N_SLOTS; i++) has_own = has_own || !slots_[i].empty();
    if (has_own && !loader_.joinable()) loader_ = std::thread([this] { load_when_asked(); });
}

// What is being loaded was asked for the stream before.
void Player::forget_requests() {
    const std::lock_guard<std::mutex> lock(loading_);
    asked_ = awaited_ = NONE;
    delete fresh_.exchange(nullptr);
    is_renamed_ = false;
}

std::shared_ptr<const Model> Player::model_of(int slot) const {
    std::string name, problem;
    {
        const std::lock_guard<std::mutex> lock(naming_);
        name = slots_[slot];
    }
    std::shared_ptr<const Model> model = model_named(name, problem);
    if (!problem.empty())
        std::fprintf(stderr, "Lamina: %s plays instead of %s. %s\n", SHIPPED, name.c_str(), problem.c_str());
    return model;
}

std::unique_ptr<Effect> Player::made(std::shared_ptr<const Model> model, int sample_rate) {
    if (sample_rate < LOWEST_RATE || sample_rate > HIGHEST_RATE) return nullptr;
    return std::make_unique<Effect>(std::move(model), sample_rate, 2);
}

void Player::process(int slot, const Settings &settings, const float *const *in, float *const *out, int n) {
    if (!effect_) {
        for (int c = 0; c < 2; c++)
            if (out[c] != in[c]) std::memcpy(out[c], in[c], n * sizeof(float));
        return;
    }
    if (Effect *fresh = fresh_.exchange(nullptr)) {
        worn_ = effect_.release();
        effect_.reset(fresh);
        playing_ = awaited_, awaited_ = NONE;
        sem_post(&work_);
    }
    if ((slot != playing_ || is_renamed_) && awaited_ == NONE && loader_.joinable()) {
        is_renamed_ = false;
        awaited_ = slot;
        asked_ = slot;
        sem_post(&work_);
    }
    effect_->process(settings, in, out, n);
}

void Player::load_when_asked() {
    while (true) {
        sem_wait(&work_);
        if (is_ending_) return;
        const std::lock_guard<std::mutex> lock(loading_);
        delete worn_.exchange(nullptr);
        const int slot = asked_.exchange(NONE);
        if (slot == NONE) continue;
        try {
            fresh_ = made(model_of(slot), rate_).release();
        } catch (const std::exception &error) {
            std::fprintf(stderr, "Lamina: the model goes on as it was. %s\n", error.what());
        }
    }
}

std::string Player::kept_slot(int slot) const {
    const std::lock_guard<std::mutex> lock(naming_);
    return std::to_string(slot) + " " + slots_[slot];
}

void Player::take_kept(const std::string &text) {
    const size_t gap = text.find(' ');
    const int slot = std::atoi(text.c_str());
    if (gap == std::string::npos || slot < 1 || slot >= N_SLOTS) return;
    const std::string name = text.substr(gap + 1);
    if (name.find('/') != std::string::npos || name.find('\\') != std::string::npos) return;
    const std::lock_guard<std::mutex> lock(naming_);
    for (std::string &other : slots_)
        if (other == name) std::swap(other, slots_[slot]);
    // A model that isn't here any more keeps its slot, so that the session doesn't forget it.
    slots_[slot] = name;
    is_renamed_ = true;
}

} // namespace lamina
