// The codec for x86 processors with AVX2.
#include <cmath>
#include <cstring>

#include "weights.h"

#if defined(__x86_64__)
#include <immintrin.h>

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

#define LAMINA_SET avx2
#define LAMINA_AVX2 1
#include "codec.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif
