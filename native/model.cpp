#include "model.h"

#include <stdexcept>

namespace lamina {
namespace {

constexpr int SETTLING_FRAMES = 60; // of silence, after which an encoder has forgotten what was before
constexpr size_t LONGEST_PROBLEM = 400;

int bits_for(int n) {
    int bits = 0;
    for (n -= 1; n > 0; n >>= 1) bits++;
    return bits;
}

} // namespace

std::shared_ptr<const Model> Model::open(const std::string &path) {
    char problem[LONGEST_PROBLEM];
    lamina_about about{};
    lamina_codec *codec = lamina_open(path.c_str(), nullptr, &about, problem, sizeof problem);
    if (!codec) throw std::runtime_error(problem);
    return std::shared_ptr<const Model>(new Model(codec, about));
}

std::shared_ptr<const Model> Model::open_memory(const void *bytes, size_t size) {
    char problem[LONGEST_PROBLEM];
    lamina_about about{};
    lamina_codec *codec = lamina_open_memory(bytes, size, nullptr, &about, problem, sizeof problem);
    if (!codec) throw std::runtime_error(problem);
    return std::shared_ptr<const Model>(new Model(codec, about));
}

Model::Model(lamina_codec *opened, const lamina_about &read) : codec(opened), about(read) {
    lamina_get_shape(codec, &shape);
    sample_rate = (int)shape.sample_rate;
    layers = shape.residual_layers + (shape.past ? 1 : 0);
    int32_t sizes[4];
    lamina_state_sizes(codec, sizes);
    encoder_state = sizes[0], decoder_state = sizes[1], lag_state = sizes[2], loop_state = sizes[3];
    const int of_entries = std::max(1, bits_for(shape.codebook_size));
    const int of_lags = shape.past ? bits_for(2 * (shape.fine_lags + shape.coarse_lags)) : 0;
    summed_bits.push_back(0);
    for (int layer = 0; layer < layers; layer++)
        summed_bits.push_back(summed_bits.back() + (layer ? of_entries : std::max(of_entries, of_lags)));
    std::vector<float> state(encoder_state, 0.0f), zeros(SETTLING_FRAMES * shape.frame, 0.0f),
        latents(SETTLING_FRAMES * shape.latent);
    lamina_encode(codec, SETTLING_FRAMES, zeros.data(), state.data(), latents.data());
    silence.assign(latents.end() - shape.latent, latents.end());
}

} // namespace lamina
