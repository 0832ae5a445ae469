#include "models.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "shipped.h"

namespace lamina {

const char *const SHIPPED = "lamina-24k";

namespace {

namespace fs = std::filesystem;

constexpr const char *SUFFIX = ".weights";

// As `weights_folder_of_plugins` in `models/engines/weights_file.py`; empty if there is no home.
fs::path own_folder() {
    const char *named = std::getenv("LAMINA_DATA"), *data = std::getenv("XDG_DATA_HOME"), *home = std::getenv("HOME");
    if (named && *named) return fs::path(named) / "plugin";
#if defined(__APPLE__)
    if (home && *home) return fs::path(home) / "Library/Application Support/lamina/plugin";
#elif defined(_WIN32)
    if (const char *local = std::getenv("LOCALAPPDATA")) return fs::path(local) / "lamina/lamina/plugin";
#endif
    if (data && *data) return fs::path(data) / "lamina/plugin";
    return home && *home ? fs::path(home) / ".local/share/lamina/plugin" : fs::path();
}

std::shared_ptr<const Model> shipped_model() {
    const Bytes weights = shipped_weights();
    auto model = Model::open_memory(weights.first, weights.size);
#if defined(__linux__)
    // What was read is copied; its pages need not stay in memory.
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), first = ((size_t)weights.first + page - 1) / page * page;
    const size_t end = ((size_t)weights.first + weights.size) / page * page;
    if (end > first) madvise((void *)first, end - first, MADV_DONTNEED);
#endif
    return model;
}

} // namespace

std::array<std::string, N_SLOTS> listed_models() {
    std::vector<std::string> found;
    try {
        const fs::path folder = own_folder();
        if (!folder.empty() && fs::is_directory(folder))
            for (const auto &entry : fs::directory_iterator(folder))
                if (entry.path().extension() == SUFFIX && entry.path().stem() != SHIPPED)
                    found.push_back(entry.path().stem().string());
    } catch (const fs::filesystem_error &) {
        // A folder that can't be read holds no models.
    }
    std::sort(found.begin(), found.end());
    std::array<std::string, N_SLOTS> slots;
    slots[0] = SHIPPED;
    for (size_t i = 0; i < found.size() && i + 1 < slots.size(); i++) slots[i + 1] = found[i];
    return slots;
}

std::shared_ptr<const Model> model_named(const std::string &name, std::string &problem) {
    static std::mutex opening;
    static std::map<std::string, std::weak_ptr<const Model>> known;
    const std::lock_guard<std::mutex> lock(opening);
    const auto shared = [](const std::string &key, auto open) {
        std::weak_ptr<const Model> &remembered = known[key];
        std::shared_ptr<const Model> model = remembered.lock();
        if (!model) remembered = model = open();
        return model;
    };
    problem.clear();
    if (!name.empty() && name != SHIPPED) {
        try {
            return shared(name, [&] { return Model::open((own_folder() / (name + SUFFIX)).string()); });
        } catch (const std::exception &error) {
            problem = error.what();
        }
    }
    return shared(SHIPPED, shipped_model);
}

} // namespace lamina
