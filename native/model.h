// A codec from a weights file with what streams need to know of it; shared by all that play it, and never changed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "../core/lamina.h"

namespace lamina {

class Model {
  public:
    // From a weights file, or from one in memory; throws std::runtime_error with a sentence.
    static std::shared_ptr<const Model> open(const std::string &path);
    static std::shared_ptr<const Model> open_memory(const void *bytes, size_t size);
    ~Model() { lamina_destroy(codec); }
    Model(const Model &) = delete;
    Model &operator=(const Model &) = delete;

    lamina_codec *const codec;
    const lamina_about about;
    lamina_shape shape{};
    int sample_rate, layers;                                 // `layers` with the lag, as people count them
    int encoder_state, decoder_state, lag_state, loop_state; // floats
    std::vector<int> summed_bits;                            // of a channel's frame of 0, 1 ... all layers
    std::vector<float> silence;                              // the latent that stands where nothing is sent, `[latent]`

    // Row of the first layer of a frame of `count` layers.
    int first_row(int count) const { return shape.past && count < shape.from_layers ? layers : 0; }

    // Of a channel that is sent `count` layers.
    float kbps(int count) const { return (float)(summed_bits[count] * ((double)sample_rate / shape.frame / 1000)); }

  private:
    Model(lamina_codec *opened, const lamina_about &about);
};

} // namespace lamina
