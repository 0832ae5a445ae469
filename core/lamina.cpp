// The C interface: one set of calls is chosen when a codec is made.
#include "lamina.h"

#include <cstring>
#include <exception>
#include <memory>
#include <new>

#include "weights.h"

namespace lamina {
namespace baseline {
extern const Calls calls;
}
#if defined(__x86_64__)
namespace avx2 {
extern const Calls calls;
}
#endif

namespace {

const Calls *best_calls() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return &avx2::calls;
#endif
    return &baseline::calls;
}

// NULL if the set isn't known or not available here.
const Calls *calls_named(const char *instructions) {
    if (!instructions || !std::strcmp(instructions, best_calls()->name)) return best_calls();
    return std::strcmp(instructions, baseline::calls.name) ? nullptr : &baseline::calls;
}

lamina_codec *refused(const char *why, char *problem, size_t problem_size) {
    if (problem && problem_size) {
        std::strncpy(problem, why, problem_size - 1);
        problem[problem_size - 1] = 0;
    }
    return nullptr;
}

} // namespace
} // namespace lamina

struct lamina_codec {
    lamina::Codec codec;
    const lamina::Calls *calls;
};

int32_t lamina_api_version(void) { return LAMINA_API_VERSION; }

const char *lamina_instructions(void) { return lamina::best_calls()->name; }

lamina_codec *lamina_create(const lamina_shape *shape, const lamina_tensor *tensors, int32_t n_tensors, const char *instructions, char *problem,
                            size_t problem_size) {
    const auto refuse = [&](const char *why) { return lamina::refused(why, problem, problem_size); };
    const lamina::Calls *calls = lamina::calls_named(instructions);
    if (!calls) return refuse("This processor has no such instructions.");
    try {
        std::unique_ptr<lamina_codec> made(new lamina_codec);
        made->calls = calls;
        lamina::build(made->codec, *shape, tensors, n_tensors);
        return made.release();
    } catch (const std::bad_alloc &) {
        return refuse("There is not enough memory for the codec.");
    } catch (const std::exception &error) {
        return refuse(error.what());
    }
}

void lamina_destroy(lamina_codec *codec) { delete codec; }

lamina_codec *lamina_open(const char *path, const char *instructions, lamina_about *about, char *problem, size_t problem_size) {
    try {
        const std::vector<unsigned char> bytes = lamina::load_file(path);
        return lamina_open_memory(bytes.data(), bytes.size(), instructions, about, problem, problem_size);
    } catch (const std::bad_alloc &) {
        return lamina::refused("There is not enough memory for the weights file.", problem, problem_size);
    } catch (const std::exception &error) {
        return lamina::refused(error.what(), problem, problem_size);
    }
}

lamina_codec *lamina_open_memory(const void *bytes, size_t size, const char *instructions, lamina_about *about, char *problem,
                                 size_t problem_size) {
    try {
        const lamina::WeightsFile file = lamina::read_weights((const unsigned char *)bytes, size);
        lamina_codec *codec = lamina_create(&file.shape, file.tensors.data(), (int32_t)file.tensors.size(), instructions, problem, problem_size);
        if (codec && about) *about = file.about;
        return codec;
    } catch (const std::bad_alloc &) {
        return lamina::refused("There is not enough memory for the weights file.", problem, problem_size);
    } catch (const std::exception &error) {
        return lamina::refused(error.what(), problem, problem_size);
    }
}

void lamina_get_shape(const lamina_codec *codec, lamina_shape *shape) { *shape = codec->codec.shape; }

void lamina_add_entry(const lamina_codec *codec, int32_t row, int32_t code, float weight, float *latent) {
    const lamina::Codec &c = codec->codec;
    if (code < 0 || code >= c.shape.codebook_size) return;
    const int layer = c.shape.past ? row - 1 : row, n_residual = (int)c.residual.size(), n_coarse = (int)c.coarse.size();
    if (layer < 0 || layer >= n_residual + n_coarse) return;
    codec->calls->add_exact(layer < n_residual ? c.residual[layer] : c.coarse[layer - n_residual], code, weight, c.shape.latent, latent);
}

void lamina_state_sizes(const lamina_codec *codec, int32_t sizes[4]) {
    const lamina::Codec &c = codec->codec;
    sizes[0] = c.encoder_state, sizes[1] = c.decoder_state, sizes[2] = c.lag_state, sizes[3] = c.loop_state;
}

void lamina_encode(const lamina_codec *codec, int32_t n_frames, const float *audio, float *state, float *latents) {
    codec->calls->encode(codec->codec, n_frames, audio, state, latents);
}

void lamina_decode(const lamina_codec *codec, int32_t n_frames, const float *latents, const float *denoise, const int32_t *layers,
                   float *state, float *audio) {
    codec->calls->decode(codec->codec, n_frames, latents, denoise, layers, state, audio);
}

void lamina_quantize(const lamina_codec *codec, int32_t n, const float *latents, const int32_t *counts, int32_t width, int32_t coarse,
                     int32_t stride, int32_t *codes) {
    codec->calls->quantize(codec->codec, n, latents, counts, width, coarse != 0, stride, codes);
}

void lamina_send(const lamina_codec *codec, int32_t n_frames, const float *audio, const float *latents, const int32_t *counts,
                 const int32_t *widths, const int32_t *guarded, float *lag_state, float *loop_state, int32_t stride, int32_t *codes,
                 float *predictions) {
    codec->calls->send(codec->codec, n_frames, audio, latents, counts, widths, guarded, lag_state, loop_state, stride, codes, predictions);
}

void lamina_receive(const lamina_codec *codec, int32_t n_frames, const int32_t *codes, int32_t stride, const int32_t *counts, const float *given,
                    int32_t conceal, float *loop_state, float *predictions) {
    codec->calls->receive(codec->codec, n_frames, codes, stride, counts, given, conceal != 0, loop_state, predictions);
}

int32_t lamina_postfilter_state(void) { return lamina::PF_STATE; }

void lamina_postfilter(const lamina_codec *codec, int32_t n_frames, const float *strengths, const float *kbps, float *state, float *audio) {
    const lamina_shape &shape = codec->codec.shape;
    if (shape.sample_rate != lamina::PF_SAMPLE_RATE || shape.frame % lamina::PF_BLOCK) return;
    codec->calls->postfilter(n_frames, shape.frame, strengths, kbps, state, audio);
}
