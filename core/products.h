// Matrix products, one row of input at a time. Included once for each instruction set, after vectors.h.

// y = W x: `y` is filled up to lanes.
static void multiply(const FloatMatrix &matrix, const float *x, float *y) {
    const int stride = padded(matrix.rows);
    int row = 0;
    for (; row + 4 * LANES <= stride; row += 4 * LANES) {
        Floats a = all(0), b = all(0), c = all(0), d = all(0);
        const float *values = matrix.values.data() + row;
        for (int column = 0; column < matrix.columns; column++, values += stride) {
            const Floats factor = all(x[column]);
            a += factor * load(values);
            b += factor * load(values + LANES);
            c += factor * load(values + 2 * LANES);
            d += factor * load(values + 3 * LANES);
        }
        store(y + row, a), store(y + row + LANES, b), store(y + row + 2 * LANES, c), store(y + row + 3 * LANES, d);
    }
    for (; row < stride; row += LANES) {
        Floats sum = all(0);
        const float *values = matrix.values.data() + row;
        for (int column = 0; column < matrix.columns; column++, values += stride) sum += all(x[column]) * load(values);
        store(y + row, sum);
    }
}

// A row of input in bytes: blocks of 32 that share a scale.
template <int COLUMNS> struct ByteRow {
    alignas(32) int8_t bytes[blocks_of(COLUMNS) * BYTE_BLOCK];
    float scales[blocks_of(COLUMNS)];
};

// Rounds `x [columns]`, behind which there is room to fill up the last block with zeros.
static inline void to_bytes(float *x, int columns, int8_t *bytes, float *scales) {
    const int blocks = blocks_of(columns);
    for (int i = columns; i < blocks * BYTE_BLOCK; i++) x[i] = 0;
    for (int block = 0; block < blocks; block++, x += BYTE_BLOCK, bytes += BYTE_BLOCK) {
        const Floats v[4] = {load(x), load(x + 8), load(x + 16), load(x + 24)};
        const Floats top = larger(larger(magnitude(v[0]), magnitude(v[1])), larger(magnitude(v[2]), magnitude(v[3])));
        float largest = 0;
        for (int i = 0; i < LANES; i++) largest = top[i] > largest ? top[i] : largest;
        const float scale = largest / 127.0f;
        const float steps = scale > 1e-30f ? 1.0f / scale : 0.0f;
        scales[block] = scale;
        for (int i = 0; i < 4; i++) {
            const Bytes whole = __builtin_convertvector(__builtin_convertvector(rounded(v[i] * steps), Ints), Bytes);
            std::memcpy(bytes + i * LANES, &whole, sizeof whole);
        }
    }
}

