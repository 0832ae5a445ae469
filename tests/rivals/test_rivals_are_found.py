"""The registry: rivals by name, texts that make them, and one sentence for all that is missing or wrong."""

import copy
import json
import pickle
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from rival_rig import lag_of, stand_in_evs, stand_in_opus_ml, voice
from sounds import demo

import lamina.plugin.rivals.amr_wb
import lamina.plugin.rivals.codec2
import lamina.plugin.rivals.coding.libraries
import lamina.plugin.rivals.coding.packets
import lamina.plugin.rivals.gsm
import lamina.plugin.rivals.lc3
import lamina.plugin.rivals.opus_ml
from lamina.cli.main import main
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.rivals.evs import EVS
from lamina.plugin.rivals.registry import RIVALS, RivalMissingError, make, parse
from lamina.plugin.stream.variable_rate import changes_told


def test_every_rival_says_what_it_is():
    assert list(RIVALS)[:3] == ["opus", "opus-ml", "mp3"] and len(RIVALS) == 13
    assert len({kind.colour for kind in RIVALS.values()}) == len(RIVALS)
    for name, kind in RIVALS.items():
        assert kind.name == name and kind.title and kind.needs.endswith(".")
        assert re.fullmatch("#[0-9a-f]{6}", kind.colour)
        assert kind.rates.check(None, kind.title) == kind.rates.default
        assert kind.missing() is None or kind.missing().startswith(kind.title)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("opus:12", "Opus 12 kbps"),
        ("opus", "Opus 16 kbps"),
        (" mp3 : 64 ", "MP3 64 kbps"),
        ("opus:64:frame_ms=5:application=lowdelay", "Opus 64 kbps"),
        ("lamina:6", "Lamina 6 kbps"),
        ("lamina:3:search=4", "Lamina 3 kbps"),
        ("lamina:layers=2", "Lamina 1.5 kbps"),
        ("lamina:3:two_pass=on", "Lamina 3 kbps, two passes"),
        ("lamina:3:two_pass=off", "Lamina 3 kbps"),
        ("original", "Original"),
    ],
)
def test_a_text_makes_a_codec(text, told):
    codec = parse(text)
    assert codec.title == told
    sound = voice(24_000, 0.5)
    assert codec.process(sound, 24_000).shape == sound.shape


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no codec ''; choose lamina, original, opus"),
        ("opsu:12", "There is no codec 'opsu'"),
        ("opus:5", "Opus has no 5 kbps; choose from 6 to 510."),
        ("opus:nan", "Opus has no nan kbps"),
        ("opus:fast", "'fast' in 'opus:fast' is no bitrate"),
        ("mp3:33", "MP3 has no 33 kbps; choose one of 8, 16"),
        ("opus:12:3", "'3' in 'opus:12:3' is no option"),
        ("opus:12:bandwidth=wb", "Opus has no option 'bandwidth'; it has frame_ms, application, decoder."),
        ("mp3:64:mode=j", "MP3 has no option 'mode'; it has none."),
        ("opus:12:frame_ms=7", "frame_ms is '7'; choose 2.5, 5, 10, 20, 40, 60."),
        ("original:5", "which is the sound as it is"),
        ("lamina:99", "kbps is 99"),
        ("lamina:3:colour=red", "Lamina has no parameter 'colour'"),
        ("lamina:3:two_pass=yes", "two_pass is 'yes'; write two_pass=on or two_pass=off."),
        ("lamina:3:passes=2:two_pass=on", "Layers can't be planned for 2 generations."),
    ],
)
def test_what_there_is_not_is_told_in_a_sentence(text, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        parse(text)


def test_the_bitrate_of_lamina_is_counted_like_that_of_its_rivals():
    codec = parse("lamina:6")
    assert np.isnan(codec.counted_kbps)
    codec.process(voice(48_000, 1.0, 2), 48_000)
    assert codec.counted_kbps == pytest.approx(12, abs=1e-9)
    assert codec.counted_bits > 12_000
    assert np.isnan(parse("original").counted_kbps)


@pytest.mark.slow
def test_in_two_passes_a_whole_piece_is_planned_and_the_bits_that_tell_the_plan_are_counted():
    sound = voice(48_000, 2.0)
    codec = parse("lamina:3:two_pass=on")
    coded = codec.process(sound, 48_000)
    plain = NeuralCodec(kbps=3.0)
    assert not np.array_equal(coded, plain.process(sound, 48_000))
    plain.layer_plan = plan = plain.plan(sound, 48_000)
    assert np.array_equal(coded, plain.process(sound, 48_000))
    (counts,) = np.array([report.counts for report in codec.last_reports]).T
    assert np.array_equal(counts[: plan.counts.shape[1]], plan.counts[0])
    told = int(changes_told(counts).sum())
    assert told > plan.counts.size
    assert codec.counted_bits == sum(report.bits for report in codec.last_reports) + told
    assert 2.85 <= codec.counted_kbps <= 3.01
    assert codec.layer_plan is None
    for other in (copy.copy(codec), pickle.loads(pickle.dumps(codec))):
        assert np.array_equal(other.process(sound, 48_000), coded)


@pytest.mark.parametrize("n_channels", [1, 2])
def test_at_a_variable_bitrate_the_bits_that_tell_how_many_layers_frames_have_are_counted(n_channels):
    sound, codec = voice(48_000, 2.0, n_channels), parse("lamina:6:variable_rate=1")
    codec.process(sound, 48_000)
    counts = np.array([report.counts for report in codec.last_reports]).T
    assert counts.shape[0] == n_channels and all(len(set(channel)) > 2 for channel in counts.tolist())
    changes = np.abs(np.diff(counts.astype(int), prepend=counts[:, :1]))
    told = int(np.where(changes, 2 + changes, 1).sum())
    assert codec.counted_bits == 10 * int(counts.sum()) + told
    frames = counts.shape[1]
    assert codec.counted_kbps == pytest.approx(codec.counted_bits / frames * 75 / 1000)
    codec.process(sound, 48_000)  # which is counted anew
    assert codec.counted_bits == 10 * int(counts.sum()) + told


def test_in_mono_the_side_tells_nothing():
    codec = parse("lamina:6:variable_rate=1:stereo=mono")
    codec.process(voice(48_000, 2.0, 2), 48_000)
    sent = [report.counts for report in codec.last_reports]
    assert len(sent[-1]) == 1, "the side is no longer sent"
    bits = sum(10 * sum(counts) for counts in sent)
    assert bits < codec.counted_bits < bits + 6 * len(sent) + 6 * sum(len(counts) > 1 for counts in sent)


def test_two_passes_are_refused_where_sound_comes_in_blocks(tmp_path, capsys):
    codec = parse("lamina:3:two_pass=on")
    with pytest.raises(ValueError, match="Lamina 3 kbps, two passes needs a whole piece"):
        codec.process(voice(48_000, 0.5), 48_000, reset=False)
    assert main(["render", str(tmp_path / "in.wav"), "out.wav", "--rival", "lamina:3:two_pass=on"]) == 2
    assert "Use --two-pass instead." in capsys.readouterr().err


def test_original_is_the_sound_itself():
    sound = voice(44_100, 0.3, 2)
    original = parse("original")
    coded = original.process(sound, 44_100)
    assert np.array_equal(coded, sound) and coded is not sound
    assert original.latency_samples(44_100) == 0


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [
        ("lc3", lamina.plugin.rivals.lc3, "liblc3-0"),
        ("amr-wb", lamina.plugin.rivals.amr_wb, "libvo-amrwbenc0"),
    ],
)
def test_a_missing_library_is_told_with_the_package_that_brings_it(name, module, package, monkeypatch):
    monkeypatch.setattr(module, "library", lambda *_: None)
    with pytest.raises(RivalMissingError, match=rf"is not installed.*sudo apt install {package}"):
        make(name)


