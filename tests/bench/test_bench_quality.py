"""The quality benchmark.

Its mixtures are exact, its memory doesn't lie, its targets and counts say what was measured.
"""

import json
import math
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

import measuring
import quality
from codebooks import CodebookUse, Silence, codebook_use, silence_out
from compare import print_comparison
from heldout import Window, read_windows, with_noise
from metrics import Scores, scores
from musts import Target, print_targets, targets
from results import Result, Results
from score_cache import CacheError, Remembered, ScoreCache, score_key, window_hash

from lamina.models.runtime import load_runtime
from lamina.plugin.metrics.waveform import si_sdr

NAN = float("nan")
BUNDLE = "tried"


def noise(seconds: float, seed: int = 0, level: float = 0.1) -> np.ndarray:
    return (level * np.random.default_rng(seed).standard_normal(round(seconds * 24_000))).astype(np.float32)


def window(kind: str = "speech", seed: int = 0) -> Window:
    samples = noise(1, seed)
    return Window("clip", 0, kind, samples, samples)


def made_up(**given: float) -> Scores:
    return Scores(
        **{"visqol": NAN, "pesq": NAN, "estoi": NAN, "si_sdr": NAN, "log_mel": NAN, "frame_lock": NAN, "dnsmos": NAN}
        | given
    )


def result(
    system: str, setting: str, found: Scores, kind: str = "speech", clip: str = "a", layers: int | None = None, **more
) -> Result:
    return Result(system, setting, 3.0, clip, 0, kind, more.pop("snr_db", None), found, layers, **more)


@pytest.fixture
def heldout(tmp_path):
    for folder, files in {"speech": 3, "music": 2, "noise": 2}.items():
        (tmp_path / folder).mkdir()
        for index in range(files):
            soundfile.write(tmp_path / folder / f"{folder}{index}.flac", noise(3, index, 0.2), 24_000)
    return tmp_path


@pytest.mark.parametrize("snr_db", [0.0, 5.0, 15.0])
def test_speech_and_noise_meet_at_the_level_asked_for(snr_db):
    reference, heard = with_noise(noise(2, 1, 0.3), [noise(1, 2, 0.01), noise(5, 3, 0.2)], snr_db, "clip:0")
    added = (heard - reference).astype(np.float64)
    measured = 10 * np.log10(np.mean(reference.astype(np.float64) ** 2) / np.mean(added**2))
    assert measured == pytest.approx(snr_db, abs=0.01)
    assert np.abs(heard).max() <= 1.0


def test_a_mixture_depends_on_its_name_only(heldout):
    def mixtures(clips):
        found = read_windows(heldout, ("noisy",), clips, 1, 2, (5.0,))
        return {(one.clip, one.index): one.heard - one.reference for one in found}

    every, few = mixtures(None), mixtures(2)
    assert len(every) == 6 and len(few) == 4
    assert all(np.array_equal(every[name], added) for name, added in few.items())
    # Not the same stretch of noise at another level.
    assert abs(np.corrcoef(every["speech0", 0], every["speech1", 0])[0, 1]) < 0.9


def test_noisy_speech_is_judged_against_the_clean_window(heldout):
    found = list(read_windows(heldout, ("speech", "music", "noisy"), None, 1, 1, (0.0, 10.0)))
    clean = {one.clip: one.reference for one in found if one.kind == "speech"}
    noisy = [one for one in found if one.kind == "noisy"]
    assert {one.snr_db for one in noisy} == {0.0, 10.0}
    for one in noisy:
        assert si_sdr(clean[one.clip], one.reference) > 60  # the same but for the level
        assert not np.array_equal(one.heard, one.reference)


def test_without_noises_there_is_no_noisy_speech(heldout):
    for path in (heldout / "noise").iterdir():
        path.unlink()
    assert {one.kind for one in read_windows(heldout, ("speech", "noisy"), None, 1, 1, (5.0,))} == {"speech"}


def test_only_what_is_asked_for_is_measured():
    found = scores(noise(1), noise(1, 1), frozenset({"si_sdr"}))
    assert math.isfinite(found.si_sdr)
    assert all(math.isnan(value) for name, value in vars(found).items() if name != "si_sdr")


