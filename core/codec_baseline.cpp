// The codec for every processor.
#include <cmath>
#include <cstring>
#if defined(__x86_64__)
#include <emmintrin.h>
#endif

#include "weights.h"

#define LAMINA_SET baseline
#define LAMINA_AVX2 0
#include "codec.h"
