// From a bundle's arrays to a codec: everything is checked against the shape before it is taken over.
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "weights.h"

namespace lamina {
namespace {

constexpr int DENOISER_DILATIONS = 5;
constexpr int DECIMATION = 4, LOW_PASS_TAPS = 49;
constexpr double PRE_EMPHASIS = 0.6, LOW_PASS_HZ = 2500.0, PI = 3.14159265358979323846;
constexpr float NEVER = -3e38f;

[[noreturn]] void refuse(const std::string &why) { throw std::runtime_error(why); }

class Tensors {
  public:
    Tensors(const lamina_tensor *tensors, int n) : first(tensors), count(n) {}

    const float *floats(const std::string &name, int64_t size) const { return (const float *)find(name, size, false); }
    const uint8_t *bytes(const std::string &name, int64_t size) const { return (const uint8_t *)find(name, size, true); }

  private:
    const lamina_tensor *first;
    int count;

    const void *find(const std::string &name, int64_t size, bool is_bytes) const {
        for (int i = 0; i < count; i++) {
            const lamina_tensor &tensor = first[i];
            if (!tensor.name || name != tensor.name) continue;
            if ((tensor.is_bytes != 0) != is_bytes) refuse(name + " has values of another kind than this core reads.");
            if (tensor.size != size || !tensor.values)
                refuse(name + " has " + std::to_string(tensor.size) + " values; there should be " + std::to_string(size) + ".");
            return tensor.values;
        }
        refuse(name + " is missing.");
    }
};

std::vector<float> row_of(const Tensors &tensors, const std::string &name, int size) {
    const float *values = tensors.floats(name, size);
    std::vector<float> row(padded(size), 0.0f);
    std::memcpy(row.data(), values, size * sizeof(float));
    return row;
}

// `rows` times `columns` values, row by row.
FloatMatrix float_matrix(const float *values, int rows, int columns) {
    FloatMatrix matrix{rows, columns, std::vector<float>((size_t)padded(rows) * columns, 0.0f)};
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++) matrix.values[(size_t)column * padded(rows) + row] = values[(size_t)row * columns + column];
    return matrix;
}

FloatMatrix transposed(const FloatMatrix &matrix) {
    FloatMatrix result{matrix.columns, matrix.rows, std::vector<float>((size_t)padded(matrix.columns) * matrix.rows, 0.0f)};
    for (int row = 0; row < matrix.rows; row++)
        for (int column = 0; column < matrix.columns; column++)
            result.values[(size_t)row * padded(matrix.columns) + column] = matrix.values[(size_t)column * padded(matrix.rows) + row];
    return result;
}

// From bytes `[rows, blocks, 32]`, 128 being 0, and scales `[rows, blocks]` (`models/bundles/byte_weights.py`).
ByteMatrix byte_matrix(const uint8_t *bytes, const float *scales, int rows, int columns) {
    const int blocks = blocks_of(columns), stride = padded(rows);
    ByteMatrix matrix{rows, columns, std::vector<int8_t>((size_t)stride * blocks * BYTE_BLOCK, 0), std::vector<float>((size_t)stride * blocks, 0.0f)};
    for (int row = 0; row < rows; row++)
        for (int block = 0; block < blocks; block++) {
            const size_t group = (size_t)(row / LANES) * blocks + block;
            matrix.scales[group * LANES + row % LANES] = scales[(size_t)row * blocks + block];
            for (int i = 0; i < BYTE_BLOCK; i++) {
                const int value = bytes[((size_t)row * blocks + block) * BYTE_BLOCK + i] - 128;
                const size_t place = ((group * (BYTE_BLOCK / 4) + i / 4) * LANES + row % LANES) * 4 + i % 4;
                matrix.bytes[place] = (int8_t)(value < -127 ? -127 : value);
            }
        }
    return matrix;
}

// As `to_bytes` in `models/bundles/byte_weights.py`.
ByteMatrix rounded_matrix(const float *values, int rows, int columns) {
    const int blocks = blocks_of(columns);
    std::vector<uint8_t> bytes((size_t)rows * blocks * BYTE_BLOCK, 128);
    std::vector<float> scales((size_t)rows * blocks);
    for (int row = 0; row < rows; row++)
        for (int block = 0; block < blocks; block++) {
            const int first = block * BYTE_BLOCK, n = columns - first < BYTE_BLOCK ? columns - first : BYTE_BLOCK;
            const float *from = values + (size_t)row * columns + first;
            float largest = 0;
            for (int i = 0; i < n; i++) largest = std::fmax(largest, std::fabs(from[i]));
            const float scale = largest / 127.0f;
            scales[(size_t)row * blocks + block] = scale;
            for (int i = 0; i < n; i++)
                bytes[((size_t)row * blocks + block) * BYTE_BLOCK + i] = (uint8_t)(128 + (int)std::nearbyint(scale > 0 ? from[i] / scale : 0));
        }
    return byte_matrix(bytes.data(), scales.data(), rows, columns);
}

Layer byte_layer(const Tensors &tensors, const std::string &name, int rows, int columns, bool with_bias = true) {
    const int64_t blocks = blocks_of(columns);
    Layer layer;
    layer.weight = byte_matrix(tensors.bytes(name + ".weight.bytes", rows * blocks * BYTE_BLOCK), tensors.floats(name + ".weight.scales", rows * blocks), rows, columns);
    if (with_bias) layer.bias = row_of(tensors, name + ".bias", rows);
    return layer;
}

// The blocks' dilations go round, from 1 in powers of two.
std::vector<ResidualBlock> stack_of(const Tensors &tensors, const std::string &name, int width, int blocks, int dilations = 3) {
    std::vector<ResidualBlock> stack;
    for (int i = 0; i < blocks; i++) {
        const std::string item = name + "." + std::to_string(i);
        stack.push_back({byte_layer(tensors, item + ".conv.linear", width, 3 * width), byte_layer(tensors, item + ".project", width, width), 1 << i % dilations});
    }
    return stack;
}

int stack_state(const std::vector<ResidualBlock> &stack, int width) {
    int size = 0;
    for (const ResidualBlock &block : stack) size += 2 * block.dilation * width;
    return size;
}

std::vector<DenseBlock> dense_of(const Tensors &tensors, const std::string &name, int width, int blocks) {
    std::vector<DenseBlock> stack;
    for (int i = 0; i < blocks; i++)
        stack.push_back({byte_layer(tensors, name + ".first." + std::to_string(i), width, width), byte_layer(tensors, name + ".second." + std::to_string(i), width, width)});
    return stack;
}

// The width is a whole number of lanes.
Briefing briefing_of(const Tensors &tensors, const std::string &name, int layers, int width) {
    Briefing briefing;
    briefing.layer_scale = row_of(tensors, name + ".layer_scale", (layers + 1) * width);
    briefing.layer_shift = row_of(tensors, name + ".layer_shift", (layers + 1) * width);
    briefing.denoise_scale = row_of(tensors, name + ".denoise_scale", width);
    briefing.denoise_shift = row_of(tensors, name + ".denoise_shift", width);
    return briefing;
}

Denoiser denoiser_of(const Tensors &tensors, const std::string &name, const lamina_shape &shape) {
    Denoiser denoiser;
    const int bands = DENOISER_BANDS, frame = shape.frame, width = shape.denoiser_width;
    denoiser.bands = transposed(float_matrix(tensors.floats(name + ".bands", (int64_t)frame * bands), frame, bands));
    denoiser.spread = transposed(float_matrix(tensors.floats(name + ".spread", (int64_t)bands * frame), bands, frame));
    denoiser.input = byte_layer(tensors, name + ".input", width, bands + shape.latent);
    denoiser.stack = stack_of(tensors, name + ".stack", width, shape.denoiser_blocks, DENOISER_DILATIONS);
    denoiser.output = byte_layer(tensors, name + ".output", bands, width);
    return denoiser;
}

Companding companding_of(const Tensors &tensors, const std::string &name, int frame) {
    Companding companding;
    companding.weight = row_of(tensors, name + ".weight", frame);
    for (const float weight : companding.weight) companding.inverse.push_back(weight != 0 ? 1.0f / weight : 0.0f);
    companding.mean_log_gain = *tensors.floats(name + ".mean_log_gain", 1);
    return companding;
}

std::vector<Codebook> books_of(const Tensors &tensors, const std::string &name, const lamina_shape &shape, int layers) {
    const int width = shape.code_width, size = shape.codebook_size, latent = shape.latent;
    const float *books = tensors.floats(name + ".codebooks", (int64_t)layers * size * width);
    const float *bases = tensors.floats(name + ".bases", (int64_t)layers * latent * width);
    std::vector<Codebook> result;
    for (int layer = 0; layer < layers; layer++) {
        Codebook book;
        const float *entries = books + (size_t)layer * size * width;
        book.expansion = float_matrix(bases + (size_t)layer * latent * width, latent, width);
        book.basis = transposed(book.expansion);
        book.compared = rounded_matrix(entries, size, width);
        book.offsets.assign(padded(size), NEVER);
        book.points.assign((size_t)size * padded(width), 0.0f);
        for (int entry = 0; entry < size; entry++) {
            double energy = 0;
            for (int i = 0; i < width; i++) {
                const float value = entries[(size_t)entry * width + i];
                energy += (double)value * value;
                book.points[(size_t)entry * padded(width) + i] = value;
            }
            book.offsets[entry] = (float)(-energy / 2);
        }
        result.push_back(std::move(book));
    }
    return result;
}

// Emphasis, low-pass (a Hamming-windowed sinc) as one filter, reversed (`_decimating_filter` in `models/network/memory.py`).
std::vector<float> low_pass(float sample_rate) {
    double taps[LOW_PASS_TAPS], sum = 0;
    const double share = 2 * LOW_PASS_HZ / sample_rate;
    for (int i = 0; i < LOW_PASS_TAPS; i++) {
        const double n = i - (LOW_PASS_TAPS - 1) / 2.0, x = PI * n * share;
        taps[i] = (x == 0 ? 1.0 : std::sin(x) / x) * (0.54 + 0.46 * std::cos(2 * PI * n / (LOW_PASS_TAPS - 1)));
        sum += taps[i];
    }
    std::vector<float> reversed(padded(LOW_PASS_TAPS + 1), 0.0f);
    for (int i = 0; i <= LOW_PASS_TAPS; i++) {
        const double emphasised = (i < LOW_PASS_TAPS ? taps[i] : 0.0) - PRE_EMPHASIS * (i > 0 ? taps[i - 1] : 0.0);
        reversed[LOW_PASS_TAPS - i] = (float)(emphasised / sum);
    }
    return reversed;
}

void set_lags(Memory &memory, const lamina_shape &shape) {
    for (int i = 0; i < shape.fine_lags; i++) memory.lags.push_back(shape.shortest_lag + i);
    for (int i = 0; i < shape.coarse_lags; i++) memory.lags.push_back(shape.shortest_lag + shape.fine_lags + 2 * i);
    const int last_fine = shape.shortest_lag + shape.fine_lags - 1;
    const int longest = shape.coarse_lags ? last_fine + 2 * shape.coarse_lags - 1 : last_fine;
    for (int slow = shape.shortest_lag / DECIMATION; slow <= longest / DECIMATION; slow++)
        for (int offset = -DECIMATION / 2; offset <= DECIMATION / 2; offset++) {
            int lag = slow * DECIMATION + offset, code = 0;
            lag = lag < shape.shortest_lag ? shape.shortest_lag : lag > longest ? longest : lag;
            // A lag that the table passes over is taken for the one before it.
            while (code + 1 < (int)memory.lags.size() && memory.lags[code + 1] <= lag) code++;
            memory.near_codes.push_back(code);
        }
}

Memory memory_of(const Tensors &tensors, const lamina_shape &shape) {
    const int n = shape.latent, frame = shape.frame, width = shape.memory_width, history = shape.history * n;
    Memory memory;
    memory.scale = row_of(tensors, "memory.scale", n);
    for (const float scale : memory.scale) memory.inverse_scale.push_back(scale != 0 ? 1.0f / scale : 0.0f);
    memory.companding = companding_of(tensors, "memory.companding", frame);
    memory.sketch_input = byte_layer(tensors, "memory.sketch.input", width, history);
    memory.sketch_blocks = dense_of(tensors, "memory.sketch.blocks", width, shape.sketch_blocks);
    memory.sketch_output = byte_layer(tensors, "memory.sketch.output", 2 * frame, width);
    memory.sketch_linear = byte_layer(tensors, "memory.sketch.linear_path", frame, n - 1, false);
    memory.input = byte_layer(tensors, "memory.predictor.input", width, 2 * frame + 1 + history);
    memory.blocks = dense_of(tensors, "memory.predictor.blocks", width, shape.predictor_blocks);
    memory.gate = byte_layer(tensors, "memory.predictor.gate", frame, width);
    memory.confidence = byte_layer(tensors, "memory.predictor.confidence", n, width);
    memory.correction = byte_layer(tensors, "memory.predictor.correction", n, width);
    memory.linear_path = byte_layer(tensors, "memory.predictor.linear_path", n - 1, frame, false);
    memory.low_pass = low_pass(shape.sample_rate);
    set_lags(memory, shape);
    return memory;
}

void check_range(const char *name, int value, int least, int most) {
    if (value < least || value > most)
        refuse(std::string(name) + " is " + std::to_string(value) + "; this core computes " + std::to_string(least) + " to " + std::to_string(most) + ".");
}

void check(const lamina_shape &shape) {
    check_range("frame", shape.frame, LANES, MAX_FRAME);
    check_range("overlap", shape.overlap, 1, shape.frame);
    check_range("latent", shape.latent, 2, MAX_LATENT);
    check_range("code_width", shape.code_width, 1, MAX_CODE_WIDTH);
    check_range("codebook_size", shape.codebook_size, LANES, MAX_ENTRIES);
    check_range("layers", shape.residual_layers, 1, MAX_LAYERS - 1);
    check_range("coarse layers", shape.coarse_layers, 0, MAX_LAYERS - 1);
    check_range("width", shape.width, LANES, MAX_WIDTH);
    check_range("encoder_blocks", shape.encoder_blocks, 0, MAX_BLOCKS);
    check_range("decoder_blocks", shape.decoder_blocks, 0, MAX_BLOCKS);
    check_range("informed", shape.informed, 0, 1);
    check_range("denoiser_blocks", shape.denoiser_blocks, 0, MAX_BLOCKS);
    if (shape.denoiser_blocks) {
        check_range("denoiser_width", shape.denoiser_width, LANES, MAX_WIDTH);
        if (shape.denoiser_width % LANES) refuse("denoiser_width must be a multiple of 8 for this core.");
    }
    if (shape.frame % LANES || shape.width % LANES) refuse("frame and width must be multiples of 8 for this core.");
    if (!(shape.companding > 0 && shape.companding <= 1) || !(shape.gain_scale > 0)) refuse("companding or gain_scale is out of range.");
    if (!(shape.gain_scale < 1e6f) || !(std::fabs(shape.gain_exponent) < 1e3f)) refuse("gain_scale or gain_exponent is out of range.");
    if (!(shape.sample_rate >= 4000.0f && shape.sample_rate <= 384000.0f)) refuse("The sample rate is none that this core computes.");
    if (!shape.past) return;
    if (!(shape.trust >= 0 && shape.trust <= 1) || !(shape.guarded >= 0 && shape.guarded <= 1)) refuse("trust or guarded is out of range.");
    check_range("past", shape.past, shape.frame, MAX_PAST);
    check_range("shortest_lag", shape.shortest_lag, DECIMATION, shape.past);
    check_range("fine_lags", shape.fine_lags, 1, MAX_ENTRIES);
    check_range("coarse_lags", shape.coarse_lags, 0, MAX_ENTRIES);
    check_range("the longest lag", shape.shortest_lag + shape.fine_lags - 1 + (shape.coarse_lags ? 2 * shape.coarse_lags - 1 : 0), 1, shape.past);
    check_range("history", shape.history, 1, MAX_HISTORY);
    check_range("from_layers", shape.from_layers, 2, shape.coarse_layers + 1);
    check_range("loop_layers", shape.loop_layers, shape.from_layers, shape.residual_layers + 1);
    check_range("the memory's width", shape.memory_width, LANES, MAX_WIDTH);
    check_range("predictor_blocks", shape.predictor_blocks, 0, MAX_BLOCKS);
    check_range("sketch_blocks", shape.sketch_blocks, 0, MAX_BLOCKS);
    if (shape.memory_width % LANES || shape.past % DECIMATION || shape.frame % DECIMATION || shape.overlap % DECIMATION)
        refuse("The memory's width must be a multiple of 8, its past, the frame and the overlap multiples of 4, for this core.");
}

} // namespace

