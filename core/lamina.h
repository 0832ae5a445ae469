/* Lamina's codec as a library without dependencies: encoder, quantizer with memory, and decoder, frame by frame.
 *
 * Every stream's state is the caller's: arrays of floats that a call reads and replaces, zeros at a stream's beginning. A codec is
 * never changed after it was made, so any number of threads may use it at once. Nothing but `lamina_create`, `lamina_open…` and
 * `lamina_destroy` allocates; no other call locks, waits or opens a file.
 *
 * Results are the same to the last bit on every processor and for any cutting of a stream into calls: sums have a fixed order, no
 * product is fused with a sum, bytes are added up in integers, and exp and log are the library's own.
 */
#ifndef LAMINA_H
#define LAMINA_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define LAMINA_API __declspec(dllexport)
#else
#define LAMINA_API __attribute__((visibility("default")))
#endif

/* Rises with every change of what is declared here. */
#define LAMINA_API_VERSION 6

/* What a codec looks like; the fields of `CodecConfig`, `TransformConfig` and `MemoryConfig` in `models/config.py`, by their names. */
typedef struct lamina_shape {
    int32_t frame, latent, code_width, residual_layers, coarse_layers, codebook_size;
    int32_t overlap, width, encoder_blocks, decoder_blocks, informed, denoiser_blocks, denoiser_width;
    /* Of a memory; `past` is 0 without one. */
    int32_t past, shortest_lag, fine_lags, coarse_lags, history, loop_layers, from_layers, memory_width, predictor_blocks, sketch_blocks;
    float companding, gain_exponent, gain_scale, trust, guarded;
    float sample_rate;
} lamina_shape;

/* One named array of weights: floats or bytes, in the order and under the name that a bundle's graphs have. */
typedef struct lamina_tensor {
    const char *name;
    const void *values;
    int64_t size;
    int32_t is_bytes;
} lamina_tensor;

typedef struct lamina_codec lamina_codec;

LAMINA_API int32_t lamina_api_version(void);

/* The instruction set that calls use here: "avx2" or "baseline". */
LAMINA_API const char *lamina_instructions(void);

/* A codec from its shape and weights, all of which are copied, or NULL and a sentence in `problem [problem_size]`. `instructions` asks
 * for one set by its name; NULL takes the best there is. */
LAMINA_API lamina_codec *lamina_create(const lamina_shape *shape, const lamina_tensor *tensors, int32_t n_tensors,
                                       const char *instructions, char *problem, size_t problem_size);
LAMINA_API void lamina_destroy(lamina_codec *codec);

/* What a weights file tells of the model in it. */
typedef struct lamina_about {
    char name[256];  /* as people call it, in UTF-8 */
    char digest[65]; /* SHA-256 over the bundle's files, in hexadecimal: what files know their model by */
    int32_t denoises; /* whether it was trained to */
} lamina_about;

/* A codec from a weights file (`lamina models weights` writes one; `weights_file.cpp` tells what is in it), or NULL and a sentence in
 * `problem [problem_size]`. Everything is checked before memory is asked for: what a damaged or malicious file says of sizes counts for
 * nothing. `about` may be NULL. */
LAMINA_API lamina_codec *lamina_open(const char *path, const char *instructions, lamina_about *about, char *problem, size_t problem_size);

/* The same from memory that begins at a multiple of 4 and is not needed any more when the call returns. */
LAMINA_API lamina_codec *lamina_open_memory(const void *bytes, size_t size, const char *instructions, lamina_about *about, char *problem,
                                            size_t problem_size);

LAMINA_API void lamina_get_shape(const lamina_codec *codec, lamina_shape *shape);

/* Adds `weight` times what a code stands for to `latent [latent]`. Row k is layer k + 1; with a memory row 0 is the lag's, which adds nothing by
 * itself, and the rows behind those of the residual layers belong to frames of fewer than `from_layers` layers. What stands for no row or code
 * adds nothing. */
LAMINA_API void lamina_add_entry(const lamina_codec *codec, int32_t row, int32_t code, float weight, float *latent);

/* Floats of each part of a stream's state: encoder, decoder, search for lags, and loop. 0 for what the codec doesn't have. */
LAMINA_API void lamina_state_sizes(const lamina_codec *codec, int32_t sizes[4]);

/* Samples `[n_frames * frame]` -> latents `[n_frames, latent]`. */
LAMINA_API void lamina_encode(const lamina_codec *codec, int32_t n_frames, const float *audio, float *state, float *latents);

/* Latents, how much is denoised (0 to 1) and of how many layers they are made (`[n_frames]` each) -> samples `[n_frames * frame]`,
 * `overlap` samples late. A decoder that isn't informed of layers leaves them aside. A denoiser doesn't look at frames whose `denoise` is 0,
 * and is computed for the others only. */
LAMINA_API void lamina_decode(const lamina_codec *codec, int32_t n_frames, const float *latents, const float *denoise,
                              const int32_t *layers, float *state, float *audio);

/* Latents `[n, latent]` -> codes `[n, stride]` of the first `counts[n]` residual (or coarse) layers; the rest is left as it is.
 * `width` partial paths are followed, 1 to 8: 1 takes the nearest entry layer by layer. */
LAMINA_API void lamina_quantize(const lamina_codec *codec, int32_t n, const float *latents, const int32_t *counts, int32_t width,
                                int32_t coarse, int32_t stride, int32_t *codes);

/* The sender's loop: samples, their latents, and of each frame how many layers are sent (`counts`, 0: nothing), how many candidates
 * are followed (`widths`; above 1 several lags are tried too) and whether it must be guarded (`guarded`; others are where that fits
 * better) -> codes `[n_frames, stride]`, 0 beyond a frame's count, and predictions `[n_frames, latent]`. A count above `stride` counts as
 * `stride`. Without a memory nothing is done. */
LAMINA_API void lamina_send(const lamina_codec *codec, int32_t n_frames, const float *audio, const float *latents, const int32_t *counts,
                            const int32_t *widths, const int32_t *guarded, float *lag_state, float *loop_state, int32_t stride,
                            int32_t *codes, float *predictions);

/* The receiver's loop: codes `[n_frames, stride]`, negative where one got lost, of which `counts` came -> predictions. With `given`
 * predictions `[n_frames, latent]` the loop remembers those as what was foreseen. `conceal` foresees a frame of which nothing came
 * with the last lag that did. Without a memory nothing is done. */
LAMINA_API void lamina_receive(const lamina_codec *codec, int32_t n_frames, const int32_t *codes, int32_t stride, const int32_t *counts,
                               const float *given, int32_t conceal, float *loop_state, float *predictions);

/* Floats of a postfilter's state. */
LAMINA_API int32_t lamina_postfilter_state(void);

/* Turns down what is between the harmonics of decoded voices (`postfilter.h`), in place: samples `[n_frames * frame]` at 24 kHz in frames of
 * a multiple of 160 samples, how much of it is done (`strengths`, 0 to 1: nothing to all) and how many kbps were sent, `[n_frames]` each.
 * For other rates and frames nothing is done. */
LAMINA_API void lamina_postfilter(const lamina_codec *codec, int32_t n_frames, const float *strengths, const float *kbps, float *state,
                                  float *audio);

#ifdef __cplusplus
}
#endif
#endif
