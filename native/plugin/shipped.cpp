#include "shipped.h"

// WEIGHTS is the file's path, in quotes.
asm(".section .rodata\n"
    ".balign 64\n"
    ".local lamina_shipped_weights\n"
    "lamina_shipped_weights:\n"
    ".incbin " WEIGHTS "\n"
    ".local lamina_shipped_weights_end\n"
    "lamina_shipped_weights_end:\n"
    ".byte 0\n"
    ".text\n");

extern "C" {
extern const unsigned char lamina_shipped_weights[] __attribute__((visibility("hidden")));
extern const unsigned char lamina_shipped_weights_end[] __attribute__((visibility("hidden")));
}

namespace lamina {

Bytes shipped_weights() {
    return {lamina_shipped_weights, (size_t)(lamina_shipped_weights_end - lamina_shipped_weights)};
}

} // namespace lamina
