"""A damaged or foreign bundle is named, not heard."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lamina.models.bundles.bundle import (
    SHIPPED_MANIFESTS,
    BundleError,
    file_hash,
    list_bundles,
    open_bundle,
    shipped_bundles,
    survey_bundles,
    weights_folder,
)
from lamina.models.bundles.graph_work import check_work
from lamina.models.bundles.onnx_weights import check_graph
from lamina.models.engines import trial
from lamina.models.engines.onnx_engine import OnnxEngine
from lamina.models.runtime import CodecRuntime, load_runtime
from lamina.plugin import NeuralCodec


@pytest.fixture
def copy(tmp_path):
    return shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")


def test_the_shipped_bundle_opens_and_reproduces_its_snapshot():
    assert "lamina-24k" in list_bundles()
    runtime = CodecRuntime(open_bundle())
    # Layers 1 to 24, and two more for frames without a lag.
    assert runtime.entries.shape == (26, 1024, runtime.config.latent)
    assert not runtime.entries[0].any()


def test_the_shipped_bundle_is_small_enough_for_git():
    files = [path for path in (weights_folder() / "lamina-24k").iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 16e6


@pytest.mark.parametrize(
    "graph", ["encoder.onnx", "quantizer-2.onnx", "decoder.onnx", "memory.onnx", "lags.onnx", "coarse.onnx"]
)
def test_one_flipped_bit_is_named(copy, graph):
    data = bytearray((copy / graph).read_bytes())
    data[len(data) // 2] ^= 1
    (copy / graph).write_bytes(data)
    with pytest.raises(BundleError, match=graph):
        open_bundle(copy)
    with pytest.raises(BundleError, match="damaged"):
        NeuralCodec(model=str(copy))


def test_a_missing_file_is_named(copy):
    (copy / "decoder.onnx").unlink()
    with pytest.raises(BundleError, match=r"decoder\.onnx"):
        open_bundle(copy)


@pytest.mark.parametrize(
    "change", [{"format": 99}, {"config": {"design": "other"}}, {"config": {"colour": 1}}, {"files": {}}]
)
def test_a_foreign_manifest_is_refused(copy, change):
    manifest = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(manifest | change))
    with pytest.raises(ValueError, match=r"format|design|colour|lists no"):
        open_bundle(copy)


def test_a_truncated_manifest_is_refused(copy):
    (copy / "model.json").write_text((copy / "model.json").read_text()[:50])
    with pytest.raises(BundleError, match=r"model\.json"):
        open_bundle(copy)


def test_a_runtime_that_computes_something_else_is_refused(copy, monkeypatch):
    decode = CodecRuntime.decode

    def wrong(self, z, state, denoise=0.0):
        y, after = decode(self, z, state, denoise)
        return y * np.float32(1.1), after

    monkeypatch.setattr(CodecRuntime, "decode", wrong)
    with pytest.raises(BundleError, match="decoder"):
        CodecRuntime(open_bundle(copy))


def test_a_memory_that_foresees_something_else_is_refused(copy, monkeypatch):
    loop = CodecRuntime.loop

    def wrong(self, n_channels):
        made = loop(self, n_channels)
        check = made.check
        made.check = lambda foreseen, codes: check(foreseen, codes) * np.float32(1.1)
        return made

    monkeypatch.setattr(CodecRuntime, "loop", wrong)
    with pytest.raises(BundleError, match="memory"):
        CodecRuntime(open_bundle(copy))


def test_an_unknown_name_lists_the_known():
    with pytest.raises(BundleError, match="lamina-24k"):
        NeuralCodec(model="lamina-48k")


def test_what_comes_with_lamina_is_what_its_code_knows():
    for name in shipped_bundles():
        manifest = (weights_folder() / name / "model.json").read_bytes()
        assert hashlib.sha256(manifest).hexdigest() == SHIPPED_MANIFESTS[name], "pin the new model in bundle.py"
    assert set(SHIPPED_MANIFESTS) == set(shipped_bundles())


def test_another_model_in_the_place_of_the_shipped_one_is_refused(copy, monkeypatch):
    place = copy.rename(copy.parent / "lamina-24k")
    assert open_bundle(place).name == "lamina-24k"
    monkeypatch.setattr("lamina.models.bundles.bundle.weights_folder", lambda: place.parent)
    assert open_bundle(place).name == "lamina-24k"
    changed(place, lambda data: data["training"].update(steps=1))
    with pytest.raises(BundleError, match="not the one that comes with this Lamina"):
        open_bundle(place)


def changed(folder, change):
    """Change a manifest in its place."""
    data = json.loads((folder / "model.json").read_text())
    change(data)
    (folder / "model.json").write_text(json.dumps(data))


HOSTILE = {
    "a file elsewhere": lambda data: data["files"].update({"../../etc/passwd": "0" * 64}),
    "a file at a path": lambda data: data["files"].update({"/etc/passwd": "0" * 64}),
    "a number for a hash": lambda data: data["files"].update({"encoder.onnx": 5}),
    "no hash": lambda data: data["files"].update({"encoder.onnx": "yes"}),
    "files in a list": lambda data: data.update(files=[1, 2]),
    "a latent of text": lambda data: data["config"].update(latent="x"),
    "strides of text": lambda data: data["config"].update(soundstream={"strides": 7}),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_manifest_is_refused_and_hides_no_other_model(copy, monkeypatch, tmp_path, change):
    changed(copy, change)
    with pytest.raises(BundleError):
        open_bundle(copy)
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path / "data"))
    shutil.copytree(copy, tmp_path / "data" / "bundles" / "bad")
    for text in ("[" * 100_000, '{"format": 1e999}', "{" + '"a": 1, ' * 2 + '"b": 2}'):
        folder = tmp_path / "data" / "bundles" / f"worse {len(text)}"
        folder.mkdir()
        (folder / "model.json").write_text(text)
    entries = survey_bundles()
    assert len(entries) == 5 and [entry.bundle is not None for entry in entries] == [True, False, False, False, False]
    assert all(entry.problem for entry in entries[1:])


def test_an_example_that_unpacks_to_gigabytes_is_refused(copy):
    with zipfile.ZipFile(copy / "snapshot.npz", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("audio.npy", bytes(65 << 20))
    changed(copy, lambda data: data["files"].update({"snapshot.npz": file_hash(copy / "snapshot.npz")}))
    with pytest.raises(BundleError, match="unpacks to 65 MB"):
        CodecRuntime(open_bundle(copy))


def graph_with(path, *nodes, external=None):
    """A small graph of these nodes, written without running anything."""
    onnx = pytest.importorskip("onnx")
    tensor = onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [1], bytes(4), raw=True)
    if external is not None:
        onnx.external_data_helper.set_external_data(tensor, external)
    path.write_bytes(
        onnx.helper.make_model(onnx.helper.make_graph(list(nodes), "g", [], [], [tensor])).SerializeToString()
    )


def test_a_graph_that_reads_what_is_not_listed_is_refused(tmp_path):
    path = tmp_path / "graph.onnx"
    graph_with(path, external="weights.bin")
    with pytest.raises(ValueError, match=r"reads 'weights\.bin', which the bundle does not list"):
        check_graph(path, {"graph.onnx": ""})
    check_graph(path, {"graph.onnx": "", "weights.bin": ""})


def test_a_graph_that_might_never_end_is_refused(tmp_path):
    onnx = pytest.importorskip("onnx")
    path, make = tmp_path / "graph.onnx", onnx.helper.make_node
    graph_with(path, make("Add", ["w", "w"], ["y"]))
    check_graph(path, {})
    loop = make("Loop", ["", ""], ["y"], body=onnx.helper.make_graph([], "body", [], []))
    within = make("If", ["w"], ["y"], then_branch=onnx.helper.make_graph([loop], "then", [], []))
    for node in (loop, within):
        graph_with(path, node)
        with pytest.raises(ValueError, match="might never end"):
            check_graph(path, {})


def test_a_graph_whose_work_depends_on_the_sound_is_refused(tmp_path):
    """What is quick for silence, with which it is tried, may take minutes for a certain sound."""
    onnx = pytest.importorskip("onnx")
    path, make = tmp_path / "graph.onnx", onnx.helper.make_node
    by_length = [make("Shape", ["x"], ["size"]), make("Gather", ["size", "w"], ["length"])]
    by_sound = [make("ReduceMax", ["x"], ["loudest"]), make("Cast", ["loudest"], ["length"], to=7)]
    square = [make("Expand", ["w", "length"], ["square"]), make("MatMul", ["square", "square"], ["y"])]
    branch = onnx.helper.make_graph([make("Identity", ["w"], ["b"])], "branch", [], [])
    graph_with(path, *by_length, *square)
    check_work(path)
    graph_with(path, *by_length, make("If", ["length"], ["z"], then_branch=branch, else_branch=branch))
    check_work(path)
    for name, nodes in {
        "Expand": [*by_sound, *square],
        "If": [*by_sound, make("If", ["length"], ["z"], then_branch=branch, else_branch=branch)],
        "NonZero": [make("NonZero", ["x"], ["z"])],
        "Tile": [make("RandomNormal", [], ["n"], shape=[1]), make("Tile", ["w", "n"], ["z"])],
        "Range": [
            make("If", ["w"], ["z"], then_branch=onnx.helper.make_graph([make("Range", ["x"], [])], "t", [], []))
        ],
        "Slow": [make("Slow", ["x"], ["z"], domain="com.microsoft")],
    }.items():
        graph_with(path, *nodes)
        with pytest.raises(ValueError, match=f"an operator {name} whose work may depend on the sound"):
            check_work(path)


def test_a_function_can_not_hide_that_work_depends_on_the_sound(tmp_path):
    onnx = pytest.importorskip("onnx")
    path, make, opsets = tmp_path / "graph.onnx", onnx.helper.make_node, [onnx.helper.make_opsetid("", 18)]
    for name, body in (("Shape", make("Identity", ["a"], ["b"])), ("Seed", make("RandomNormal", [], ["b"], shape=[1]))):
        inputs = ["a"] if name == "Shape" else []
        hidden = onnx.helper.make_function("own", name, inputs, ["b"], [body], opsets)
        nodes = [
            make(name, ["x"] if inputs else [], ["n"], domain="own"),
            make("Expand", ["w", "n"], ["square"]),
        ]
        graph = onnx.helper.make_graph(nodes, "g", [], [])
        path.write_bytes(onnx.helper.make_model(graph, functions=[hidden]).SerializeToString())
        with pytest.raises(ValueError, match="whose work may depend on the sound"):
            check_work(path)


def test_a_bundle_whose_work_depends_on_the_sound_is_not_opened(copy):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(copy / "encoder.onnx")
    model.graph.node.append(onnx.helper.make_node("NonZero", [model.graph.input[0].name], ["places"]))
    onnx.save(model, copy / "encoder.onnx")
    changed(copy, lambda data: data["files"].update({"encoder.onnx": file_hash(copy / "encoder.onnx")}))
    with pytest.raises(BundleError, match=r"holds an operator NonZero whose work may depend on the sound"):
        CodecRuntime(open_bundle(copy), engine="onnx")


@pytest.mark.slow
def test_a_graph_that_takes_minutes_hangs_nobody(copy, monkeypatch, data_folder):
    """One product of two large arrays, which no loop gives away and nothing can end but the end of its process."""
    onnx = pytest.importorskip("onnx")
    shape = onnx.numpy_helper.from_array(np.array([14_000, 14_000], np.int64), "slow_shape")
    slow_down(onnx, copy, [shape], [])
    monkeypatch.setenv("LAMINA_ENGINE", "onnx")
    monkeypatch.setattr(trial, "MOST_CPU_SECONDS", 3)
    with pytest.raises(BundleError, match="took more than 3 s of computing"):
        NeuralCodec(model=str(copy)).stream(24_000, 1)
    assert not (data_folder / trial.FOLDER).exists()


@pytest.mark.slow
def test_a_graph_that_takes_minutes_for_some_lengths_of_call_hangs_nobody(copy, monkeypatch, data_folder):
    """64 frames in a call take minutes, any other number a moment; the bundle's example has 24."""
    onnx = pytest.importorskip("onnx")
    make, number = onnx.helper.make_node, onnx.numpy_helper.from_array
    constants = {"which": [1], "these": [64], "large": [14_000], "least": [1], "twice": [2]}
    slow_down(
        onnx,
        copy,
        [number(np.array(value, np.int64), name) for name, value in constants.items()],
        [
            make("Shape", ["fast"], ["sizes"]),
            make("Gather", ["sizes", "which"], ["frames"]),
            make("Equal", ["frames", "these"], ["is_slow"]),
            make("Cast", ["is_slow"], ["zero_or_one"], to=onnx.TensorProto.INT64),
            make("Mul", ["zero_or_one", "large"], ["zero_or_large"]),
            make("Max", ["zero_or_large", "least"], ["side"]),
            make("Tile", ["side", "twice"], ["slow_shape"]),
        ],
    )
    check_work(copy / "encoder.onnx")  # the numbers in the sound change nothing
    monkeypatch.setenv("LAMINA_ENGINE", "onnx")
    monkeypatch.setattr(trial, "MOST_CPU_SECONDS", 3)
    with pytest.raises(BundleError, match="took more than 3 s of computing"):
        NeuralCodec(model=str(copy)).stream(24_000, 1)
    assert not (data_folder / trial.FOLDER).exists()


