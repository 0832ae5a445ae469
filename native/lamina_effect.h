/* Lamina as a streaming effect in C: what the plugin plays, for programs that bring their own host. See `effect.h`. */
#ifndef LAMINA_EFFECT_H
#define LAMINA_EFFECT_H

#include <stddef.h>
#include <stdint.h>

#include "../core/lamina.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct lamina_effect lamina_effect;

/* Parameters are set by their number, in the plugin's units; `lamina_effect_parameter` finds a number by a name
 * ("layers", "mix", ...), -1 for a name that there isn't. */
LAMINA_API int32_t lamina_effect_parameter(const char *name);

/* An effect with a weights file's model, or NULL and a sentence in `problem [problem_size]`. `values` of all parameters
 * hold before the first sample; NULL stands for their defaults. */
LAMINA_API lamina_effect *lamina_effect_create(const char *weights, int32_t sample_rate, int32_t n_channels,
                                               const float *values, char *problem, size_t problem_size);
LAMINA_API void lamina_effect_destroy(lamina_effect *effect);

/* From the next block on. */
LAMINA_API void lamina_effect_set(lamina_effect *effect, int32_t parameter, float value);
LAMINA_API int32_t lamina_effect_latency(const lamina_effect *effect);

/* `in` and `out [channels][n]`. Real-time safe: it allocates nothing, takes no lock and opens no file. */
LAMINA_API void lamina_effect_process(lamina_effect *effect, const float *const *in, float *const *out, int32_t n);

/* Writes the codes of every frame that is processed from now on to `codes [most][channels][64]` (-1 beyond those that
 * were sent), until there are `most`; NULL ends it. Returns how many frames were written since the last call. */
LAMINA_API int64_t lamina_effect_note_codes(lamina_effect *effect, int32_t *codes, int64_t most);

#ifdef __cplusplus
}
#endif
#endif