#if LAMINA_AVX2
// What four columns of eight rows of weights add to eight sums.
static inline __m256i add_products(__m256i sum, __m256i weights, __m256i input, __m256i size) {
    const __m256i pairs = _mm256_maddubs_epi16(size, _mm256_sign_epi8(weights, input));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#elif defined(__SSE2__)
// What a block of weights of eight rows adds to their sums.
static inline Ints products_of_block(const int8_t *weights, const int8_t *input) {
    __m128i found[4]; // of two rows each, in pairs of columns
    for (__m128i &pair : found) pair = _mm_setzero_si128();
    for (int four = 0; four < BYTE_BLOCK / 4; four++, input += 4) {
        int32_t quad;
        std::memcpy(&quad, input, sizeof quad);
        const __m128i spread = _mm_set1_epi32(quad), wide = _mm_srai_epi16(_mm_unpacklo_epi8(spread, spread), 8);
        for (int half = 0; half < 2; half++, weights += 16) {
            const __m128i w = _mm_loadu_si128((const __m128i *)weights);
            const __m128i low = _mm_srai_epi16(_mm_unpacklo_epi8(w, w), 8), high = _mm_srai_epi16(_mm_unpackhi_epi8(w, w), 8);
            found[2 * half] = _mm_add_epi32(found[2 * half], _mm_madd_epi16(low, wide));
            found[2 * half + 1] = _mm_add_epi32(found[2 * half + 1], _mm_madd_epi16(high, wide));
        }
    }
    int32_t pairs[2 * LANES];
    std::memcpy(pairs, found, sizeof pairs);
    Ints sum;
    for (int row = 0; row < LANES; row++) sum[row] = pairs[2 * row] + pairs[2 * row + 1];
    return sum;
}
#else
// What a block of weights of eight rows adds to their sums.
static inline Ints products_of_block(const int8_t *weights, const int8_t *input) {
    int32_t found[LANES] = {0};
    for (int four = 0; four < BYTE_BLOCK / 4; four++, input += 4)
        for (int row = 0; row < LANES; row++, weights += 4)
            for (int i = 0; i < 4; i++) found[row] += weights[i] * input[i];
    Ints sum;
    std::memcpy(&sum, found, sizeof sum);
    return sum;
}
#endif

// GROUPS times eight rows of W x, with the input in bytes.
template <int GROUPS> static inline void multiply_groups(const ByteMatrix &matrix, int group, const int8_t *bytes, const float *scales, float *y) {
    const int blocks = blocks_of(matrix.columns);
    Floats sums[GROUPS];
    const int8_t *weights[GROUPS];
    const float *weight_scales[GROUPS];
    for (int g = 0; g < GROUPS; g++) {
        sums[g] = all(0);
        weights[g] = matrix.bytes.data() + (size_t)(group + g) * blocks * BYTE_BLOCK * LANES;
        weight_scales[g] = matrix.scales.data() + (size_t)(group + g) * blocks * LANES;
    }
    for (int block = 0; block < blocks; block++) {
        const int8_t *input = bytes + block * BYTE_BLOCK;
#if LAMINA_AVX2
        __m256i found[GROUPS];
        for (int g = 0; g < GROUPS; g++) found[g] = _mm256_setzero_si256();
        for (int four = 0; four < BYTE_BLOCK / 4; four++) {
            int32_t quad;
            std::memcpy(&quad, input + 4 * four, sizeof quad);
            const __m256i spread = _mm256_set1_epi32(quad), size = _mm256_abs_epi8(spread);
            for (int g = 0; g < GROUPS; g++) {
                const __m256i w = _mm256_loadu_si256((const __m256i *)(weights[g] + (block * (BYTE_BLOCK / 4) + four) * 4 * LANES));
                found[g] = add_products(found[g], w, spread, size);
            }
        }
        for (int g = 0; g < GROUPS; g++) {
            const Floats whole = __builtin_convertvector((Ints)found[g], Floats);
            sums[g] += whole * (load(weight_scales[g] + block * LANES) * scales[block]);
        }
#else
        for (int g = 0; g < GROUPS; g++) {
            const Ints sum = products_of_block(weights[g] + block * BYTE_BLOCK * LANES, input);
            sums[g] += __builtin_convertvector(sum, Floats) * (load(weight_scales[g] + block * LANES) * scales[block]);
        }
#endif
    }
    for (int g = 0; g < GROUPS; g++) store(y + (group + g) * LANES, sums[g]);
}

static void multiply(const ByteMatrix &matrix, const int8_t *bytes, const float *scales, float *y) {
    const int groups = padded(matrix.rows) / LANES;
    int group = 0;
    for (; group + 4 <= groups; group += 4) multiply_groups<4>(matrix, group, bytes, scales, y);
    for (; group < groups; group++) multiply_groups<1>(matrix, group, bytes, scales, y);
}

// y = W x + b, `x` as for `to_bytes`; COLUMNS is the most there may be.
template <int COLUMNS> static void apply(const Layer &layer, float *x, float *y) {
    ByteRow<COLUMNS> row;
    to_bytes(x, layer.weight.columns, row.bytes, row.scales);
    multiply(layer.weight, row.bytes, row.scales, y);
    if (!layer.bias.empty())
        for (int i = 0; i < padded(layer.weight.rows); i += LANES) store(y + i, load(y + i) + load(layer.bias.data() + i));
}
