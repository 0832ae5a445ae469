"""The compiled core computes what a bundle's graphs do.

The same to the last bit with every instruction set and for any cutting.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sounds import demo

from lamina.models.bundles.bundle import BundleError, open_bundle
from lamina.models.bundles.onnx_weights import read_weights
from lamina.models.engines import core as core_module
from lamina.models.engines.core import library
from lamina.models.engines.core_engine import CoreEngine
from lamina.models.engines.engine import open_engine
from lamina.models.engines.onnx_engine import OnnxEngine
from lamina.models.runtime import CodecRuntime, load_runtime
from lamina.plugin import NeuralCodec

FRAME, LAYERS, N_FRAMES = 320, 24, 90
needs_core = pytest.mark.skipif(
    library() is None, reason="the core was not built: there was no compiler when Lamina was installed"
)


@pytest.fixture(scope="module")
def audio():
    """Two different channels, `[2, samples]`."""
    return np.concatenate([demo(item, 24_000, 2.0)[:1, : N_FRAMES * FRAME] for item in (0, 1)])


@pytest.fixture(scope="module")
def cores():
    bundle = open_bundle()
    return CoreEngine(bundle), CoreEngine(bundle, "baseline")


@pytest.fixture(scope="module")
def onnx():
    return CodecRuntime(open_bundle(), engine="onnx")


def sent(engine, audio, counts, width=1, pieces=(N_FRAMES,)):
    """Latents, codes, predictions and sound of a stream that is cut into `pieces` frames."""
    encoder, decoder, loop = (
        engine.encoder_state(len(audio)),
        engine.decoder_state(len(audio)),
        engine.loop(None, len(audio)),
    )
    found, start = [], 0
    guarded = np.arange(N_FRAMES) // 20 % 2 == 1
    for size in pieces:
        part = slice(start, start + size)
        x = audio[:, start * FRAME : (start + size) * FRAME]
        z, encoder = engine.encode(x, encoder)
        codes, foreseen = loop.encode(x, z, counts[:, part], np.full(size, width), guarded[part])
        y, decoder = engine.decode(foreseen, np.full((len(audio), size), 0.3, np.float32), counts[:, part], decoder)
        found.append((z, codes, foreseen, y))
        start += size
    assert start == N_FRAMES
    return [np.concatenate(parts, 1) for parts in zip(*found, strict=True)]


def test_where_there_is_a_compiler_the_core_is_built():
    if shutil.which("g++") is None:
        pytest.skip("there is no compiler here")
    assert library() is not None, "install again: pip install --editable ."


@pytest.mark.slow
@needs_core
@pytest.mark.parametrize("width", [1, 4])
def test_every_instruction_set_computes_the_same_to_the_last_bit(cores, audio, width):
    counts = np.random.default_rng(0).integers(0, LAYERS + 1, (2, N_FRAMES))
    best, plainest = (sent(engine, audio, counts, width) for engine in cores)
    for ours, theirs in zip(best, plainest, strict=True):
        assert np.array_equal(ours, theirs)


@pytest.mark.slow
@needs_core
@pytest.mark.parametrize("pieces", [(1,) * N_FRAMES, (1, 2, 40, 47), (89, 1)])
def test_cutting_a_stream_changes_no_bit(cores, audio, pieces):
    counts = np.full((2, N_FRAMES), 12)
    for ours, theirs in zip(sent(cores[0], audio, counts), sent(cores[0], audio, counts, pieces=pieces), strict=True):
        assert np.array_equal(ours, theirs)


@needs_core
def test_channels_know_nothing_of_each_other(cores, audio):
    counts = np.full((2, N_FRAMES), 9)
    both = sent(cores[0], audio, counts)
    for channel in (0, 1):
        alone = sent(cores[0], audio[channel : channel + 1], counts[:1])
        assert all(np.array_equal(ours[channel], theirs[0]) for ours, theirs in zip(both, alone, strict=True))


@needs_core
def test_a_state_is_never_changed_in_place(cores, audio):
    engine = cores[0]
    state = engine.encoder_state(2)
    first, _ = engine.encode(audio, state)
    assert not state[0].any()
    assert np.array_equal(first, engine.encode(audio, state)[0])
    heard = engine.decoder_state(2)
    engine.decode(first, np.zeros(first.shape[:2], np.float32), np.full(first.shape[:2], LAYERS), heard)
    assert not heard[0].any()


@pytest.mark.slow
@needs_core
def test_the_core_computes_what_the_graphs_do(cores, onnx, audio):
    engine, n_channels = cores[0], len(audio)
    z, _ = engine.encode(audio, engine.encoder_state(n_channels))
    expected, _ = onnx.encode(audio, onnx.encoder_state(n_channels))
    assert np.abs(z - expected).max() < 0.01 * np.abs(expected).max()
    codes, foreseen = onnx.code(audio, LAYERS)
    summed = foreseen + onnx.dequantize(codes)
    for denoise in (0.0, 1.0):
        amount, layers = np.full(summed.shape[:2], denoise, np.float32), np.full(summed.shape[:2], LAYERS)
        y, _ = engine.decode(summed, amount, layers, engine.decoder_state(n_channels))
        heard, _ = onnx.decode(summed, onnx.decoder_state(n_channels), denoise)
        assert 10 * np.log10(np.square(y - heard).sum() / np.square(heard).sum()) < -45
    # From the same past both foresee the same.
    loop = engine.loop(onnx, n_channels)
    assert np.abs(loop.check(foreseen, codes) - foreseen).max() < 0.01 * np.abs(foreseen).max()


@pytest.mark.slow
@needs_core
@pytest.mark.parametrize("layers", [1, 2, 3, 8, 24])
def test_codes_of_the_core_are_as_good_as_those_of_the_graphs(cores, onnx, audio, layers):
    runtime = load_runtime("lamina-24k")
    assert runtime.engine.startswith("core")

    def left(made):
        codes, foreseen = made.code(audio, layers)
        return float(np.square(z - foreseen - runtime.dequantize(codes)).sum())

    z, _ = onnx.encode(audio, onnx.encoder_state(2))
    assert left(runtime) < 1.02 * left(onnx)
    # Lags are found in the input alone; the core also chooses which frames are guarded.
    if layers > 2:
        n_lags = runtime.config.memory.n_lags
        assert (runtime.code(audio, layers)[0][..., 0] % n_lags == onnx.code(audio, layers)[0][..., 0]).mean() > 0.97


@needs_core
def test_a_wider_search_tries_more_lags_and_leaves_less(audio):
    runtime = load_runtime("lamina-24k")
    z, _ = runtime.encode(audio, runtime.encoder_state(2))
    left = []
    for width in (1, 4):
        codes, foreseen = runtime.code(audio, 8, width)
        left.append(
            [float(np.square(z - foreseen).sum()), float(np.square(z - foreseen - runtime.dequantize(codes)).sum())]
        )
    assert left[1][0] < 0.99 * left[0][0] and left[1][1] < 0.95 * left[0][1]
    assert 0.02 < (codes[..., 0] >= runtime.config.memory.n_lags).mean() < 0.6


@needs_core
@pytest.mark.parametrize("seed", range(3))
def test_any_codes_leave_the_loop_finite(cores, seed):
    random = np.random.default_rng(seed)
    codes = random.integers(-1, 2**16, (1, 400, LAYERS))  # far beyond every codebook too
    counts = random.integers(0, LAYERS + 1, (1, 400))
    foreseen = cores[0].loop(None, 1).decode(codes, counts)
    assert np.isfinite(foreseen).all() and np.abs(foreseen).max() < 1e4
    y, _ = cores[0].decode(
        foreseen, np.zeros((1, 400), np.float32), np.full((1, 400), LAYERS), cores[0].decoder_state(1)
    )
    assert np.isfinite(y).all()


@needs_core
@pytest.mark.parametrize("value", [0.0, 1e-42, 1e9, -1.0])
def test_extreme_sound_stays_finite(cores, value):
    x = np.full((1, N_FRAMES * FRAME), value, np.float32)
    for found in sent(cores[0], x, np.full((1, N_FRAMES), LAYERS)):
        assert np.isfinite(found).all()


# What the core is given.


def test_weights_are_read_from_the_graphs_as_the_library_onnx_reads_them():
    onnx = pytest.importorskip("onnx", reason="the library onnx is part of the extra [train]")
    from onnx import numpy_helper

    for graph in sorted(open_bundle().path.glob("*.onnx")):
        found = read_weights(graph)
        for item in onnx.load(graph).graph.initializer:
            assert np.array_equal(found.pop(item.name), numpy_helper.to_array(item)), (graph, item.name)
        assert not found


@pytest.mark.parametrize("size", [0, 1, 5, 100, 5000, 300_000])
def test_a_cut_graph_is_refused_or_read_up_to_the_cut(tmp_path, size):
    whole = (open_bundle().path / "coarse.onnx").read_bytes()
    (tmp_path / "cut.onnx").write_bytes(whole[:size])
    try:
        found = read_weights(tmp_path / "cut.onnx")
    except ValueError as error:
        assert "cut.onnx" in str(error)
    else:
        assert size == 0 and not found


def test_bytes_that_are_no_graph_never_crash_the_reader(tmp_path):
    random = np.random.default_rng(1)
    whole = np.frombuffer((open_bundle().path / "lags.onnx").read_bytes()[:3000], np.uint8)
    path = tmp_path / "noise.onnx"
    for _ in range(300):
        damaged = whole.copy()
        damaged[random.integers(0, len(damaged), 8)] = random.integers(0, 256, 8)
        path.write_bytes(damaged.tobytes())
        try:
            read_weights(path)
        except ValueError as error:
            assert "noise.onnx" in str(error)


@needs_core
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weights: weights.pop("encoder.gate.bias"), r"encoder\.gate\.bias is missing"),
        (
            lambda weights: weights.update({"memory.scale": np.ones(3, np.float32)}),
            r"memory\.scale has 3 values; there should be 192",
        ),
        (
            lambda weights: weights.update({"decoder.film.scale": np.ones(192, np.uint8)}),
            r"decoder\.film\.scale has values of another",
        ),
    ],
)
def test_weights_that_do_not_fit_are_named(monkeypatch, change, said):
    weights_of = core_module._weights_of

    def changed(bundle):
        weights = weights_of(bundle)
        change(weights)
        return weights

    monkeypatch.setattr(core_module, "_weights_of", changed)
    with pytest.raises(BundleError, match=said):
        CoreEngine(open_bundle())


@needs_core
def test_instructions_that_are_not_there_are_refused():
    with pytest.raises(BundleError, match="no such instructions"):
        CoreEngine(open_bundle(), "mmx")


# Which engine it is.


def test_without_the_core_onnx_runtime_computes_and_lamina_says_so(monkeypatch):
    monkeypatch.setattr(core_module, "library", lambda: None)
    assert isinstance(open_engine(open_bundle()), OnnxEngine)
    assert "without a C++ compiler" in core_module.why_not(open_bundle().config)
    with pytest.raises(BundleError, match="without a C\\+\\+ compiler"):
        open_engine(open_bundle(), "core")


def test_a_variable_asks_for_an_engine(monkeypatch):
    monkeypatch.setenv("LAMINA_ENGINE", "onnx")
    assert isinstance(open_engine(open_bundle()), OnnxEngine)
    monkeypatch.setenv("LAMINA_ENGINE", "abacus")
    with pytest.raises(ValueError, match="LAMINA_ENGINE is 'abacus'; choose one of core, onnx"):
        open_engine(open_bundle())


@pytest.mark.slow
def test_info_tells_what_computes():
    command = [sys.executable, "-m", "lamina", "info"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert f"computed by: {load_runtime('lamina-24k').engine}" in told


def test_both_engines_sound_alike(monkeypatch):
    """What is coded by one and by the other differs in codes, not in how near it comes to the original."""
    audio = demo(0, 24_000, 2.0)[:1]
    codec = NeuralCodec(layers=24)
    delay = codec.latency_samples(24_000)

    def error_db(y):
        heard, original = y[:, delay:], audio[:, : audio.shape[1] - delay]
        return 10 * np.log10(np.square(heard - original).sum() / np.square(original).sum())

    one_shot = codec.stream(24_000, 1).push(audio)
    monkeypatch.setenv("LAMINA_ENGINE", "onnx")
    slow = NeuralCodec(layers=24, model=str(Path(open_bundle().path))).stream(24_000, 1)
    assert error_db(one_shot) == pytest.approx(error_db(slow.push(audio)), abs=0.5)
