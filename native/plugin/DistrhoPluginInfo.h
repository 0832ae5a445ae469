// What the plugin is, for the DISTRHO Plugin Framework.
#pragma once

#define DISTRHO_PLUGIN_BRAND "Lamina"
#define DISTRHO_PLUGIN_NAME "Lamina"
#define DISTRHO_PLUGIN_URI "urn:lamina:neural-codec"
#define DISTRHO_PLUGIN_CLAP_ID "lamina.neural-codec"
#define DISTRHO_PLUGIN_BRAND_ID Lmna
#define DISTRHO_PLUGIN_UNIQUE_ID Lamn

#define DISTRHO_PLUGIN_NUM_INPUTS 2
#define DISTRHO_PLUGIN_NUM_OUTPUTS 2
#define DISTRHO_PLUGIN_IS_RT_SAFE 1
#define DISTRHO_PLUGIN_HAS_UI 0 // the host's own generic controls
#define DISTRHO_PLUGIN_WANT_LATENCY 1
#define DISTRHO_PLUGIN_WANT_PROGRAMS 1
#define DISTRHO_PLUGIN_WANT_STATE 1
#define DISTRHO_PLUGIN_WANT_FULL_STATE 1

#define DISTRHO_PLUGIN_LV2_CATEGORY "lv2:SpectralPlugin"
#define DISTRHO_PLUGIN_VST3_CATEGORIES "Fx|Stereo"
#define DISTRHO_PLUGIN_CLAP_FEATURES "audio-effect", "glitch", "restoration", "stereo"
