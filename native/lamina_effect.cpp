#include "lamina_effect.h"

#include <cstring>
#include <exception>

#include "effect.h"
#include "parameters.h"

using namespace lamina;

struct lamina_effect {
    Settings settings;
    Effect effect;
    int n_channels;
    int32_t *codes = nullptr;
    int64_t most = 0, n_noted = 0;
};

namespace {

void note(void *whom, const Sent &sent) {
    lamina_effect &effect = *(lamina_effect *)whom;
    if (!effect.codes || effect.n_noted >= effect.most) return;
    int32_t *to = effect.codes + effect.n_noted++ * effect.n_channels * MOST_LAYERS;
    for (int c = 0; c < effect.n_channels; c++)
        for (int layer = 0; layer < MOST_LAYERS; layer++) *to++ = layer < sent.counts[c] ? sent.codes[c][layer] : -1;
}

} // namespace

int32_t lamina_effect_parameter(const char *name) {
    for (int i = 0; i < N_PARAMETERS; i++)
        if (name && !std::strcmp(name, PARAMETERS[i].symbol)) return i;
    return -1;
}

lamina_effect *lamina_effect_create(const char *weights, int32_t sample_rate, int32_t n_channels, const float *values,
                                    char *problem, size_t problem_size) {
    try {
        Settings settings;
        for (int i = 0; i < N_PARAMETERS; i++) PARAMETERS[i].set(settings, values ? values[i] : PARAMETERS[i].usual);
        auto *made = new lamina_effect{settings, Effect(Model::open(weights ? weights : ""), sample_rate, n_channels),
                                       n_channels};
        made->effect.on_frame = note, made->effect.whom = made;
        return made;
    } catch (const std::exception &error) {
        if (problem && problem_size) {
            std::strncpy(problem, error.what(), problem_size - 1);
            problem[problem_size - 1] = 0;
        }
        return nullptr;
    }
}

void lamina_effect_destroy(lamina_effect *effect) { delete effect; }

void lamina_effect_set(lamina_effect *effect, int32_t parameter, float value) {
    if (parameter >= 0 && parameter < N_PARAMETERS) PARAMETERS[parameter].set(effect->settings, value);
}

int32_t lamina_effect_latency(const lamina_effect *effect) { return effect->effect.latency_samples(); }

void lamina_effect_process(lamina_effect *effect, const float *const *in, float *const *out, int32_t n) {
    effect->effect.process(effect->settings, in, out, n);
}

int64_t lamina_effect_note_codes(lamina_effect *effect, int32_t *codes, int64_t most) {
    const int64_t before = effect->n_noted;
    effect->codes = codes, effect->most = most, effect->n_noted = 0;
    return before;
}
