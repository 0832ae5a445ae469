// What can be set of the effect, as `plugin/parameters` declares it; `parameters.h` is made from there.
#pragma once

namespace lamina {

enum class Listen { wet, dry, difference, layer, latent };
enum class Stereo { linked, mid_side, mono };

struct Settings {
    int layers = 8;
    double denoise = 0;
    bool noise_only = false;
    double mix = 1, input_gain_db = 0, output_gain_db = 0;
    bool bypass = false;
    Listen listen = Listen::wet;
    int listen_layer = 1;
    Stereo stereo = Stereo::linked;
    int side_layers = 4;
    double loudness_layers = 0;
    int search = 4;
    double postfilter = 1;
};

} // namespace lamina
