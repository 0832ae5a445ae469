"""Whatever is done to codes, what is heard is finite and never far above the input.

Silent in silence, too, the same each time, however it is cut.

`DESK_SNAPSHOTS=10000 DESK_MINUTES=10` runs the long version.
"""

import os

import numpy as np
import pytest
from desk_sounds import RATE, difference, music, render, voice
from sounds import dbfs, demo, noise, push_in_blocks

from lamina.models.runtime import load_runtime
from lamina.plugin import PARAMETERS, Motion, NeuralCodec
from lamina.plugin.desk.guard import Guard
from lamina.plugin.parameters.settings import Settings

N_SNAPSHOTS = int(os.environ.get("DESK_SNAPSHOTS", "600"))
MINUTES = float(os.environ.get("DESK_MINUTES", "0.6"))
TWELVE_DB = 4.0
FIXED = ("passes", "kbps", "motions", "automation", "bypass", "input_gain_db", "output_gain_db")
"""Left alone by the fuzz.

What only a new stream takes, what has a test of its own, and gains, which make things louder on purpose.
"""

EVERYTHING = {
    "layers": 16, "layer_gains": [1.2, 0.7, 1.5], "muted_layers": [5], "frame_loss": 0.2, "loss_model": "bursts",
    "layer_loss": 0.2,
    "bend": "common", "bend_amount": 0.5, "slices": "stutter", "slice_length": "1/16", "code_feedback": 0.6,
    "loudness_layers": 0.3, "variable_rate": True,
    "stereo": "mid-side", "side_layers": 6, "denoise": 0.3, "mix": 0.8, "seed": 11, "passes": 2,
    "motions": [
        Motion("freeze", "steps", 1.0, beats=0.5, steps=(0, 0, 0, 1)),
        Motion("bend_amount", "envelope", -0.4),
        Motion("layers", depth=-0.3),
    ],
}  # fmt: skip


def random_values(random: np.random.Generator) -> dict:
    """A snapshot of all parameters, each anywhere in its range, with most of the desk off now and then."""
    values = {}
    for name, parameter in PARAMETERS.items():
        if name in FIXED or random.random() < 0.3:
            continue
        if parameter.kind == "bool":
            values[name] = bool(random.random() < 0.3)
        elif parameter.kind == "choice":
            values[name] = str(random.choice(parameter.choices[:2] if name == "listen" else parameter.choices))
        elif parameter.kind == "gains":
            values[name] = random.uniform(0, 2, 24).tolist()
        elif parameter.kind == "layers":
            values[name] = random.integers(1, 25, random.integers(0, 5)).tolist()
        elif parameter.kind == "int":
            values[name] = int(random.integers(parameter.minimum, parameter.maximum + 1))
        else:
            values[name] = float(random.uniform(parameter.minimum, parameter.maximum))
    return values


@pytest.mark.slow
def test_any_settings_at_any_moment_stay_finite_and_within_twelve_db():
    """Thousands of random snapshots while music plays, with silences in it, and silence at the end."""
    random = np.random.default_rng(1)
    # So soft that full scale, where everything is limited, is far away.
    piece = np.concatenate(
        [0.1 * demo(0, RATE, 8.0), np.zeros((2, RATE), np.float32), 0.02 * np.repeat(demo(1, RATE, 5.0)[:1], 2, 0)], 1
    )
    audio = np.tile(piece, (1, int(np.ceil(MINUTES * 60 * RATE / piece.shape[1]))))
    audio[:, -RATE:] = 0
    codec = NeuralCodec()
    stream = codec.stream(RATE, 2)
    block = audio.shape[1] // N_SNAPSHOTS
    out = []
    for start in range(0, audio.shape[1], block):
        if start < audio.shape[1] - RATE:
            codec.set_parameters(
                {"seed": int(random.integers(65536)), **Settings().plain(), **random_values(random), "passes": 1}
            )
        out.append(stream.push(audio[:, start : start + block]))
    heard = np.concatenate(out, 1)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() <= TWELVE_DB * np.abs(audio).max()
    assert dbfs(heard) > dbfs(audio) - 20


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_silence_stays_silence(seed):
    """Not a single code of the silence means silence any more, and still nothing is heard."""
    values = random_values(np.random.default_rng(seed))
    codec = NeuralCodec(**{**values, "listen": "wet"})
    assert dbfs(codec(np.zeros((2, RATE), np.float32), RATE)) < -100
    faint = noise(2, RATE, level=1e-4)
    assert dbfs(codec(faint, RATE)) < -80 + 12 + 3


