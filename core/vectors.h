// Eight floats at a time, and the functions that the networks need of them. Included once for each instruction set.
//
// Every result is that of the same operations in the same order whatever the set: additions, products, quotients and square roots of
// IEEE 754, none of them fused. The polynomials are those of the minimax kind found in Cephes (Moshier): about one unit in the last place.

typedef float Floats __attribute__((vector_size(32)));
typedef int32_t Ints __attribute__((vector_size(32)));
typedef int8_t Bytes __attribute__((vector_size(8)));
typedef float Quad __attribute__((vector_size(16)));
typedef double Doubles __attribute__((vector_size(32)));

static inline Floats load(const float *from) {
    Floats values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

static inline Quad load_quad(const float *from) {
    Quad values;
    std::memcpy(&values, from, sizeof values);
    return values;
}

static inline void store(float *to, Floats values) { std::memcpy(to, &values, sizeof values); }

static inline Floats all(float value) { return Floats{value, value, value, value, value, value, value, value}; }

static inline Ints bits_of(Floats values) { return (Ints)values; }

static inline Floats floats_of(Ints bits) { return (Floats)bits; }

static inline Floats choose(Ints where, Floats yes, Floats no) { return floats_of((where & bits_of(yes)) | (~where & bits_of(no))); }

static inline Floats smaller(Floats a, Floats b) { return choose(a < b, a, b); }

static inline Floats larger(Floats a, Floats b) { return choose(a > b, a, b); }

static inline Floats clamped(Floats x, float low, float high) { return smaller(larger(x, all(low)), all(high)); }

static inline Floats magnitude(Floats x) { return floats_of(bits_of(x) & 0x7fffffff); }

// To the nearest whole number, halves to even, for |x| < 2^22.
static inline Floats rounded(Floats x) {
    const Floats magic = all(12582912.0f);
    return (x + magic) - magic;
}

static inline Floats exponential(Floats x) {
    x = clamped(x, -87.0f, 88.0f);
    const Floats n = rounded(x * 1.44269504088896341f);
    const Floats r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    Floats p = all(1.9875691500e-4f);
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    const Ints power = (__builtin_convertvector(n, Ints) + 127) << 23;
    return p * floats_of(power);
}

// Of normal numbers above 0.
static inline Floats logarithm(Floats x) {
    const Ints bits = bits_of(x);
    Ints exponent = (bits >> 23) - 126;
    Floats m = floats_of((bits & 0x007fffff) | 0x3f000000); // 0.5 to 1
    const Ints low = m < 0.707106781186547524f;
    exponent += low; // true is -1
    m = choose(low, m + m, m) - 1.0f;
    const Floats square = m * m;
    Floats p = all(7.0376836292e-2f);
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    const Floats n = __builtin_convertvector(exponent, Floats);
    Floats y = m * square * p;
    y = y + n * -2.12194440e-4f;
    y = y - square * 0.5f;
    return (m + y) + n * 0.693359375f;
}

static inline Floats power(Floats x, float exponent) { return exponential(logarithm(x) * exponent); }

static inline Floats sigmoid(Floats x) { return 1.0f / (1.0f + exponential(-x)); }

static inline Floats hyperbolic_tangent(Floats x) { return 1.0f - 2.0f / (1.0f + exponential(x + x)); }

// x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3))) / 2 (Hendrycks and Gimpel 2016), written as x * sigmoid(2 * ...).
static inline Floats gelu(Floats x) { return x * sigmoid(1.5957691216057308f * (x + 0.044715f * (x * x * x))); }

// The sum of eight values, always in the same order.
static inline float sum_of(Floats v) { return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7])); }

// The sum of products of two rows that are filled up with zeros to whole vectors.
static inline float dot(const float *a, const float *b, int n) {
    Floats sum = all(0);
    for (int i = 0; i < n; i += LANES) sum += load(a + i) * load(b + i);
    return sum_of(sum);
}
