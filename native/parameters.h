// Made by make_parameters.py from Lamina's table of parameters and its factory presets.
// `make plugin-tables` writes it again.
#pragma once

#include "parameter.h"
#include "settings.h"

namespace lamina {

constexpr const char *LISTEN_CHOICES[] = {"wet", "dry", "difference", "layer", "latent"};
constexpr const char *STEREO_CHOICES[] = {"linked", "mid-side", "mono"};

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
};

constexpr int N_PARAMETERS = 13, BYPASS = 6;

// The factory presets that need no parameter that is missing here.
constexpr Program<N_PARAMETERS> PROGRAMS[] = {
    {"As it is", {8, 0, 0, 100, 0, 0, 0, 0, 1, 0, 4, 0, 4}},
    {"Clean voice", {24, 100, 0, 100, 0, 0, 0, 0, 1, 0, 4, 0, 6}},
    {"Gentle", {24, 0, 0, 100, 0, 0, 0, 0, 1, 1, 4, 0, 6}},
    {"Paper thin", {4, 0, 0, 35, 0, 0, 0, 0, 1, 0, 4, 0, 4}},
    {"Podcast", {14, 80, 0, 100, 0, -0.2, 0, 0, 1, 2, 4, 70, 6}},
    {"What six kilobits miss", {8, 0, 0, 100, 0, 0, 0, 2, 1, 0, 4, 0, 4}},
    {"What was removed", {24, 100, 1, 100, 0, 0, 0, 0, 1, 0, 4, 0, 6}},
};

constexpr int N_PROGRAMS = 7;

} // namespace lamina
