// Has an LV2 plugin write its description, the .ttl files, into the working folder: describe ./Lamina.so
#include <dlfcn.h>

#include <cstdio>

int main(int argc, char **argv) {
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW) : nullptr;
    auto *write = library ? (void (*)(const char *))dlsym(library, "lv2_generate_ttl") : nullptr;
    if (!write) {
        std::fprintf(stderr, "describe: %s\n", argc == 2 ? dlerror() : "give the path of an LV2 plugin.");
        return 1;
    }
    write("Lamina");
    return 0;
}