def test_a_missing_package_is_told_with_the_extra_that_brings_it(monkeypatch):
    monkeypatch.setattr(lamina.plugin.rivals.codec2, "find_spec", lambda _: None)
    with pytest.raises(RivalMissingError, match=r"Codec 2 needs packages.*pip install 'lamina\[rivals\]'"):
        make("codec2")


def test_an_ffmpeg_without_a_codec_is_told():
    assert "no encoder 'libnothing'" in lamina.plugin.rivals.coding.packets.absent("libnothing", "w")


def test_gsm_is_there_without_its_library_but_takes_whole_pieces(monkeypatch):
    monkeypatch.setattr(lamina.plugin.rivals.gsm, "library", lambda *_: None)
    assert not make("gsm").can_stream and RIVALS["gsm"].missing() is None
    with pytest.raises(RivalMissingError, match="sudo apt install libgsm1"):
        make("gsm", library="libgsm")


def test_lyra_asks_for_its_models(monkeypatch, tmp_path):
    monkeypatch.delenv("LAMINA_LYRA", raising=False)
    with pytest.raises(RivalMissingError, match="the variable LAMINA_LYRA doesn't name a folder"):
        make("lyra")
    with pytest.raises(RivalMissingError, match=r"doesn't hold soundstream_encoder\.tflite"):
        make("lyra", folder=str(tmp_path))


