#include "frames.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace lamina {
namespace {

constexpr double VOICE_RAMP_SECONDS = 0.02, FLOOR_DB = -60;
constexpr int GUARDED_FRAMES = 40; // for so long after the last chance of a loss frames are guarded
constexpr int SIDE_FADES_FRAMES =
    3; // for so long after the change to mono the side is still sent, because it fades out

int voice_of(const Settings &settings) {
    if (settings.listen == Listen::layer) return 1;
    if (settings.listen == Listen::latent) return 2;
    return settings.noise_only ? 0 : -1;
}

// How many layers a frame of that level sends.
int layers_at(const Settings &settings, double rms, int most) {
    const int layers = std::clamp(settings.layers, 1, most);
    const double follow = settings.loudness_layers;
    if (follow == 0) return layers;
    const double loud = std::clamp(1 - 20 * std::log10(rms + 1e-9) / FLOOR_DB, 0.0, 1.0);
    const double taken = follow > 0 ? follow * (1 - loud) : -follow * loud;
    return std::max(1, (int)std::nearbyint(1 + (layers - 1) * (1 - taken)));
}

} // namespace

Frames::Frames(std::shared_ptr<const Model> model, int n_channels)
    : model_(std::move(model)), n_channels_(n_channels), desk_(model_, n_channels), share_(model_->shape.frame),
      n_since_losses_(GUARDED_FRAMES) {
    const lamina_shape &shape = model_->shape;
    for (int i = 0; i < n_channels; i++) {
        Coder channel{OffsetRemover(model_->sample_rate, shape.frame)};
        channel.encoder.resize(model_->encoder_state), channel.decoder.resize(model_->decoder_state);
        channel.lags.resize(model_->lag_state), channel.loop.resize(model_->loop_state);
        for (auto *latent : {&channel.latent, &channel.prediction, &channel.heard}) latent->resize(shape.latent);
        for (auto *sound : {&channel.plain, &channel.filtered, &channel.said, &channel.further_sound}) sound->resize(shape.frame);
        channel.postfilter.resize(lamina_postfilter_state());
        channel.before.resize(model_->decoder_state);
        for (auto &state : channel.further) state.resize(model_->decoder_state);
        channels_.push_back(std::move(channel));
    }
}

void Frames::begin(const Settings &settings) {
    for (int name = 0; name < N_VOICES; name++)
        shares_[name] = Ramp(voice_of(settings) == name, (int)std::nearbyint(model_->sample_rate * VOICE_RAMP_SECONDS));
    n_mono_ = settings.stereo == Stereo::mono ? SIDE_FADES_FRAMES : 0;
}

const Sent &Frames::pass(float *const *x, const Settings &settings) {
    send(x, settings);
    decode(x, settings);
    return sent_;
}

void Frames::send(float *const *x, const Settings &settings) {
    const lamina_shape &shape = model_->shape;
    rms_ = peak_ = 0;
    for (int i = 0; i < n_channels_; i++) {
        channels_[i].offset.pass(x[i]);
        double energy = 0;
        for (int j = 0; j < shape.frame; j++) {
            energy += (double)x[i][j] * x[i][j];
            peak_ = std::max(peak_, (double)std::fabs(x[i][j]));
        }
        rms_ = std::max(rms_, (double)std::sqrt((float)energy / (float)shape.frame));
    }
    const bool is_mid_side = n_channels_ == 2 && settings.stereo == Stereo::mid_side;
    for (int i = 0; i < n_channels_; i++)
        sent_.counts[i] = is_mid_side && i == 1 ? std::clamp(settings.side_layers, 0, model_->layers)
                                                : layers_at(settings, rms_, model_->layers);
    // While frames may get lost, and until that is forgotten, the memory leans less on what came before.
    n_since_losses_ = lamina::Channel::is_active(settings) ? 0 : n_since_losses_ + 1;
    const int32_t width = std::clamp(settings.search, 1, 8), guarded = n_since_losses_ < GUARDED_FRAMES;
    for (int i = 0; i < n_channels_; i++) {
        Coder &channel = channels_[i];
        const int32_t count = sent_.counts[i];
        lamina_encode(model_->codec, 1, x[i], channel.encoder.data(), channel.latent.data());
        if (shape.past) {
            lamina_send(model_->codec, 1, x[i], channel.latent.data(), &count, &width, &guarded, channel.lags.data(),
                        channel.loop.data(), MOST_LAYERS, sent_.codes[i], channel.prediction.data());
        } else {
            std::memset(sent_.codes[i], 0, sizeof sent_.codes[i]);
            lamina_quantize(model_->codec, 1, channel.latent.data(), &count, width, 0, MOST_LAYERS, sent_.codes[i]);
        }
    }
    n_mono_ = settings.stereo == Stereo::mono ? n_mono_ + 1 : 0;
    const int n_sent = n_channels_ == 2 && n_mono_ > SIDE_FADES_FRAMES ? 1 : n_channels_;
    sent_.bits = 0;
    for (int i = 0; i < n_sent; i++) sent_.bits += model_->summed_bits[sent_.counts[i]];
}

