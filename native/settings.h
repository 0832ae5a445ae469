// What can be set of the effect, as `plugin/parameters` declares it; `parameters.h` is made from there.
#pragma once

namespace lamina {

enum class Listen { wet, dry, difference, layer, latent };
enum class Stereo { linked, mid_side, mono };
enum class LossModel { random, bursts, pattern };
enum class Concealment { foresee, hold, repeat, fade, silence };
enum class SliceKind { off, stutter, reverse };
enum class SliceLength { thirty_second, sixteenth, eighth, quarter, half, whole };

constexpr int N_GAINS = 24; // layers that have a gain of their own

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

    double layer_gains[N_GAINS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    double frame_loss = 0, layer_loss = 0;
    int loss_burst = 4, loss_period = 8, lost_layer = 0, seed = 0;
    LossModel loss_model = LossModel::random;
    Concealment concealment = Concealment::foresee;
    int decimate_frames = 1, decimate_from = 3;
    bool decimate_slower = false;
    SliceKind slices = SliceKind::off;
    SliceLength slice_length = SliceLength::eighth;
    int slice_repeats = 2;
    double tempo = 120;
    int code_delay = 28;
    double code_feedback = 0;
    bool freeze = false;
    int freeze_frames = 12, freeze_fade = 6;
};

} // namespace lamina
