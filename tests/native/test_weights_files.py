"""One file holds a model's weights: it computes what the bundle does, and nothing that is damaged passes for it."""

import ctypes
import os
import struct
import subprocess

import numpy as np
import pytest
from native_effect import ROOT, NativeEffect, why_not_native
from sounds import demo
from tiny_weights import checked_again, tiny_weights

from lamina.cli.main import main
from lamina.models.bundles.bundle import BundleError, open_bundle
from lamina.models.engines.core import Core, library, read_codebooks
from lamina.models.engines.weights_file import own_weights_file, weights_file, write_weights_file

pytestmark = pytest.mark.skipif(library() is None, reason="the core was not built")
FRAME, LATENT, N_FRAMES = 320, 192, 60


@pytest.fixture(scope="module")
def whole():
    return weights_file(open_bundle())


def opened(data):
    """A codec from a file's bytes, or the sentence that refuses it."""
    core = library()
    core.lamina_open_memory.restype = ctypes.c_void_p
    core.lamina_open_memory.argtypes = (*(ctypes.c_void_p, ctypes.c_size_t), *(ctypes.c_void_p,) * 3, ctypes.c_size_t)
    problem = ctypes.create_string_buffer(400)
    return core.lamina_open_memory(data, len(data), None, None, problem, 400), problem.value.decode()


def refused(data):
    codec, problem = opened(data)
    assert not codec
    return problem


def with_first_value(data, value):
    (place,) = struct.unpack_from("<Q", data, 480 + 88)
    return checked_again(data[:place] + struct.pack("<f", value) + data[place + 4 :])


def test_a_weights_file_computes_what_its_bundle_does_to_the_last_bit(whole):
    bundle = open_bundle()
    of_bundle = Core(bundle, *read_codebooks(bundle))
    of_file = Core(bundle, *read_codebooks(bundle))
    library().lamina_destroy(of_file._codec)
    of_file._codec, problem = opened(whole)
    assert of_file._codec, problem
    audio = np.ascontiguousarray(demo(1, 24_000, 2.0)[0, : N_FRAMES * FRAME])
    found = []
    for core in (of_bundle, of_file):
        encoder, decoder, lags, loop = (
            np.zeros(size, np.float32)
            for size in (core.sizes.encoder, core.sizes.decoder, core.sizes.lags, core.sizes.loop)
        )
        latents, predictions = (np.empty((N_FRAMES, LATENT), np.float32) for _ in range(2))
        codes, sound = np.zeros((N_FRAMES, 24), np.int32), np.empty(N_FRAMES * FRAME, np.float32)
        counts, widths, guarded = (np.full(N_FRAMES, value, np.int32) for value in (24, 4, 0))
        counts[::7] = 2  # frames without a lag have codebooks of their own
        core.encode(audio, encoder, latents)
        core.send(audio, latents, counts, widths, guarded, lags, loop, codes, predictions)
        core.decode(predictions, np.full(N_FRAMES, 0.5, np.float32), counts, decoder, sound)
        found.append((latents, codes, predictions, sound))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_bundle_always_gives_the_same_file(whole):
    assert weights_file(open_bundle()) == whole


def test_the_file_says_which_model_it_is(whole):
    bundle = open_bundle()
    assert whole[32:288].rstrip(b"\0").decode() == bundle.name
    assert whole[288:352].decode() == bundle.digest


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda data: b"", "no weights file"),
        (lambda data: b"RIFF" + data[4:], "no weights file"),
        (lambda data: data[:-1], "bytes; there should be"),
        (lambda data: data + b"\0", "bytes; there should be"),
        (lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:], "is damaged"),
        (lambda data: data[:8] + struct.pack("<I", 2) + data[12:], "this Lamina reads version 1"),
        (lambda data: checked_again(data[:24] + struct.pack("<I", 4000) + data[28:]), "more tensors than it holds"),
        (lambda data: checked_again(data[:352] + struct.pack("<i", 1 << 30) + data[356:]), "this core computes"),
        (lambda data: checked_again(data[:480] + b"x" + data[481:]), "is missing"),
        (lambda data: checked_again(data[: 480 + 80] + struct.pack("<Q", 1 << 60) + data[480 + 88 :]), "doesn't lie"),
        (lambda data: checked_again(data[: 480 + 88] + struct.pack("<Q", 1 << 60) + data[480 + 96 :]), "doesn't lie"),
        (lambda data: with_first_value(data, float("nan")), "no number"),
        (lambda data: with_first_value(data, float("inf")), "no number"),
    ],
    ids=range(13),
)
def test_what_is_damaged_is_refused_with_a_sentence(change, sentence):
    assert sentence in refused(change(tiny_weights()))


