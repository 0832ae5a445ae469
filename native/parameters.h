// Made by make_parameters.py from Lamina's table of parameters and its factory presets.
// `make plugin-tables` writes it again.
#pragma once

#include "parameter.h"
#include "settings.h"

namespace lamina {

constexpr const char *LISTEN_CHOICES[] = {"wet", "dry", "difference", "layer", "latent"};
constexpr const char *STEREO_CHOICES[] = {"linked", "mid-side", "mono"};
constexpr const char *LOSS_MODEL_CHOICES[] = {"random", "bursts", "pattern"};
constexpr const char *CONCEALMENT_CHOICES[] = {"foresee", "hold", "repeat", "fade", "silence"};
constexpr const char *SLICES_CHOICES[] = {"off", "stutter", "reverse"};
constexpr const char *SLICE_LENGTH_CHOICES[] = {"1/32", "1/16", "1/8", "1/4", "1/2", "1/1"};

constexpr ParameterInfo PARAMETERS[] = {
    {"layers", "Layers", "", "Active quantizers: each adds a layer of detail and 0.75 kbps.", Kind::int_, 1, 24, 8, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.layers = (int)value; }},
    {"denoise", "Denoise", "%", "How much of the background noise is removed; needs a model that was trained for it.", Kind::float_, 0, 100, 0, 1, 100, true, nullptr, [](Settings &settings, double value) { settings.denoise = value; }},
    {"noise_only", "Noise only", "", "Plays what denoise takes away instead of what it leaves; with denoise at 0 that is silence.", Kind::bool_, 0, 1, 0, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.noise_only = value != 0; }},
    {"mix", "Mix", "%", "Share of the coded sound; the rest is the input, aligned to the sample.", Kind::float_, 0, 100, 100, 1, 100, true, nullptr, [](Settings &settings, double value) { settings.mix = value; }},
    {"input_gain_db", "Input", "dB", "Gain before the codec.", Kind::float_, -24, 24, 0, 10, 1, true, nullptr, [](Settings &settings, double value) { settings.input_gain_db = value; }},
    {"output_gain_db", "Output", "dB", "Gain after codec and mix.", Kind::float_, -24, 24, 0, 10, 1, true, nullptr, [](Settings &settings, double value) { settings.output_gain_db = value; }},
    {"bypass", "Bypass", "", "Lets the input through unchanged, later by the codec's latency.", Kind::bool_, 0, 1, 0, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.bypass = value != 0; }},
    {"listen", "Listen", "", "What is played: the effect, its input, what it takes away and adds, what one layer adds, or the sound before quantization.", Kind::choice_, 0, 4, 0, 1, 1, true, LISTEN_CHOICES, [](Settings &settings, double value) { settings.listen = (Listen)value; }},
    {"listen_layer", "Layer heard", "", "The layer whose share Listen: layer plays.", Kind::int_, 1, 24, 1, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.listen_layer = (int)value; }},
    {"stereo", "Stereo", "", "How two channels are coded: each with all layers, as middle and side, or as the middle alone.", Kind::choice_, 0, 2, 0, 1, 1, true, STEREO_CHOICES, [](Settings &settings, double value) { settings.stereo = (Stereo)value; }},
    {"side_layers", "Side layers", "", "Layers of the side signal in mid-side; 0 sends none of it.", Kind::int_, 0, 24, 4, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.side_layers = (int)value; }},
    {"loudness_layers", "Bits follow loudness", "%", "Above 0 quiet frames get fewer layers, below 0 loud ones do; at 0 all get the same.", Kind::float_, -100, 100, 0, 1, 100, true, nullptr, [](Settings &settings, double value) { settings.loudness_layers = value; }},
    {"search", "Search", "", "Candidates followed from layer to layer while codes are searched: more sound better at the same bitrate and take longer.", Kind::int_, 1, 8, 4, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.search = (int)value; }},
    {"postfilter", "Postfilter", "%", "Turns down the codec's noise between the harmonics of voices; costs no bits and no latency. Models of other rates than 24 kHz have none.", Kind::float_, 0, 100, 100, 1, 100, true, nullptr, [](Settings &settings, double value) { settings.postfilter = value; }},
    {"frame_loss", "Frame loss", "%", "Share of the frames that get lost on their way.", Kind::float_, 0, 100, 0, 1, 100, true, nullptr, [](Settings &settings, double value) { settings.frame_loss = value; }},
    {"loss_model", "Loss model", "", "How frames get lost: each by itself, in bursts (Gilbert's model), or always the last ones of a period.", Kind::choice_, 0, 2, 0, 1, 1, true, LOSS_MODEL_CHOICES, [](Settings &settings, double value) { settings.loss_model = (LossModel)value; }},
    {"loss_burst", "Burst", "frames", "Mean length of a burst of lost frames.", Kind::int_, 1, 75, 4, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.loss_burst = (int)value; }},
    {"loss_period", "Period", "frames", "Length of the pattern of lost frames.", Kind::int_, 2, 150, 8, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.loss_period = (int)value; }},
    {"concealment", "Concealment", "", "What stands in for lost frames: what memory foresees (where there is none: fade), the last one held, the last ten to and fro, ever fewer layers of them, or silence.", Kind::choice_, 0, 4, 0, 1, 1, true, CONCEALMENT_CHOICES, [](Settings &settings, double value) { settings.concealment = (Concealment)value; }},
    {"layer_loss", "Layer loss", "%", "Share of the frames that lose one layer.", Kind::float_, 0, 100, 0, 1, 100, true, nullptr, [](Settings &settings, double value) { settings.layer_loss = value; }},
    {"lost_layer", "Lost layer", "", "The layer they lose; 0 draws one anew each time.", Kind::int_, 0, 24, 0, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.lost_layer = (int)value; }},
    {"freeze", "Freeze", "", "Holds the sound of this moment until it is switched off.", Kind::bool_, 0, 1, 0, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.freeze = value != 0; }},
    {"freeze_frames", "Frozen", "frames", "Length of what Freeze holds and plays to and fro; 1 buzzes.", Kind::int_, 1, 150, 12, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.freeze_frames = (int)value; }},
    {"freeze_fade", "Freeze fade", "frames", "Time to go over into what is frozen, and back.", Kind::int_, 0, 75, 6, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.freeze_fade = (int)value; }},
    {"slices", "Slices", "", "Cuts the sound into slices: each is repeated, or the last one is played backwards.", Kind::choice_, 0, 2, 0, 1, 1, true, SLICES_CHOICES, [](Settings &settings, double value) { settings.slices = (SliceKind)value; }},
    {"slice_length", "Slice", "", "Length of a slice as a note value at the tempo.", Kind::choice_, 0, 5, 2, 1, 1, true, SLICE_LENGTH_CHOICES, [](Settings &settings, double value) { settings.slice_length = (SliceLength)value; }},
    {"slice_repeats", "Repeats", "", "How often a slice is repeated before the next one comes.", Kind::int_, 1, 16, 2, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.slice_repeats = (int)value; }},
    {"tempo", "Tempo", "bpm", "Beats per minute of slices and motion.", Kind::float_, 30, 300, 120, 10, 1, false, nullptr, [](Settings &settings, double value) { settings.tempo = value; }},
    {"code_delay", "Code delay", "frames", "Time after which codes come back, where the sound leaves room.", Kind::int_, 1, 300, 28, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.code_delay = (int)value; }},
    {"code_feedback", "Feedback", "%", "How much level and how many layers an echo keeps each time; 0 has no echo.", Kind::float_, 0, 95, 0, 1, 100, true, nullptr, [](Settings &settings, double value) { settings.code_feedback = value; }},
    {"decimate_frames", "Hold", "frames", "Layers are refreshed only once in so many frames and held between; 1 holds none.", Kind::int_, 1, 32, 1, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.decimate_frames = (int)value; }},
    {"decimate_from", "Held from", "", "First layer that is held; those below it play on.", Kind::int_, 1, 24, 3, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.decimate_from = (int)value; }},
    {"decimate_slower", "Slower above", "", "Holds twice as long every four layers further up.", Kind::bool_, 0, 1, 0, 1, 1, true, nullptr, [](Settings &settings, double value) { settings.decimate_slower = value != 0; }},
    {"seed", "Seed", "", "Whatever is drawn by lot is drawn the same way for the same seed.", Kind::int_, 0, 65535, 0, 1, 1, false, nullptr, [](Settings &settings, double value) { settings.seed = (int)value; }},
    {"layer_gain_1", "Layer 1", "", "Gain of layer 1.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[0] = value; }},
    {"layer_gain_2", "Layer 2", "", "Gain of layer 2.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[1] = value; }},
    {"layer_gain_3", "Layer 3", "", "Gain of layer 3.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[2] = value; }},
    {"layer_gain_4", "Layer 4", "", "Gain of layer 4.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[3] = value; }},
    {"layer_gain_5", "Layer 5", "", "Gain of layer 5.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[4] = value; }},
    {"layer_gain_6", "Layer 6", "", "Gain of layer 6.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[5] = value; }},
    {"layer_gain_7", "Layer 7", "", "Gain of layer 7.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[6] = value; }},
    {"layer_gain_8", "Layer 8", "", "Gain of layer 8.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[7] = value; }},
    {"layer_gain_9", "Layer 9", "", "Gain of layer 9.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[8] = value; }},
    {"layer_gain_10", "Layer 10", "", "Gain of layer 10.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[9] = value; }},
    {"layer_gain_11", "Layer 11", "", "Gain of layer 11.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[10] = value; }},
    {"layer_gain_12", "Layer 12", "", "Gain of layer 12.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[11] = value; }},
    {"layer_gain_13", "Layer 13", "", "Gain of layer 13.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[12] = value; }},
    {"layer_gain_14", "Layer 14", "", "Gain of layer 14.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[13] = value; }},
    {"layer_gain_15", "Layer 15", "", "Gain of layer 15.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[14] = value; }},
    {"layer_gain_16", "Layer 16", "", "Gain of layer 16.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[15] = value; }},
    {"layer_gain_17", "Layer 17", "", "Gain of layer 17.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[16] = value; }},
    {"layer_gain_18", "Layer 18", "", "Gain of layer 18.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[17] = value; }},
    {"layer_gain_19", "Layer 19", "", "Gain of layer 19.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[18] = value; }},
    {"layer_gain_20", "Layer 20", "", "Gain of layer 20.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[19] = value; }},
    {"layer_gain_21", "Layer 21", "", "Gain of layer 21.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[20] = value; }},
    {"layer_gain_22", "Layer 22", "", "Gain of layer 22.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[21] = value; }},
    {"layer_gain_23", "Layer 23", "", "Gain of layer 23.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[22] = value; }},
    {"layer_gain_24", "Layer 24", "", "Gain of layer 24.", Kind::float_, 0, 2, 1, 100, 1, true, nullptr, [](Settings &settings, double value) { settings.layer_gains[23] = value; }},
};

constexpr int N_PARAMETERS = 58, BYPASS = 6;

// The factory presets that need no parameter that is missing here.
constexpr Program<N_PARAMETERS> PROGRAMS[] = {
    {"As it is", {8, 0, 0, 100, 0, 0, 0, 0, 1, 0, 4, 0, 4, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Backwards river", {14, 0, 0, 50, 0, 1, 0, 0, 1, 0, 4, 0, 4, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 2, 4, 2, 96, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Clean voice", {24, 100, 0, 100, 0, 0, 0, 0, 1, 0, 4, 0, 6, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Edge of coverage", {10, 0, 0, 100, 0, 0.5, 0, 0, 1, 0, 4, 0, 4, 100, 15, 1, 7, 8, 4, 50, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Gentle", {24, 0, 0, 100, 0, 0, 0, 0, 1, 1, 4, 0, 6, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Ghost in the wire", {1, 0, 0, 100, 0, -0.2, 0, 0, 1, 0, 4, 0, 4, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 35, 80, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Long distance", {4, 0, 0, 100, -1, -0.2, 0, 0, 1, 2, 4, 0, 4, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 40, 40, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Paper thin", {4, 0, 0, 35, 0, 0, 0, 0, 1, 0, 4, 0, 4, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Patient robot", {12, 0, 0, 100, -1.5, -0.2, 0, 0, 1, 2, 4, 0, 4, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 1, 0, 5, 300, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Podcast", {14, 80, 0, 100, 0, -0.2, 0, 0, 1, 2, 4, 70, 6, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Stuck buffer", {8, 0, 0, 100, 0, -0.5, 0, 0, 1, 0, 4, 0, 4, 100, 40, 1, 24, 8, 2, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 4, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"Walkie-talkie", {2, 0, 0, 100, 9, -4.5, 0, 0, 1, 2, 4, 0, 4, 100, 8, 1, 5, 8, 4, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"What six kilobits miss", {8, 0, 0, 100, 0, 0, 0, 2, 1, 0, 4, 0, 4, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
    {"What was removed", {24, 100, 1, 100, 0, 0, 0, 0, 1, 0, 4, 0, 6, 100, 0, 0, 4, 8, 0, 0, 0, 0, 12, 6, 0, 2, 2, 120, 28, 0, 1, 3, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
};

constexpr int N_PROGRAMS = 14;

} // namespace lamina
