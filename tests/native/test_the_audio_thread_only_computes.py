"""On the audio thread the plugin asks for no memory, takes no lock and opens no file, whatever its controls do."""

import os
import re
import subprocess

import pytest
from native_effect import DPF, ROOT, plugin, shipped_weights, why_no_plugin

from lamina.plugin import NeuralCodec

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(why_no_plugin()), reason=why_no_plugin())]
HERE = ROOT / "tests" / "native"
PORT = re.compile(
    r"a lv2:(\w+), lv2:ControlPort ;\s+lv2:index (\d+) ;.*?lv2:symbol \"(\w+)\".*?lv2:default ([-\d.]+) ;\s+"
    r"lv2:minimum ([-\d.]+) ;\s+lv2:maximum ([-\d.]+)",
    re.DOTALL,
)


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The host, and the guard that is preloaded into it."""
    folder = tmp_path_factory.mktemp("host")
    flags = ["g++", "-std=c++17", "-O1", "-Wall", f"-I{DPF}/distrho"]
    subprocess.run([*flags, HERE / "lv2_host.cpp", "-ldl", "-rdynamic", "-o", folder / "host"], check=True)
    subprocess.run(
        [*flags, "-shared", "-fPIC", HERE / "realtime_guard.cpp", "-ldl", "-o", folder / "guard.so"], check=True
    )
    return folder


def played(programs, n_blocks, library=None, controls=None, guarded=True):
    """What the guard counted (memory, locks, files), the latency, and the output's energy."""
    description = (plugin() / "Lamina.lv2" / "Lamina.ttl").read_text()
    n_ports = len(re.findall(r"lv2:index \d+", description))
    inputs = [
        f"{index}:{low}:{high}:{usual}"
        for kind, index, symbol, usual, low, high in PORT.findall(description)
        if kind == "InputPort" and (controls is None or symbol in controls)
    ]
    assert len(inputs) > 10 or controls is not None
    done = subprocess.run(
        [programs / "host", library or plugin() / "Lamina.lv2" / "Lamina.so", str(n_ports), str(n_blocks), *inputs],
        env={**os.environ, **({"LD_PRELOAD": str(programs / "guard.so")} if guarded else {})},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    *counts, latency, energy = map(float, done.stdout.split())
    return counts, latency, energy


def test_the_audio_thread_asks_for_nothing(programs):
    counts, latency, energy = played(programs, 1500)
    assert counts == [0, 0, 0]
    assert energy > 0
    assert latency == NeuralCodec().latency_samples(48_000)


def test_the_guard_sees_what_it_looks_for(programs, tmp_path):
    source = tmp_path / "careless.cpp"
    source.write_text(CARELESS)
    library = tmp_path / "careless.so"
    subprocess.run(
        ["g++", "-std=c++17", "-shared", "-fPIC", "-O1", f"-I{DPF}/distrho", source, "-o", library], check=True
    )
    counts, _, _ = played(programs, 5, library, controls=())
    assert counts == [10, 5, 5]


@pytest.mark.long
@pytest.mark.timeout(600)
def test_its_whole_life_is_sound(tmp_path):
    """Loaded, played with everything moving, and unloaded, under the sanitizers of addresses, leaks and behaviour."""
    watched = "-fsanitize=address,undefined -fno-sanitize-recover=all -O1 -g1"
    host = tmp_path / "host"
    flags = ["g++", "-std=c++17", f"-I{DPF}/distrho", *watched.split(), "-rdynamic"]
    subprocess.run([*flags, HERE / "lv2_host.cpp", "-ldl", "-o", host], check=True)
    library = tmp_path / "plugin" / "Lamina.lv2" / "Lamina.so"
    built = subprocess.run(
        [
            *("make", "-C", str(ROOT / "native"), "-j2", f"OUT={tmp_path / 'out'}", f"PLUGINS={tmp_path / 'plugin'}"),
            *(f"WEIGHTS={shipped_weights()}", f"EXTRA_FLAGS={watched}", str(library)),
        ],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    _, _, energy = played(tmp_path, 500, library, guarded=False)
    assert energy > 0


CARELESS = """
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include "src/lv2/lv2.h"
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static LV2_Handle made(const LV2_Descriptor *, double, const char *, const LV2_Feature *const *) { return &mutex; }
static void connect(LV2_Handle, uint32_t, void *) {}
static void nothing(LV2_Handle) {}
static void run(LV2_Handle, uint32_t) {
    volatile char *memory = (volatile char *)malloc(10);
    memory[0] = 1;
    free((void *)memory);
    pthread_mutex_lock(&mutex);
    pthread_mutex_unlock(&mutex);
    (void)!open("/dev/null", O_RDONLY);
}
static const LV2_Descriptor descriptor = {"urn:careless", made, connect, nothing, run, nothing, nothing, nullptr};
extern "C" const LV2_Descriptor *lv2_descriptor(uint32_t index) { return index ? nullptr : &descriptor; }
"""