def test_a_file_that_lies_about_its_length_costs_no_memory(tmp_path):
    problem = ctypes.create_string_buffer(400)
    for size in (100, 1 << 29, 1 << 62):
        path = tmp_path / "lying.weights"
        path.write_bytes(b"LAMINAWF" + struct.pack("<IIQ", 1, 0, size))
        assert not library().lamina_open(str(path).encode(), None, None, problem, 400)
        assert "not as long as it says" in problem.value.decode()
    assert not library().lamina_open(str(tmp_path / "none").encode(), None, None, problem, 400)
    assert "can't be opened" in problem.value.decode()


def test_the_command_writes_the_file_where_the_plugin_looks_for_it(data_folder, tmp_path, whole, capsys):
    assert main(["models", "weights", "lamina-24k"]) == 0
    assert (data_folder / "plugin" / "lamina-24k.weights").read_bytes() == whole
    assert "plugin" in capsys.readouterr().out
    assert main(["models", "weights", "lamina-24k", str(tmp_path / "one.weights")]) == 0
    assert (tmp_path / "one.weights").read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.weights"], "nothing else is left behind"
    assert main(["models", "weights", "no-such-model"]) == 2


def test_names_do_not_lead_out_of_the_folder():
    with pytest.raises(ValueError, match="can't be the name"):
        own_weights_file("../else")


def test_a_bundle_that_the_core_can_not_compute_leaves_the_old_file_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr("lamina.models.engines.weights_file.why_not", lambda config: "It is another design.")
    target = tmp_path / "kept.weights"
    target.write_bytes(b"old")
    with pytest.raises(BundleError, match="another design"):
        write_weights_file(open_bundle(), target)
    assert target.read_bytes() == b"old"


@pytest.mark.skipif(bool(why_not_native()), reason=why_not_native())
def test_the_effect_tells_why_it_can_not_open_a_file(tmp_path):
    path = tmp_path / "none.weights"
    path.write_bytes(b"nothing of the kind, but long enough to be read")
    with pytest.raises(ValueError, match="no weights file"):
        NativeEffect(48_000, 2, weights=path)


def fuzz(tmp_path, n):
    """What the loader does with `n` damaged files, watched by the sanitizers."""
    program, sound = tmp_path / "fuzz", tmp_path / "tiny.weights"
    sound.write_bytes(tiny_weights())
    sources = [
        ROOT / "core" / f"{name}.cpp" for name in ("build", "weights_file", "lamina", "codec_baseline", "codec_avx2")
    ]
    flags = "-std=c++17 -O1 -g1 -ffp-contract=off -Wno-psabi -fsanitize=address,undefined -fno-sanitize-recover=all"
    built = subprocess.run(
        ["g++", *flags.split(), "-o", program, *sources, ROOT / "tests/native/fuzz_weights.cpp"],
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr[-3000:]
    # A file may make the core ask for no more than its own shape needs.
    watched = {**os.environ, "ASAN_OPTIONS": "max_allocation_size_mb=256:allocator_may_return_null=0"}
    done = subprocess.run([program, sound, str(n)], capture_output=True, text=True, env=watched)
    assert done.returncode == 0, done.stderr[-3000:]
    n_opened = int(done.stdout.split()[0])
    assert 0 < n_opened < n, "some are still sound, most are not"


@pytest.mark.slow
@pytest.mark.skipif(bool(why_not_native()), reason=why_not_native())
def test_two_thousand_damaged_files_do_no_harm(tmp_path):
    fuzz(tmp_path, 2_000)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(bool(why_not_native()), reason=why_not_native())
def test_a_hundred_thousand_damaged_files_do_no_harm(tmp_path):
    fuzz(tmp_path, 100_000)