def test_evs_asks_for_its_programs(monkeypatch, tmp_path):
    monkeypatch.delenv("LAMINA_EVS", raising=False)
    with pytest.raises(
        RivalMissingError, match="the variable LAMINA_EVS doesn't name a folder with EVS_cod and EVS_dec"
    ):
        make("evs")
    stand_in_evs(tmp_path)
    (tmp_path / "EVS_dec").unlink()
    with pytest.raises(RivalMissingError, match=r"doesn't hold EVS_dec;"):
        make("evs", folder=str(tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize(("kbps", "options"), [(13.2, {}), (24.4, {"rate": 48_000, "max_band": "FB", "dtx": "on"})])
def test_evs_programs_get_their_arguments_and_their_bits_are_counted(tmp_path, monkeypatch, kbps, options):
    monkeypatch.setenv("LAMINA_EVS", str(stand_in_evs(tmp_path / "evs")))
    rival = make("evs", kbps, **options)
    sound = voice(44_100, 2.0, 2)
    coded = rival.process(sound, 44_100)
    assert coded.shape == sound.shape and not rival.can_stream
    assert rival.counted_kbps == pytest.approx(2 * kbps, rel=0.02)
    for channel in range(2):
        assert abs(lag_of(sound[channel], coded[channel], 44_100)) <= 12  # a sample of the stand-in's in a frame of 33
    assert rival.process(np.zeros(1, np.float32), 8_000).shape == (1,)


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("import sys; sys.exit('no such rate')", "EVS_cod failed with exit code 1 and said: no such rate"),
        ("pass", "did not write G.192 frames"),
        ("import sys; open(sys.argv[-1], 'wb').write(b'RIFF' * 99)", "did not write G.192 frames"),
    ],
)
def test_a_program_that_fails_is_told_in_a_sentence(tmp_path, monkeypatch, body, sentence):
    monkeypatch.setenv("LAMINA_EVS", str(stand_in_evs(tmp_path)))
    (tmp_path / "EVS_cod").write_text(f"#!{sys.executable}\n{body}\n")
    if body == "pass" or "RIFF" in body:
        (tmp_path / "EVS_dec").write_text(f"#!{sys.executable}\n")
    with pytest.raises(ValueError, match=sentence):
        EVS(13.2).process(voice(16_000, 0.2), 16_000)


def test_opus_with_a_network_asks_for_node_and_its_package(monkeypatch, tmp_path):
    monkeypatch.setattr(lamina.plugin.rivals.opus_ml.shutil, "which", lambda _name: "/usr/bin/node")
    monkeypatch.delenv("LAMINA_OPUS_ML", raising=False)
    with pytest.raises(RivalMissingError, match="run `npm install @wasm-audio-decoders/opus-ml` in a folder"):
        parse("opus-ml:12")
    monkeypatch.setenv("LAMINA_OPUS_ML", str(tmp_path))
    assert "doesn't name a folder that holds it" in RIVALS["opus-ml"].missing()
    stand_in_opus_ml(tmp_path)
    assert (
        RIVALS["opus-ml"].missing() is None and parse("opus-ml:12:enhancement=lace").title == "Opus with LACE 12 kbps"
    )
    with pytest.raises(ValueError, match="enhancement is 'more'; choose nolace, lace, none"):
        parse("opus-ml:12:enhancement=more")
    with pytest.raises(ValueError, match="has no option 'folder'"):
        parse(f"opus-ml:12:folder={tmp_path}")
    monkeypatch.setattr(lamina.plugin.rivals.opus_ml.shutil, "which", lambda _name: None)
    with pytest.raises(RivalMissingError, match="needs Node; install it"):
        parse("opus-ml:12")


