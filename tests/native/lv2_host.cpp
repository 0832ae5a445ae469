// A host that plays noise through an LV2 plugin while its controls jump about, and tells what the audio thread did that
// it must not:
//
//     lv2_host PLUGIN.so N_PORTS N_BLOCKS INDEX:LOW:HIGH:USUAL...
//
// The first four ports are sound, two in and two out; INDEX are the control inputs. Prints what `realtime_guard`
// counted (0 0 0 without it), the latency, and the sum of the output's squares.
#include <dlfcn.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "src/lv2/atom.h"
#include "src/lv2/buf-size.h"
#include "src/lv2/lv2.h"
#include "src/lv2/options.h"
#include "src/lv2/parameters.h"
#include "src/lv2/urid.h"
#include "src/lv2/worker.h"

static std::map<std::string, LV2_URID> known;

static LV2_URID mapped(LV2_URID_Map_Handle, const char *uri) {
    return known.emplace(uri, (LV2_URID)known.size() + 1).first->second;
}

static LV2_Worker_Status scheduled(LV2_Worker_Schedule_Handle, uint32_t, const void *) { return LV2_WORKER_SUCCESS; }

struct Control {
    int index;
    float low, high, value;
};

int main(int argc, char **argv) {
    if (argc < 4) return 2;
    void *library = dlopen(argv[1], RTLD_NOW);
    auto *describe = library ? (LV2_Descriptor_Function)dlsym(library, "lv2_descriptor") : nullptr;
    if (!describe) return std::fprintf(stderr, "%s\n", dlerror()), 2;
    const LV2_Descriptor *plugin = describe(0);
    const int n_ports = std::atoi(argv[2]), n_blocks = std::atoi(argv[3]), longest = 1024;

    LV2_URID_Map map{nullptr, mapped};
    LV2_Worker_Schedule worker{nullptr, scheduled};
    const int32_t block = longest;
    const float rate = 48000;
    const LV2_URID of_int = mapped(nullptr, LV2_ATOM__Int), of_float = mapped(nullptr, LV2_ATOM__Float);
    const LV2_Options_Option options[] = {
        {LV2_OPTIONS_INSTANCE, 0, mapped(nullptr, LV2_BUF_SIZE__maxBlockLength), sizeof block, of_int, &block},
        {LV2_OPTIONS_INSTANCE, 0, mapped(nullptr, LV2_BUF_SIZE__nominalBlockLength), sizeof block, of_int, &block},
        {LV2_OPTIONS_INSTANCE, 0, mapped(nullptr, LV2_PARAMETERS__sampleRate), sizeof rate, of_float, &rate},
        {LV2_OPTIONS_INSTANCE, 0, 0, 0, 0, nullptr}};
    const LV2_Feature features[] = {
        {LV2_URID__map, &map}, {LV2_WORKER__schedule, &worker}, {LV2_OPTIONS__options, (void *)options}};
    const LV2_Feature *all[] = {&features[0], &features[1], &features[2], nullptr};
    LV2_Handle instance = plugin->instantiate(plugin, rate, "", all);
    if (!instance) return std::fprintf(stderr, "no instance\n"), 2;

    std::vector<float> sound[4], values(n_ports);
    std::vector<uint64_t> events(1024);
    auto *sequence = (LV2_Atom_Sequence *)events.data();
    sequence->atom.type = mapped(nullptr, LV2_ATOM__Sequence), sequence->atom.size = sizeof(LV2_Atom_Sequence_Body);
    for (int port = 0; port < n_ports; port++)
        plugin->connect_port(instance, port, port == 4 || port == 5 ? (void *)events.data() : &values[port]);
    for (int port = 0; port < 4; port++)
        sound[port].resize(longest), plugin->connect_port(instance, port, sound[port].data());
    std::vector<Control> controls;
    for (int i = 4; i < argc; i++) {
        Control control;
        if (std::sscanf(argv[i], "%d:%f:%f:%f", &control.index, &control.low, &control.high, &control.value) != 4)
            return 2;
        values[control.index] = control.value;
        controls.push_back(control);
    }
    plugin->activate(instance);

    auto *enter = (void (*)())dlsym(RTLD_DEFAULT, "guard_enter"),
         *leave = (void (*)())dlsym(RTLD_DEFAULT, "guard_leave");
    auto *counts = (void (*)(long *))dlsym(RTLD_DEFAULT, "guard_counts");
    double energy = 0;
    std::srand(1);
    for (int i = 0; i < n_blocks; i++) {
        const int n = 1 + std::rand() % longest;
        for (int c = 0; c < 2; c++)
            for (int j = 0; j < n; j++) sound[c][j] = 0.2f * ((float)std::rand() / RAND_MAX - 0.5f);
        if (!controls.empty()) {
            const Control &moved = controls[std::rand() % controls.size()];
            values[moved.index] = std::round(moved.low + (moved.high - moved.low) * ((float)std::rand() / RAND_MAX));
        }
        if (enter) enter();
        plugin->run(instance, n);
        if (leave) leave();
        for (int c = 2; c < 4; c++)
            for (int j = 0; j < n; j++) energy += (double)sound[c][j] * sound[c][j];
    }
    long found[3] = {0, 0, 0};
    if (counts) counts(found);
    plugin->deactivate(instance);
    plugin->cleanup(instance);
    dlclose(library);
    std::printf("%ld %ld %ld %g %g\n", found[0], found[1], found[2], values[6], energy);
    return 0;
}
