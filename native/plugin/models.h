// The models that the plugin can play: the one that comes with it, and the user's own, which `lamina models weights
// NAME` puts where they are found. Instances share what they play.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "../model.h"

namespace lamina {

constexpr int N_SLOTS = 16; // of the parameter Model; slot 0 is the shipped model

// Names of the user's own models, sorted, "" for slots that have none; slot 0 is that of the shipped one.
std::array<std::string, N_SLOTS> listed_models();

// A model by its name, opened once for all who play it; the shipped one for a name that there isn't or a file that
// can't be opened, and then `problem` is a sentence. Not for the audio thread.
std::shared_ptr<const Model> model_named(const std::string &name, std::string &problem);

extern const char *const SHIPPED;

} // namespace lamina
