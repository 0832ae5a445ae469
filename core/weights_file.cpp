// The weights file: one model in one file, for programs that have no use for a bundle's graphs.
//
// Numbers are little-endian, integers of four bytes unless something else is said.
//
//     0    "LAMINAWF"
//     8    version of the layout, 1
//    12    CRC-32 (IEEE 802.3) of everything from byte 16 on
//    16    size of the file, eight bytes
//    24    number of tensors
//    28    1 if the model was trained to denoise, else 0
//    32    name, UTF-8, filled up with zeros to 256 bytes of which the last one is 0
//   288    SHA-256 over the bundle's files, 64 hexadecimal digits
//   352    shape: the fields of `lamina_shape` in their order, 23 integers and 6 floats; zeros up to byte 480
//   480    the tensors, 96 bytes each: name (ASCII, filled up with zeros to 72 bytes of which the last one is 0), kind
//   (0 floats of four bytes,
//          1 bytes), 0, number of values (eight bytes), place of the first one in the file (eight bytes, a multiple of
//          64)
//   then   the values
//
// The tensors are those that `lamina_create` takes. `models/engines/weights_file.py` writes such files.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <memory>
#include <stdexcept>

#include "weights.h"

namespace lamina {
namespace {

constexpr size_t CHECKED_FROM = 16, NAME_AT = 32, DIGEST_AT = 288, DIGEST_LENGTH = 64, SHAPE_AT = 352, TABLE_AT = 480;
constexpr size_t ENTRY_SIZE = 96, TENSOR_NAME = 72, ALIGNMENT = 64, LARGEST_FILE = (size_t)1 << 30;
constexpr uint32_t VERSION = 1, MOST_TENSORS = 4096;

static_assert(sizeof(lamina_shape) == 116, "the file has a shape's fields without gaps");

[[noreturn]] void refuse(const std::string &why) { throw std::runtime_error(why); }

template <typename T> T number_at(const unsigned char *bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
}

// Four bytes at a time; table k says what a byte does that has k further bytes behind it.
uint32_t crc32(const unsigned char *bytes, size_t size) {
    static const std::vector<uint32_t> table = [] {
        std::vector<uint32_t> made(4 * 256);
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; bit++) value = value & 1 ? value >> 1 ^ 0xedb88320u : value >> 1;
            made[i] = value;
        }
        for (uint32_t i = 256; i < 4 * 256; i++) made[i] = made[i - 256] >> 8 ^ made[made[i - 256] & 255];
        return made;
    }();
    uint32_t crc = ~0u;
    for (; size >= 4; bytes += 4, size -= 4) {
        crc ^= number_at<uint32_t>(bytes);
        crc = table[768 + (crc & 255)] ^ table[512 + (crc >> 8 & 255)] ^ table[256 + (crc >> 16 & 255)] ^
              table[crc >> 24];
    }
    for (; size; bytes++, size--) crc = crc >> 8 ^ table[(crc ^ *bytes) & 255];
    return ~crc;
}

void check_numbers(const lamina_tensor &tensor) {
    const float *values = (const float *)tensor.values;
    for (int64_t i = 0; i < tensor.size; i++)
        if (!std::isfinite(values[i])) refuse(std::string(tensor.name) + " has a value that is no number.");
}

lamina_tensor tensor_at(const unsigned char *bytes, size_t size, const unsigned char *entry, size_t table_end) {
    if (!entry[0] || entry[TENSOR_NAME - 1]) refuse("The weights file is damaged: a tensor has no name.");
    lamina_tensor tensor;
    tensor.name = (const char *)entry;
    const uint32_t kind = number_at<uint32_t>(entry + TENSOR_NAME);
    const uint64_t n_values = number_at<uint64_t>(entry + TENSOR_NAME + 8),
                   place = number_at<uint64_t>(entry + TENSOR_NAME + 16);
    if (kind > 1) refuse(std::string(tensor.name) + " has values of a kind that this Lamina doesn't read.");
    const uint64_t each = kind ? 1 : sizeof(float);
    if (place % ALIGNMENT || place < table_end || place > size || n_values > (size - place) / each)
        refuse(std::string(tensor.name) + " doesn't lie within the weights file.");
    tensor.values = bytes + place;
    tensor.size = (int64_t)n_values;
    tensor.is_bytes = (int32_t)kind;
    return tensor;
}

