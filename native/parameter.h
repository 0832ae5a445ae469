// How a parameter is described to hosts, and how a value that comes from one is read.
#pragma once

#include <algorithm>
#include <cmath>

#include "settings.h"

namespace lamina {

enum class Kind { int_, float_, bool_, choice_ };

struct ParameterInfo {
    const char *symbol, *label, *unit, *help;
    Kind kind;
    float minimum, maximum, usual; // as hosts show them: shares in percent, choices by their number
    double steps, scale;           // the knob's steps in one unit; units in the settings' own
    bool is_automatable;
    const char *const *choices;
    void (*obey)(Settings &settings, double value);

    // Out of range it is the nearest that is in it; what is no number changes nothing.
    void set(Settings &settings, float given) const {
        if (!std::isfinite(given)) return;
        double value = std::clamp(given, minimum, maximum);
        // Hosts keep single precision: 3.3 that was meant is taken for 3.3.
        const double step = std::nearbyint(value * steps) / steps;
        if (kind != Kind::float_)
            value = std::nearbyint(value);
        else if (std::fabs(step - value) < 1e-4)
            value = step;
        obey(settings, value / scale);
    }
};

template <int N> struct Program {
    const char *title;
    float values[N];
};

} // namespace lamina
