// Opens damaged copies of a weights file, and plays two frames with what can be opened: fuzz_weights FILE N
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "../../core/lamina.h"

static uint64_t state = 88172645463325252ull;

static uint32_t drawn(uint32_t below) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 16) % below;
}

static uint32_t crc32(const unsigned char *bytes, size_t size) {
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    return ~crc;
}

static void damage(std::vector<unsigned char> &file, size_t table_end) {
    static const uint32_t extremes[] = {0,   1,    2,    7,          8,          31,         32,         255,
                                        512, 1024, 4096, 0x7f800000, 0x7fc00000, 0x7fffffff, 0x80000000, 0xffffffff};
    const int n = 1 + drawn(4);
    for (int i = 0; i < n; i++) {
        // Head and shape, the table, or anywhere.
        const uint32_t where = drawn(4);
        const size_t first = where == 0   ? 352
                             : where == 1 ? 480
                                          : 0,
                     end = where == 0   ? 468
                           : where == 1 ? table_end
                           : where == 2 ? 480
                                        : file.size();
        if (end > file.size() || first + 4 > end) continue;
        const size_t at = first + drawn((uint32_t)(end - first - 3)) / 4 * 4;
        uint32_t value;
        std::memcpy(&value, &file[at], 4);
        switch (drawn(4)) {
        case 0: value = extremes[drawn(16)]; break;
        case 1: value ^= 1u << drawn(32); break;
        case 2: value += drawn(17) - 8; break;
        default: value = (uint32_t)state;
        }
        std::memcpy(&file[at], &value, 4);
    }
    if (drawn(16) == 0) file.resize(drawn((uint32_t)file.size() + 1));
    if (drawn(32) == 0) file.resize(file.size() + drawn(200));
}

static void play(const lamina_codec *codec) {
    lamina_shape shape;
    lamina_get_shape(codec, &shape);
    int32_t sizes[4], stride = 64;
    lamina_state_sizes(codec, sizes);
    std::vector<std::vector<float>> states;
    for (int size : sizes) states.emplace_back(size > 0 ? size : 0);
    const int frames = 2;
    std::vector<float> audio(frames * shape.frame, 0.1f), latents(frames * shape.latent),
        predictions(frames * shape.latent), denoise(frames, 1.0f);
    std::vector<int32_t> counts(frames, 64), widths(frames, 4), guarded(frames, 0), codes(frames * stride);
    for (float &x : audio) x = (float)drawn(2001) / 1000 - 1;
    lamina_encode(codec, frames, audio.data(), states[0].data(), latents.data());
    if (shape.past)
        lamina_send(codec, frames, audio.data(), latents.data(), counts.data(), widths.data(), guarded.data(),
                    states[2].data(), states[3].data(), stride, codes.data(), predictions.data());
    else
        lamina_quantize(codec, frames, latents.data(), counts.data(), 4, 0, stride, codes.data());
    for (int layer = 0; layer < stride; layer++) lamina_add_entry(codec, layer, codes[layer], 1, latents.data());
    lamina_decode(codec, frames, latents.data(), denoise.data(), counts.data(), states[1].data(), audio.data());
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    std::FILE *file = std::fopen(argv[1], "rb");
    if (!file) return 2;
    std::vector<unsigned char> sound(1 << 20);
    sound.resize(std::fread(sound.data(), 1, sound.size(), file));
    std::fclose(file);
    uint32_t n_tensors;
    std::memcpy(&n_tensors, &sound[24], 4);
    const long n = std::atol(argv[2]);
    long opened = 0;
    for (long i = 0; i < n; i++) {
        std::vector<unsigned char> mutant = sound;
        damage(mutant, 480 + 96 * n_tensors);
        if (mutant.size() >= 480 && drawn(8)) {
            // As one would who means it: with the right length and checksum.
            const uint64_t size = mutant.size();
            if (drawn(4)) std::memcpy(&mutant[16], &size, 8);
            const uint32_t crc = crc32(&mutant[16], mutant.size() - 16);
            std::memcpy(&mutant[12], &crc, 4);
        }
        mutant.shrink_to_fit();
        char problem[400] = "";
        lamina_about about;
        lamina_codec *codec = lamina_open_memory(mutant.data(), mutant.size(), drawn(2) ? nullptr : "baseline", &about,
                                                 problem, sizeof problem);
        if (codec) {
            opened++;
            play(codec);
            lamina_destroy(codec);
        } else if (!problem[0]) {
            std::fprintf(stderr, "refused without a sentence\n");
            return 1;
        }
    }
    std::printf("%ld opened of %ld\n", opened, n);
    return 0;
}
