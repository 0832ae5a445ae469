// The weights file of the model that comes with Lamina, as a part of the plugin itself: there is nothing to find, and
// nothing to miss.
#pragma once

#include <cstddef>

namespace lamina {

struct Bytes {
    const unsigned char *first;
    size_t size;
};

Bytes shipped_weights();

} // namespace lamina