@pytest.mark.slow
@pytest.mark.parametrize("bend", ["offset", "shuffle", "nearest", "common"])
def test_a_quiet_piece_stays_quiet_and_altered_codes_do_not_blow_up(bend):
    for level in (0.3, 0.003):
        audio = level * music() / np.abs(music()).max()
        heard = render(audio, layers=24, bend=bend, layer_gains=[2.0] * 24, bend_nearest=64, bend_offset=512)
        assert np.isfinite(heard).all()
        assert np.abs(heard).max() <= TWELVE_DB * level


def test_altered_sound_is_guarded_for_as_long_as_the_decoder_remembers_it():
    runtime = load_runtime("lamina-24k")
    latents = np.random.default_rng(0).standard_normal((2, 1, 60, runtime.config.latent)).astype(np.float32)
    latents[1] = latents[0]
    latents[1, 0, 0] += 1.0
    one, other = (runtime.decode(z, runtime.decoder_state(1))[0].reshape(60, -1) for z in latents)
    last = int(np.flatnonzero((one != other).any(1))[-1])
    assert 0 < last < 59
    # The first frame is altered and heard for so long: what it is heard in stays below the bound; the gain takes one
    # frame more to return.
    decoded = noise(1, 320 * 60, level=1.0)
    altered = [True] + [False] * 59
    heard = Guard().pass_on(decoded, [0.1] * 60, [1.0] * 60, altered, [False] * 60).reshape(60, -1)
    assert np.abs(heard[: last + 1]).max(1).max() <= TWELVE_DB * 0.1
    assert np.array_equal(heard[last + 2 :], decoded.reshape(60, -1)[last + 2 :])


@pytest.mark.parametrize("is_turned", [False, True])
def test_left_and_right_stay_within_twelve_db_also_where_middle_and_side_are_decoded(is_turned):
    """Left is middle less side: where both are at their loudest, one of the two would be twice as loud."""
    decoded = noise(2, 320 * 20, level=1.0)
    heard = Guard().pass_on(decoded, [0.1] * 20, [1.0] * 20, [True] * 20, [is_turned] * 20)
    left_and_right = np.stack([heard[0] - heard[1], heard[0] + heard[1]]) if is_turned else heard
    assert 0.2 < np.abs(left_and_right).max() <= TWELVE_DB * 0.1


@pytest.mark.slow
def test_a_neutral_desk_changes_no_sample():
    """All controls at hand, none of them doing anything."""
    neutral = {
        "bend": "shuffle", "bend_amount": 0.0, "code_delay": 10, "freeze_frames": 3, "lost_layer": 3,
        "loss_model": "bursts", "seed": 9,
        "slice_length": "1/4", "tempo": 93.0, "concealment": "hold", "listen_layer": 5, "side_layers": 1,
        "cross_layers": 3,
    }  # fmt: skip
    for audio in (music(), voice()):
        for layers in (1, 8, 24):
            assert np.array_equal(render(audio, layers=layers, **neutral), render(audio, layers=layers))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_sound_live_and_offline_and_another_one_another():
    first = render(music(), **EVERYTHING)
    assert np.array_equal(first, render(music(), **EVERYTHING))
    codec = NeuralCodec(search=1, postfilter=0.0, **EVERYTHING)
    stream = codec.stream(RATE, 2)
    live = push_in_blocks(stream, music(), [256])[:, stream.latency_samples :]
    # Contract 1's tolerance: the frames are the same, the resampler's sums differ in the last bit.
    assert np.abs(live - first[:, : live.shape[1]]).max() <= 1e-5
    assert difference(render(music(), **{**EVERYTHING, "seed": 12}), first) > 0.05


@pytest.mark.slow
@pytest.mark.parametrize("rate", [24_000, 44_100, 96_000])
@pytest.mark.parametrize("sizes", [[1, 977], [512], [8192, 31]])
def test_streaming_equals_offline_with_everything_on(rate, sizes):
    audio = demo(0, rate, 1.5)
    whole = NeuralCodec(**EVERYTHING).stream(rate, 2).push(audio)
    cut = push_in_blocks(NeuralCodec(**EVERYTHING).stream(rate, 2), audio, sizes)
    assert np.abs(cut - whole).max() <= 1e-5
    assert difference(whole, NeuralCodec().stream(rate, 2).push(audio)) > 0.1


@pytest.mark.slow
def test_the_latency_is_what_is_said_with_everything_on():
    for passes in (1, 4):
        codec = NeuralCodec(**{**EVERYTHING, "passes": passes, "mix": 0.0, "motions": []})
        stream = codec.stream(RATE, 2, 256)
        out = push_in_blocks(stream, music(), [256])
        assert stream.latency_samples == codec.latency_samples(RATE, 256)
        n_late = stream.latency_samples
        assert np.array_equal(out[:, n_late:], music()[:, : out.shape[1] - n_late])