def test_what_was_measured_is_found_again_and_nothing_else(tmp_path):
    path = tmp_path / "scores.json"
    cache = ScoreCache(path)
    key = score_key(window_hash(window()), "Opus 12 kbps", frozenset({"visqol"}), (), ())
    cache.put(key, Remembered(made_up(visqol=4.5), 12.05))
    cache.save()
    again = ScoreCache(path).get(key)
    assert again is not None
    assert again.scores.visqol == 4.5 and again.kbps == 12.05 and math.isnan(again.scores.pesq)

    others = [
        score_key(window_hash(window(seed=1)), "Opus 12 kbps", frozenset({"visqol"}), (), ()),
        score_key(window_hash(window()), "Opus 16 kbps", frozenset({"visqol"}), (), ()),
        score_key(window_hash(window()), "Opus 12 kbps", frozenset({"visqol", "pesq"}), (), ()),
        score_key(window_hash(window()), "Opus 12 kbps", frozenset({"visqol"}), (Path(__file__),), ()),
        score_key(window_hash(window()), "Opus 12 kbps", frozenset({"visqol"}), (), ("numpy",)),
    ]
    assert all(ScoreCache(path).get(other) is None for other in others)


@pytest.mark.parametrize("text", ["", "[]", '{"format": 99, "scores": {}}', '{"format": 1}'])
def test_a_file_of_something_else_is_not_taken_for_scores_and_stays(tmp_path, text):
    path = tmp_path / "notes.json"
    path.write_text(text)
    with pytest.raises(CacheError, match=r"notes\.json"):
        ScoreCache(path)
    assert path.read_text() == text


def test_remembered_codecs_are_not_measured_again(monkeypatch):
    cache = ScoreCache()
    bundle = load_runtime("lamina-24k").bundle
    windows = [window(), window("music", 1)]
    jobs = [job for one in windows for job in measuring._jobs(one, {BUNDLE: bundle}, (4,), None, {})]
    for job in jobs:
        cache.put(job.key, Remembered(made_up(visqol=4.0), 3.0))
    monkeypatch.setattr(
        measuring.multiprocessing, "get_context", lambda *_: pytest.fail("nothing should be left to measure")
    )
    found = measuring.measure(windows, {BUNDLE: bundle}, (4,), None, cache, 1)
    assert len(found) == len(jobs) >= 2 * (1 + len(measuring.OPUS_KBPS))
    assert found.mean("speech", BUNDLE, "4 layers", "visqol") == 4.0


def test_denoise_is_measured_only_on_bundles_that_can():
    bundle = load_runtime("lamina-24k").bundle
    able, unable = replace(bundle, conditioned=True), replace(bundle, conditioned=False)
    assert measuring._settings("speech", able, (1, 4)) == [(1, 0.0), (4, 0.0), (4, 1.0)]
    assert measuring._settings("noisy", able, (1, 4)) == [(4, 0.0), (4, 1.0)]
    assert measuring._settings("music", able, (1, 4)) == [(1, 0.0), (4, 0.0)]
    assert measuring._settings("noisy", unable, (1, 4)) == [(4, 0.0)]


def test_perplexity_is_the_number_of_entries_in_even_use():
    class Counting:
        """Chooses the codes 0, 1, 2 … in layer 1 and always 7 in layer 2."""

        config = SimpleNamespace(frame=320, layers=2, codebook_size=1024)

        def code(self, samples):
            frames = samples.shape[1] // 320
            return np.stack([np.arange(frames) % 1024, np.full(frames, 7)], -1)[None].astype(np.uint16), None

    use = codebook_use(Counting(), [np.zeros(320 * 1024, np.float32), np.zeros(320 * 2048 + 5, np.float32)])
    assert use.frames == 3072
    assert use.perplexity == pytest.approx((1024, 1))
    assert use.entropy_bits == pytest.approx((10, 0))
    assert use.used == (1024, 1)