struct Closer {
    void operator()(std::FILE *file) const { std::fclose(file); }
};

} // namespace

WeightsFile read_weights(const unsigned char *bytes, size_t size) {
    if (!bytes || size < TABLE_AT || std::memcmp(bytes, "LAMINAWF", 8)) refuse("This is no weights file of Lamina's.");
    if ((uintptr_t)bytes % sizeof(float)) refuse("The weights file must lie at a multiple of 4 in memory.");
    const uint32_t version = number_at<uint32_t>(bytes + 8);
    if (version != VERSION)
        refuse("The weights file has version " + std::to_string(version) + "; this Lamina reads version " +
               std::to_string(VERSION) + ". Write it again.");
    const uint64_t stated = number_at<uint64_t>(bytes + 16);
    if (stated != size)
        refuse("The weights file has " + std::to_string(size) + " bytes; there should be " + std::to_string(stated) +
               ". Write it again.");
    if (crc32(bytes + CHECKED_FROM, size - CHECKED_FROM) != number_at<uint32_t>(bytes + 12))
        refuse("The weights file is damaged. Write it again.");
    const uint32_t n_tensors = number_at<uint32_t>(bytes + 24);
    if (n_tensors > MOST_TENSORS || n_tensors > (size - TABLE_AT) / ENTRY_SIZE)
        refuse("The weights file is damaged: it lists more tensors than it holds.");
    WeightsFile file;
    if (bytes[DIGEST_AT - 1]) refuse("The weights file is damaged: its name doesn't end.");
    std::memcpy(file.about.name, bytes + NAME_AT, sizeof file.about.name);
    std::memcpy(file.about.digest, bytes + DIGEST_AT, DIGEST_LENGTH);
    file.about.digest[DIGEST_LENGTH] = 0;
    file.about.denoises = number_at<uint32_t>(bytes + 28) != 0;
    std::memcpy(&file.shape, bytes + SHAPE_AT, sizeof file.shape);
    const size_t table_end = TABLE_AT + n_tensors * ENTRY_SIZE;
    for (uint32_t i = 0; i < n_tensors; i++) {
        file.tensors.push_back(tensor_at(bytes, size, bytes + TABLE_AT + i * ENTRY_SIZE, table_end));
        if (!file.tensors.back().is_bytes) check_numbers(file.tensors.back());
    }
    return file;
}

std::vector<unsigned char> load_file(const char *path) {
    const std::string named = path ? path : "";
    const std::unique_ptr<std::FILE, Closer> file(std::fopen(named.c_str(), "rb"));
    if (!file) refuse("The weights file " + named + " can't be opened.");
    unsigned char head[24];
    if (std::fread(head, 1, sizeof head, file.get()) != sizeof head || std::memcmp(head, "LAMINAWF", 8))
        refuse(named + " is no weights file of Lamina's.");
    const uint64_t stated = number_at<uint64_t>(head + 16);
    // A file that isn't as long as it says costs no memory.
    if (stated < TABLE_AT || stated > LARGEST_FILE || std::fseek(file.get(), 0, SEEK_END) ||
        std::ftell(file.get()) != (long)stated)
        refuse("The weights file " + named + " is damaged: it is not as long as it says. Write it again.");
    std::rewind(file.get());
    std::vector<unsigned char> bytes((size_t)stated);
    if (std::fread(bytes.data(), 1, bytes.size(), file.get()) != bytes.size())
        refuse("The weights file " + named + " can't be read.");
    return bytes;
}

} // namespace lamina