@pytest.mark.parametrize("n_channels", [1, 2])
def test_node_gets_every_packet_and_gives_its_samples_back_in_their_place(monkeypatch, tmp_path, n_channels):
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    monkeypatch.setenv("LAMINA_OPUS_ML", str(stand_in_opus_ml(tmp_path)))
    codec = parse("opus-ml:16:enhancement=lace")
    sound = voice(48_000, 0.5, n_channels)
    coded = codec.process(sound, 48_000)
    assert coded.shape == sound.shape
    # The stand-in numbers packets, and adds a half for the second channel; libopus' delay of 6.5 ms is taken out.
    at = np.arange(sound.shape[1]) + 312
    for channel in range(n_channels):
        assert np.array_equal(coded[channel], (at // 960 + channel / 2).astype(np.float32) / 1000)
    assert codec.counted_kbps == pytest.approx(16) and codec.counted_bits == 16_000 * 26 * 20 // 1000
    for said, sentence in (
        ("throw", "node failed with exit code 1 and said: wrong options"),
        ("few", "Node gave"),
        ("error", "a bad packet"),
    ):
        stand_in_opus_ml(tmp_path, said)
        with pytest.raises(ValueError, match=sentence):
            codec.process(sound, 48_000)
    with pytest.raises(ValueError, match="can't be streamed"):
        codec.process(sound, 48_000, reset=False)


def test_the_network_hears_what_opus_alone_does_not(monkeypatch):
    """With the package itself, where somebody has it."""
    if RIVALS["opus-ml"].missing() is not None:
        pytest.skip(RIVALS["opus-ml"].missing())
    sound = demo(1, 48_000, 4.0)[:1]
    plain, enhanced = (parse(f"opus-ml:12:enhancement={one}") for one in ("none", "nolace"))
    made = [codec.process(sound, 48_000) for codec in (plain, enhanced)]
    assert plain.counted_bits == enhanced.counted_bits and not np.array_equal(*made)
    own = parse("opus:12:application=voip").process(sound, 48_000)
    assert np.abs(made[0] - own).max() < 1e-3, "without the network it is the same Opus"


def test_the_command_line_lists_and_renders_rivals(tmp_path, capsys):
    from pedalboard.io import AudioFile, WriteableAudioFile

    source, target = tmp_path / "in.wav", tmp_path / "out.wav"
    with WriteableAudioFile(str(source), samplerate=44_100, num_channels=2) as file:
        file.write(voice(44_100, 1.0, 2))
    assert main(["rivals", "--json"]) == 0
    listed = {entry["name"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert list(listed) == list(RIVALS) and listed["opus"]["missing"] is None
    assert main(["rivals"]) == 0
    told = capsys.readouterr().out
    assert "Opus: 6 to 510 kbps" in told
    for kind in RIVALS.values():
        assert all(f" {name}: {values}\n" in told for name, values in kind.options.items())
    for words in (["--rival", "opus", "--kbps", "12"], ["--rival", "opus:12"], ["--rival", "vorbis:96"]):
        assert main(["render", str(source), str(target), "-f", *words]) == 0
        assert "kbps counted in all" in "".join(capsys.readouterr())
        with AudioFile(str(target)) as file:
            assert (file.frames, file.num_channels) == (44_100, 2)
    target.unlink()
    for words, sentence in (
        (["--rival", "opus:12", "--kbps", "6"], "both say the bitrate"),
        (["--rival", "opus", "--layers", "3"], "--layers is a setting of Lamina"),
        (["--rival", "opus", "--preset", "lo-fi"], "--preset is a setting of Lamina"),
        (["--rival", "nothing"], "There is no codec 'nothing'"),
    ):
        assert main(["render", str(source), str(target), *words]) == 2
        assert sentence in capsys.readouterr().err and not target.exists()
    assert main(["render", str(source), "-", "--rival", "vorbis"]) == 2
    assert "can't be put between pipes" in capsys.readouterr().err


def test_naming_rivals_loads_none_of_them():
    seen = subprocess.run(
        [
            sys.executable,
            "-c",
            "import lamina.plugin.board, sys; print('av' in sys.modules, 'ai_edge_litert' in sys.modules)",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert seen.stdout.split() == ["False", "False"]