@pytest.mark.slow
def test_silence_is_measured_at_its_loudest():
    runtime = load_runtime("lamina-24k")
    quiet = silence_out(runtime, (1, 24))
    assert quiet.rms_dbfs < -70

    class Humming:
        """The same codec with a direct current of −40 dBFS at 24 layers."""

        bundle, config = runtime.bundle, runtime.config

        def __getattr__(self, name):
            return getattr(runtime, name)

        def quantized(self, samples, layers):
            self.layers = layers
            return runtime.quantized(samples, layers)

        def decode(self, z, state, denoise=0.0, layers=None):
            y, after = runtime.decode(z, state, denoise, layers)
            return y + np.float32(0.01 if self.layers == 24 else 0), after

    humming = silence_out(Humming(), (1, 24))
    assert humming.rms_dbfs == pytest.approx(-40, abs=0.1)
    assert humming.dc_dbfs == pytest.approx(-40, abs=0.1)
    assert humming.setting.startswith("24 layers")


def test_rivals_of_the_same_run_stand_beside_the_targets():
    def found(pesq: float, rival: float) -> Target:
        results = Results(
            [
                result(BUNDLE, "16 layers", made_up(pesq=pesq), layers=16),
                result("Opus", "12 kbps", made_up(pesq=rival)),
            ]
        )
        (one,) = [
            one for one in targets(results, BUNDLE, 0.75) if (one.where, one.measure) == ("speech, 12 kbps", "pesq")
        ]
        return one

    assert (found(3.6, 3.55).verdict, found(3.6, 3.55).source) == ("met", "Opus 12: 3.550")
    assert found(3.4, 3.2).verdict == "MISSED"
    assert found(3.8, 4.0).verdict == "aim" and found(3.8, float("nan")).source == ""


def test_a_step_without_gain_is_missed_where_less_is_better_too():
    def least(values: list[float]) -> Target:
        rows = [
            result(BUNDLE, f"{layers} layers", made_up(log_mel=value), layers=layers)
            for layers, value in zip((1, 2, 4, 8, 16, 24), values, strict=True)
        ]
        (found,) = [
            one
            for one in targets(Results(rows), BUNDLE, 0.75)
            if one.measure.startswith("log_mel") and one.where.startswith("speech")
        ]
        return found

    assert least([6, 5, 4, 3, 2, 1]).verdict == "met"
    assert least([6, 5, 4, 4.1, 2, 1]).verdict == "MISSED"
    assert least([6, 5, 4, 4.1, 2, 1]).value == pytest.approx(-0.1)


def test_few_frames_say_nothing_about_codebooks():
    def verdict(frames: int, least: float) -> str:
        use = CodebookUse(frames, (least, 900.0), (9.0, 9.8), (1000, 1000))
        (found,) = [one for one in targets(Results(), BUNDLE, 0.75, use) if one.where.startswith("codebooks")]
        return found.verdict

    assert verdict(29_000, 700) == "not measured"
    assert [verdict(37_000, least) for least in (300, 400, 700)] == ["MISSED", "met", "aim"]


def test_quieter_is_better_for_silence():
    def verdict(rms: float) -> str:
        (found,) = [
            one for one in targets(Results(), BUNDLE, 0.75, None, Silence(rms, -120, "")) if one.measure == "out dBFS"
        ]
        return found.verdict

    assert [verdict(rms) for rms in (-60, -75, -90)] == ["MISSED", "met", "aim"]


def test_denoise_targets_are_gains_over_denoise_0():
    rows = [
        result(BUNDLE, "24 layers", made_up(si_sdr=4.0, dnsmos=2.0), "noisy", layers=24, snr_db=5.0),
        result(
            BUNDLE, "24 layers, denoise 1", made_up(si_sdr=9.5, dnsmos=2.2), "noisy", layers=24, snr_db=5.0, denoise=1.0
        ),
        result(
            BUNDLE,
            "24 layers, denoise 1",
            made_up(si_sdr=20.0, dnsmos=4.0),
            "noisy",
            layers=24,
            snr_db=15.0,
            denoise=1.0,
        ),
    ]
    found = {one.measure: one for one in targets(Results(rows), BUNDLE, 0.75)}
    assert found["si_sdr, gain"].value == pytest.approx(5.5) and found["si_sdr, gain"].verdict == "met"
    assert found["dnsmos, gain"].value == pytest.approx(0.2) and found["dnsmos, gain"].verdict == "MISSED"