// The quantized latent of a channel's first `most` layers.
void Frames::sum_up(int channel, int most, float *latent) const {
    const int n = model_->shape.latent, count = sent_.counts[channel], first = model_->first_row(count);
    if (count == 0) {
        // A channel that is sent nothing plays nothing, whatever was foreseen of it.
        std::copy(model_->silence.begin(), model_->silence.end(), latent);
        return;
    }
    std::fill(latent, latent + n, 0.0f);
    for (int layer = 0; layer < std::min(count, most); layer++)
        lamina_add_entry(model_->codec, first + layer, sent_.codes[channel][layer], 1, latent);
    if (model_->shape.past)
        for (int i = 0; i < n; i++) latent[i] = channels_[channel].prediction[i] + latent[i];
}

// What was sent, as the desk takes it.
FrameRef Frames::coded() {
    FrameRef made = desk_.fresh();
    CodedFrame &frame = made.edit();
    frame.layers = 0, frame.rms = rms_, frame.peak = peak_, frame.level = 1;
    for (int i = 0; i < MOST_CHANNELS; i++) {
        const int count = i < n_channels_ ? sent_.counts[i] : 0;
        for (int layer = 0; layer < MOST_LAYERS; layer++)
            frame.codes[i][layer] = layer < count ? (int16_t)sent_.codes[i][layer] : ABSENT;
        frame.first[i] = model_->first_row(count);
        frame.layers = std::max(frame.layers, count);
    }
    const int n = model_->shape.latent;
    for (int i = 0; i < n_channels_; i++) std::copy_n(channels_[i].prediction.data(), n, frame.prediction + i * n);
    return made;
}

void Frames::decode(float *const *x, const Settings &settings) {
    const int frame = model_->shape.frame, voice = voice_of(settings);
    const float denoise = model_->about.denoises ? (float)std::clamp(settings.denoise, 0.0, 1.0) : 0.0f;
    float *heard[MOST_CHANNELS];
    for (int i = 0; i < n_channels_; i++) heard[i] = channels_[i].heard.data();
    played_ = desk_.play(coded(), settings, n_frames_++, heard);
    for (int i = 0; i < n_channels_; i++) {
        Coder &channel = channels_[i];
        channel.before = channel.decoder;
        const int32_t count = played_.layers[i];
        lamina_decode(model_->codec, 1, channel.heard.data(), &denoise, &count, channel.decoder.data(),
                      channel.plain.data());
        channel.filtered = channel.plain;
        const float strength = (float)std::clamp(settings.postfilter, 0.0, 1.0), kbps = model_->kbps(std::max((int)count, 1));
        lamina_postfilter(model_->codec, 1, &strength, &kbps, channel.postfilter.data(), channel.filtered.data());
        std::copy(channel.filtered.begin(), channel.filtered.end(), x[i]);
    }
    for (int name = 0; name < N_VOICES; name++) {
        Ramp &ramp = shares_[name];
        ramp.set(name == voice);
        if (ramp.is_off()) {
            // Their decoders begin as copies of the sound's own when they are heard again.
            if (name == LAYER) is_further_[2] = false;
            is_further_[name == LATENT ? 3 : name] = false;
            continue;
        }
        bool is_whole = true;
        for (float &share : share_) share = ramp.next(), is_whole = is_whole && share == 1;
        for (int i = 0; i < n_channels_; i++) {
            Coder &channel = channels_[i];
            say(i, (Voice)name, settings, channel.said.data());
            for (int j = 0; j < frame; j++)
                x[i][j] = is_whole ? channel.said[j] : x[i][j] + (channel.said[j] - channel.filtered[j]) * share_[j];
        }
        if (name == LAYER && settings.listen_layer > 1) is_further_[2] = true;
        is_further_[name == LATENT ? 3 : name] = true;
    }
    guard_.pass(x, n_channels_, frame, played_, n_channels_ == 2 && settings.stereo != Stereo::linked);
}

// What is heard instead of the sound itself: what denoising takes away, what one layer adds, or the sound before
// quantization.
void Frames::say(int index, Voice voice, const Settings &settings, float *sound) {
    Coder &channel = channels_[index];
    const float denoise = model_->about.denoises ? (float)std::clamp(settings.denoise, 0.0, 1.0) : 0.0f;
    const int count = sent_.counts[index];
    if (voice == LATENT) {
        decode_further(index, 3, channel.latent.data(), denoise, model_->layers, sound);
        return;
    }
    if (voice == NOISE) {
        decode_further(index, 0, channel.heard.data(), 0, played_.layers[index], sound);
        for (size_t i = 0; i < channel.plain.size(); i++) sound[i] -= channel.plain[i];
        return;
    }
    const int layer = std::clamp(settings.listen_layer, 1, model_->layers);
    sum_up(index, layer, channel.heard.data());
    decode_further(index, 1, channel.heard.data(), denoise, std::min(count, layer), sound);
    if (layer == 1) return;
    sum_up(index, layer - 1, channel.heard.data());
    decode_further(index, 2, channel.heard.data(), denoise, std::min(count, layer - 1), channel.further_sound.data());
    for (size_t i = 0; i < channel.plain.size(); i++) sound[i] -= channel.further_sound[i];
}

void Frames::decode_further(int index, int which, const float *latent, float denoise, int layers, float *sound) {
    Coder &channel = channels_[index];
    if (!is_further_[which]) channel.further[which] = channel.before;
    const int32_t told = layers;
    lamina_decode(model_->codec, 1, latent, &denoise, &told, channel.further[which].data(), sound);
}

} // namespace lamina