void build(Codec &codec, const lamina_shape &shape, const lamina_tensor *given, int n_tensors) {
    check(shape);
    const Tensors tensors(given, n_tensors);
    const int n = shape.latent, frame = shape.frame, support = frame + shape.overlap, width = shape.width;
    codec.shape = shape;

    Encoder &encoder = codec.encoder;
    encoder.analysis = float_matrix(tensors.floats("encoder.analysis.linear.weight", (int64_t)frame * support), frame, support);
    encoder.linear_path = float_matrix(tensors.floats("encoder.linear_path.weight", (int64_t)(n - 1) * frame), n - 1, frame);
    encoder.companding = companding_of(tensors, "encoder.companding", frame);
    encoder.input = byte_layer(tensors, "encoder.input", width, 2 * frame + 1);
    encoder.stack = stack_of(tensors, "encoder.stack.items", width, shape.encoder_blocks);
    encoder.output = byte_layer(tensors, "encoder.output", n, width);
    encoder.gate = byte_layer(tensors, "encoder.gate", frame, width);
    codec.encoder_state = shape.overlap + stack_state(encoder.stack, width);

    Decoder &decoder = codec.decoder;
    decoder.film_scale = row_of(tensors, "decoder.film.scale", n);
    decoder.film_shift = row_of(tensors, "decoder.film.shift", n);
    decoder.input = byte_layer(tensors, "decoder.decoder.input.linear", width, 3 * n);
    if (shape.informed) decoder.briefing = briefing_of(tensors, "decoder.decoder.briefing", layers_of(shape), width);
    decoder.stack = stack_of(tensors, "decoder.decoder.stack.items", width, shape.decoder_blocks);
    decoder.output = byte_layer(tensors, "decoder.decoder.output", 2 * frame, width);
    decoder.linear_path = float_matrix(tensors.floats("decoder.decoder.linear_path.weight", (int64_t)frame * (n - 1)), frame, n - 1);
    decoder.companding = companding_of(tensors, "decoder.decoder.companding", frame);
    decoder.synthesis = float_matrix(tensors.floats("decoder.decoder.synthesis.linear.weight", (int64_t)support * frame), support, frame);
    if (shape.denoiser_blocks) decoder.denoiser = denoiser_of(tensors, "decoder.decoder.denoiser", shape);
    // One number more says for how many frames the denoiser still remembers something.
    codec.denoiser_state = shape.denoiser_blocks ? 1 + stack_state(decoder.denoiser.stack, shape.denoiser_width) : 0;
    codec.decoder_state = 2 * n + stack_state(decoder.stack, width) + codec.denoiser_state + shape.overlap;

    codec.residual = books_of(tensors, "residual", shape, shape.residual_layers);
    if (!shape.past) return;
    codec.coarse = books_of(tensors, "coarse", shape, shape.coarse_layers);
    codec.memory = memory_of(tensors, shape);
    codec.lag_state = LOW_PASS_TAPS + (shape.past + shape.overlap) + (shape.past + shape.overlap) / DECIMATION;
    codec.loop_state = shape.history * n + shape.overlap + shape.past + 1;
}

} // namespace lamina