def test_the_table_of_targets_counts_what_it_lists(capsys):
    print_targets(
        [Target("a", "m", 1, 0), Target("b", "m", 1, 0, 0.5), Target("c", "m", -1, 0), Target("d", "m", NAN, 0)]
    )
    assert "2 of 4 targets met (1 with their aim), 1 missed, 1 not measured." in capsys.readouterr().out


@pytest.mark.parametrize(("clips", "warns"), [(2, True), (6, False)])
def test_a_comparison_over_few_clips_says_so(capsys, clips, warns):
    rows = [
        result(system, "4 layers", made_up(visqol=3.0 + clip), clip=f"clip{clip}", layers=4)
        for clip in range(clips)
        for system in ("new", "old")
    ]
    print_comparison(Results(rows), "new", "old", (4,), 0.75)
    assert ("Only 2 clips" in capsys.readouterr().out) == warns


def test_the_comparison_says_at_a_glance_where_a_bundle_is_better(capsys):
    random = np.random.default_rng(0)
    rows = []
    for clip in range(12):
        level = random.normal(3, 0.5)
        for layers, gain in ((4, 0.3), (8, -0.3)):
            for system, shift in (("new", gain), ("old", 0.0)):
                found = made_up(visqol=level + shift + random.normal(0, 0.05), log_mel=5 + shift)
                rows.append(result(system, f"{layers} layers", found, clip=f"clip{clip}", layers=layers))
    print_comparison(Results(rows), "new", "old", (4, 8), 0.75)
    lines = capsys.readouterr().out.splitlines()
    assert any(line.strip().startswith("3 kbps: BETTER (1 better, 0 worse") for line in lines)
    assert any(line.strip().startswith("6 kbps: WORSE (0 better, 1 worse") for line in lines)
    assert lines[-1].strip().startswith("overall: MIXED (1 better, 1 worse")
    assert any("log-mel" in line and line.endswith("(not counted)") for line in lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--bundle", "nowhere"], "nowhere"),
        (["--layers", "25"], "--layers"),
        (["--layers", "0"], "--layers"),
        (["--clips", "0"], "--clips"),
        (["--window", "0"], "--window"),
        (["--window", "60"], "60 s"),
        (["--picture", "quality.txt"], ".png"),
        (["--more", "nowhere"], "nowhere"),
        (["--cache", "speech"], "speech"),
    ],
)
def test_what_can_not_be_measured_is_refused_before_anything_is_written(
    heldout, monkeypatch, capsys, arguments, reason
):
    monkeypatch.chdir(heldout)
    assert quality.main(["--heldout", str(heldout), *arguments]) == 2
    out, error = capsys.readouterr()
    assert reason in error and not out
    assert len(error.strip().splitlines()) == 1
    assert not (heldout / "bench-out").exists()


@pytest.mark.slow
def test_a_run_ends_in_json_and_a_picture(heldout, tmp_path):
    pytest.importorskip("visqol", reason="visqol-python is part of the extra bench")
    pytest.importorskip("pesq", reason="pesq is part of the extra bench")
    pytest.importorskip("av", reason="av is part of the extra bench")
    pytest.importorskip("matplotlib", reason="matplotlib is part of the extra bench")
    out, picture = tmp_path / "found" / "quality.json", tmp_path / "found" / "quality.png"
    options = [
        "--heldout",
        str(heldout),
        "--kinds",
        "music",
        "--layers",
        "4",
        "--clips",
        "1",
        "--window",
        "1",
        "--seconds",
        "1",
    ]
    assert quality.main([*options, "--processes", "1", "--out", str(out), "--picture", str(picture)]) == 0
    found = json.loads(out.read_text())
    assert {one["codec"] for one in found["windows"]} == {
        "lamina-24k, 4 layers",
        *(f"Opus {kbps} kbps" for kbps in measuring.OPUS_KBPS),
    }
    for one in found["windows"]:
        if one["system"] == "Opus":  # the rate is counted, not copied from the setting
            asked = float(one["setting"].removesuffix(" kbps"))
            assert one["kbps"] != asked and one["kbps"] == pytest.approx(asked, rel=0.05)
    assert picture.read_bytes().startswith(b"\x89PNG")