def slow_down(onnx, folder, initializers, nodes):
    """Make the encoder of a bundle compute the product of two arrays of "slow_shape", which `nodes` may make."""
    model = onnx.load(folder / "encoder.onnx")
    graph, make = model.graph, onnx.helper.make_node
    graph.initializer.extend(initializers)
    latent = graph.output[0].name
    maker = next(node for node in graph.node if latent in node.output)
    maker.output[list(maker.output).index(latent)] = "fast"
    graph.node.extend(
        [
            *nodes,
            make("ReduceMean", ["fast"], ["slow_seed"], keepdims=0),
            make("Expand", ["slow_seed", "slow_shape"], ["slow_square"]),
            make("MatMul", ["slow_square", "slow_square"], ["slow_product"]),
            make("ReduceMin", ["slow_product"], ["slow_end"], keepdims=0),
            make("Add", ["fast", "slow_end"], [latent]),
        ]
    )
    onnx.save(model, folder / "encoder.onnx")
    changed(folder, lambda data: data["files"].update({"encoder.onnx": file_hash(folder / "encoder.onnx")}))


@pytest.mark.slow
@pytest.mark.parametrize("n_channels", [1, 2, 3])
def test_calls_in_pieces_compute_what_whole_ones_do(n_channels, monkeypatch):
    """93 frames are 64, 16, two of 4 and five single ones; three channels are two and one."""
    sound = np.random.default_rng(5).uniform(-0.3, 0.3, (n_channels, 93 * 320)).astype(np.float32)
    engine = OnnxEngine(open_bundle())

    def coded():
        z, state = engine.encode(sound, engine.encoder_state(n_channels))
        layers, denoise = np.full(z.shape[:2], 24), np.zeros(z.shape[:2], np.float32)
        y, after = engine.decode(z, denoise, layers, engine.decoder_state(n_channels))
        codes = engine.quantize(z.reshape(-1, z.shape[2]), np.full(z.shape[0] * z.shape[1], 23), 1, False)
        return [z, *state, y, *after, codes]

    in_pieces = coded()
    for name in ("CHANNELS", "FRAMES"):
        monkeypatch.setattr(f"lamina.models.engines.pieces.{name}", (93, 3, 1))
    monkeypatch.setattr("lamina.models.engines.onnx_engine.ROWS", (93 * n_channels, 1))
    for here, whole in zip(in_pieces, coded(), strict=True):
        np.testing.assert_array_equal(here, whole)


@pytest.mark.slow
def test_a_model_that_ends_is_tried_once(copy, monkeypatch, data_folder):
    monkeypatch.setenv("LAMINA_ENGINE", "onnx")
    assert load_runtime(str(copy)).engine == "ONNX Runtime"
    bundle = open_bundle(copy)
    assert [path.name for path in (data_folder / trial.FOLDER).iterdir()] == [bundle.digest]
    monkeypatch.setattr("subprocess.run", None)
    trial.check_it_ends(bundle)
    trial.check_it_ends(open_bundle())


def test_graphs_of_lamina_pass():
    for folder in (weights_folder() / "lamina-24k", Path(__file__).parents[1] / "fixtures" / "before-memory" / "tiny"):
        for path in folder.glob("*.onnx"):
            check_graph(path, set())
            check_work(path)
