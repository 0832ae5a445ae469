// A codec's weights in the order in which the products read them, and the limits of its shape.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lamina.h"

namespace lamina {

// Limits of shapes: scratch memory lies on the stack. A shape beyond them is refused when a codec is made.
constexpr int MAX_FRAME = 512, MAX_LATENT = 512, MAX_WIDTH = 512, MAX_ENTRIES = 1024, MAX_LAYERS = 64, MAX_CODE_WIDTH = 64;
constexpr int DENOISER_BANDS = 64, MAX_BLOCKS = 16, MAX_HISTORY = 4, MAX_PAST = 4096, MAX_CANDIDATES = 8;

constexpr int LANES = 8;       // rows that are worked on at once
constexpr int BYTE_BLOCK = 32; // weights that share a scale

constexpr int padded(int n) { return (n + LANES - 1) / LANES * LANES; }
constexpr int blocks_of(int columns) { return (columns + BYTE_BLOCK - 1) / BYTE_BLOCK; }

// Floats [columns][rows, filled up to lanes]: a product goes through the columns and adds to all rows.
struct FloatMatrix {
    int rows = 0, columns = 0;
    std::vector<float> values;
};

// Bytes [rows / 8][block][column / 4][row][column % 4] and scales [rows / 8][block][row].
struct ByteMatrix {
    int rows = 0, columns = 0;
    std::vector<int8_t> bytes;
    std::vector<float> scales;
};

struct Layer {
    ByteMatrix weight;
    std::vector<float> bias; // filled up to lanes; empty if there is none
};

struct ResidualBlock {
    Layer conv, project;
    int dilation = 1;
};

struct Companding {
    std::vector<float> weight, inverse;
    float mean_log_gain = 0;
};

struct Encoder {
    FloatMatrix analysis, linear_path;
    Companding companding;
    Layer input, output, gate;
    std::vector<ResidualBlock> stack;
};

// What a decoder's hidden channels are told (`Briefing` in `models/network/film.py`); empty for a decoder that isn't informed.
struct Briefing {
    std::vector<float> layer_scale, layer_shift;     // [layers + 1][width]
    std::vector<float> denoise_scale, denoise_shift; // [width]
};

// What takes noise away behind the decoder's networks (`models/network/denoiser.py`); without blocks there is none.
struct Denoiser {
    FloatMatrix bands, spread; // powers of coefficients -> energies of bands, and what is said of bands -> of coefficients
    Layer input, output;
    std::vector<ResidualBlock> stack;
};

struct Decoder {
    std::vector<float> film_scale, film_shift;
    Briefing briefing;
    Layer input, output;
    std::vector<ResidualBlock> stack;
    FloatMatrix linear_path, synthesis;
    Companding companding;
    Denoiser denoiser;
};

struct DenseBlock {
    Layer first, second;
};

struct Memory {
    std::vector<float> scale, inverse_scale;
    Companding companding;
    Layer sketch_input, sketch_output, sketch_linear;
    std::vector<DenseBlock> sketch_blocks;
    Layer input, gate, confidence, correction, linear_path;
    std::vector<DenseBlock> blocks;
    std::vector<int> lags;         // in samples, of each code
    std::vector<float> low_pass;   // of the search for lags, reversed, filled up to lanes
    std::vector<int> near_codes;   // five lag codes around each of the slower rate's lags
};

// One layer of the quantizer.
struct Codebook {
    FloatMatrix basis, expansion; // latent -> own directions, and back
    ByteMatrix compared;          // own directions -> likeness of each entry
    std::vector<float> offsets;   // minus half each entry's energy
    std::vector<float> points;    // entries in own directions, [entries][code width, filled up]
};

// Layers of a frame: with a memory the lag is one of them.
inline int layers_of(const lamina_shape &shape) { return shape.residual_layers + (shape.past ? 1 : 0); }

// The postfilter: samples that are filtered alike, what it remembers of the sound (two of the longest periods before the window that ends
// with a block, and a sample more for smoothing and pre-emphasis), and floats of its state.
constexpr float PF_SAMPLE_RATE = 24000;
constexpr int PF_BLOCK = 160, PF_WINDOW = 480, PF_LONGEST = 480, PF_PAST = PF_WINDOW + 2 * PF_LONGEST + 8 - PF_BLOCK, PF_TAPS = 5,
              PF_FILTER = 2 + PF_TAPS, PF_SLOW = 5, PF_STATE = PF_PAST + PF_FILTER + PF_SLOW + 2;

struct Codec {
    lamina_shape shape;
    Encoder encoder;
    Decoder decoder;
    Memory memory;
    std::vector<Codebook> residual, coarse;
    int encoder_state = 0, decoder_state = 0, denoiser_state = 0, lag_state = 0, loop_state = 0;
};

// The calls of `lamina.h` in one instruction set.
struct Calls {
    const char *name;
    void (*encode)(const Codec &, int, const float *, float *, float *);
    void (*decode)(const Codec &, int, const float *, const float *, const int32_t *, float *, float *);
    void (*quantize)(const Codec &, int, const float *, const int32_t *, int, bool, int, int32_t *);
    void (*send)(const Codec &, int, const float *, const float *, const int32_t *, const int32_t *, const int32_t *, float *, float *, int,
                 int32_t *, float *);
    void (*receive)(const Codec &, int, const int32_t *, int, const int32_t *, const float *, bool, float *, float *);
    void (*add_exact)(const Codebook &, int, float, int, float *);
    void (*postfilter)(int, int, const float *, const float *, float *, float *);
};

// Builds a codec; throws std::runtime_error with a sentence that names what is wrong.
void build(Codec &codec, const lamina_shape &shape, const lamina_tensor *tensors, int n_tensors);

// What stands in a weights file, once it has been checked: tensors point into the file's own bytes.
struct WeightsFile {
    lamina_shape shape;
    lamina_about about;
    std::vector<lamina_tensor> tensors;
};

// Reads a weights file that lies in memory; throws std::runtime_error with a sentence.
WeightsFile read_weights(const unsigned char *bytes, size_t size);

// The bytes of a weights file; throws std::runtime_error with a sentence.
std::vector<unsigned char> load_file(const char *path);

} // namespace lamina
