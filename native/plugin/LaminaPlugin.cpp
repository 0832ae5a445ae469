// The plugin: hosts' parameters, programs and sessions on one side, the effect on the other.
#include <atomic>
#include <cmath>
#include <cstring>

#include "DistrhoPlugin.hpp"

#include "../parameters.h"
#include "player.h"

START_NAMESPACE_DISTRHO

using lamina::Kind;
using lamina::N_PARAMETERS;
using lamina::ParameterInfo;
using lamina::PARAMETERS;

// Behind the parameters of the table: which model plays, and what is sent.
static constexpr uint32_t MODEL = N_PARAMETERS, BITRATE = MODEL + 1, N_ALL = BITRATE + 1;
static constexpr float MOST_KBPS = 64;
static const char *const MODEL_STATE = "model";

class LaminaPlugin : public Plugin {
  public:
    LaminaPlugin() : Plugin(N_ALL, lamina::N_PROGRAMS, 1) {
        for (int i = 0; i < N_PARAMETERS; i++) values[i] = PARAMETERS[i].usual;
        prepare();
    }

  protected:
    const char *getLabel() const override { return "Lamina"; }
    const char *getDescription() const override {
        return "A neural audio codec you can play: sound in, its coded and decoded self out.";
    }
    const char *getMaker() const override { return "Lamina"; }
    const char *getLicense() const override { return "GPL-3.0-or-later"; }
    uint32_t getVersion() const override { return d_version(LAMINA_MAJOR, LAMINA_MINOR, LAMINA_MICRO); }
    int64_t getUniqueId() const override { return d_cconst('L', 'm', 'n', 'a'); }

    void initAudioPort(bool input, uint32_t index, AudioPort &port) override {
        port.groupId = kPortGroupStereo;
        Plugin::initAudioPort(input, index, port);
    }

    void initParameter(uint32_t index, Parameter &parameter) override {
        if (index == MODEL) {
            const auto names = lamina::listed_models();
            parameter.name = "Model", parameter.symbol = "model";
            parameter.description = "Whose codec plays: the one that comes with Lamina, or one of your own.";
            parameter.hints = kParameterIsInteger;
            parameter.ranges = ParameterRanges(0, 0, lamina::N_SLOTS - 1);
            std::vector<String> words;
            for (const std::string &name : names) words.push_back(String(name.empty() ? "-" : name.c_str()));
            choose(parameter, words);
        } else if (index == BITRATE) {
            parameter.name = "Sent", parameter.symbol = "kbps", parameter.unit = "kbps";
            parameter.description = "The bits of the newest frame's codes, of both channels together, per second.";
            parameter.hints = kParameterIsOutput;
            parameter.ranges = ParameterRanges(0, 0, MOST_KBPS);
        } else if (index == lamina::BYPASS) {
            parameter.initDesignation(kParameterDesignationBypass);
        } else {
            const ParameterInfo &info = PARAMETERS[index];
            parameter.name = info.label, parameter.symbol = info.symbol, parameter.unit = info.unit,
            parameter.description = info.help;
            parameter.ranges = ParameterRanges(info.usual, info.minimum, info.maximum);
            parameter.hints = info.is_automatable ? kParameterIsAutomatable : 0;
            if (info.kind == Kind::bool_) parameter.hints |= kParameterIsBoolean | kParameterIsInteger;
            if (info.kind == Kind::int_ || info.kind == Kind::choice_) parameter.hints |= kParameterIsInteger;
            if (info.choices)
                choose(parameter, std::vector<String>(info.choices, info.choices + (int)info.maximum + 1));
        }
    }

    void initProgramName(uint32_t index, String &name) override { name = lamina::PROGRAMS[index].title; }

    void initState(uint32_t, State &state) override {
        state.key = MODEL_STATE, state.label = "Model", state.defaultValue = "";
        state.hints = kStateIsOnlyForDSP;
        state.description = "Which model the parameter Model means, by its name.";
    }

    float getParameterValue(uint32_t index) const override {
        if (index == BITRATE) return kbps;
        return index == MODEL ? (float)slot : values[index].load();
    }

    void setParameterValue(uint32_t index, float value) override {
        if (index == MODEL)
            slot = std::isfinite(value) ? std::min(std::max((int)std::nearbyint(value), 0), lamina::N_SLOTS - 1) : 0;
        else if (index < MODEL)
            values[index] = value;
    }

    void loadProgram(uint32_t index) override {
        for (int i = 0; i < N_PARAMETERS; i++)
            if (i != lamina::BYPASS) values[i] = lamina::PROGRAMS[index].values[i];
    }

    String getState(const char *) const override { return String(player.kept_slot(slot).c_str()); }
    void setState(const char *, const char *value) override { player.take_kept(value); }

    void activate() override {
        player.begin(slot);
        tell_latency();
    }
    void sampleRateChanged(double) override { prepare(); }

    void run(const float **inputs, float **outputs, uint32_t n) override {
        player.process(slot, settings(), inputs, outputs, (int)n);
        kbps = (float)player.kbps();
        if (player.latency_samples() != latency) tell_latency();
    }

  private:
    lamina::Player player;
    std::atomic<float> values[N_PARAMETERS];
    std::atomic<int> slot{0};
    std::atomic<float> kbps{0};
    int latency = -1;

    static void choose(Parameter &parameter, const std::vector<String> &words) {
        parameter.enumValues.count = (uint8_t)words.size();
        parameter.enumValues.restrictedMode = true;
        parameter.enumValues.values = new ParameterEnumerationValue[words.size()];
        for (size_t i = 0; i < words.size(); i++)
            parameter.enumValues.values[i].value = (float)i, parameter.enumValues.values[i].label = words[i];
    }

    lamina::Settings settings() const {
        lamina::Settings settings;
        for (int i = 0; i < N_PARAMETERS; i++) PARAMETERS[i].set(settings, values[i]);
        return settings;
    }

    void prepare() {
        player.prepare((int)std::lround(getSampleRate()), slot);
        tell_latency();
    }

    void tell_latency() {
        latency = player.latency_samples();
        setLatency((uint32_t)latency);
    }
};

Plugin *createPlugin() { return new LaminaPlugin(); }

END_NAMESPACE_DISTRHO
