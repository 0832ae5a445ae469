"""The losses hear what they are made to hear."""

import math

import numpy as np
import pytest
from sounds import demo

torch = pytest.importorskip("torch", reason="training needs the extra [train]")

from lamina.models.network.layers import OverlapAddConv  # noqa: E402
from lamina.models.network.transform import mdct_basis  # noqa: E402
from lamina.models.training.losses.denoising import DenoisingLoss, DenoisingWeights  # noqa: E402
from lamina.models.training.losses.hearing import LoudnessDistance, ModulationDistance, bark, hearing_threshold  # noqa: E402
from lamina.models.training.losses.losses import LEAST_FIDELITY, LossWeights, ReconstructionLoss  # noqa: E402
from lamina.models.training.losses.mel import LevelDistance  # noqa: E402
from lamina.models.training.losses.spectra import LARGEST_PRODUCT, PowerSpectrum  # noqa: E402

RATE = 24_000


@pytest.fixture(scope="module")
def voice():
    """Two crops of speech, 1 s each."""
    sound = demo(1, RATE, 4.0)[0]
    return torch.from_numpy(np.stack([sound[:RATE], sound[2 * RATE : 3 * RATE]]))


def noise(like, seed=1):
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(seed))


def sine(hertz, level):
    return level * torch.sin(2 * torch.pi * hertz * torch.arange(RATE) / RATE)[None]


@pytest.mark.parametrize(
    ("window", "hop", "n_fft", "bins"),
    [(512, 128, None, None), (768, 384, None, 257), (614, 307, 1024, 200), (2048, 1024, None, None)],
)
def test_power_spectra_equal_a_fourier_transform(voice, window, hop, n_fft, bins):
    """By matrix product (short windows) as by FFT (long ones)."""
    size = n_fft or window
    wanted = torch.stft(
        torch.nn.functional.pad(voice, (0, size - window)),
        size,
        hop,
        window=torch.nn.functional.pad(torch.hann_window(window), (0, size - window)),
        center=False,
        return_complex=True,
    )
    wanted = wanted.abs().square().transpose(1, 2)[..., : bins or size // 2 + 1]
    spectrum = PowerSpectrum(window, hop, n_fft, bins)
    assert hasattr(spectrum, "product") == (window <= LARGEST_PRODUCT)
    got = spectrum(voice)
    assert got.shape == wanted.shape
    assert (got - wanted).abs().max() < 1e-4 * wanted.max()
    # Quiet bins too: relative to each frame's level, 100 dB down.
    assert ((got - wanted).abs() < 1e-3 * wanted + 1e-10 * wanted.amax(-1, keepdim=True) + 1e-9).all()


def test_loudness_is_equal_where_nothing_differs(voice):
    distance = LoudnessDistance(RATE)
    assert distance(voice, voice).abs().max() < 1e-6


def test_the_louder_the_noise_the_farther(voice):
    distance = LoudnessDistance(RATE)
    heard = torch.stack(
        [distance(voice, voice + level * noise(voice)) for level in (1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1)]
    )
    assert (heard[1:] > heard[:-1]).all() and (heard[0] < 0.05 * heard[-1]).all()


def test_an_error_under_a_loud_tone_counts_less_than_one_beside_it():
    distance = LoudnessDistance(RATE)
    target = sine(1000, 0.3)
    masked, apart = (float(distance(target, target + sine(hertz, 0.01))) for hertz in (1010, 4000))
    assert masked < 0.2 * apart


def test_small_differences_of_loudness_are_masked(voice):
    distance = LoudnessDistance(RATE)
    # Loudness grows with the power to 0.23: 1.6 dB more makes a sound 9 % louder, 9.5 dB 66 %; a quarter is masked.
    # What is left lies near the threshold of hearing, where loudness grows faster.
    assert (distance(voice, 1.2 * voice) < 0.05).all()
    assert (distance(voice, 3 * voice) > 5).all()


def test_what_nobody_hears_is_no_error():
    distance = LoudnessDistance(RATE)
    target = sine(1000, 0.1)
    # 79 dB SPL for −23 dBFS: −110 dBFS at 50 Hz is far below the threshold of hearing; at 3 kHz a louder one isn't.
    assert float(distance(target, target + sine(50, 3e-6))) < 1e-4
    assert float(distance(target, target + sine(3000, 1e-3))) > 1e-2


def test_added_sound_counts_more_than_missing_sound():
    distance = LoudnessDistance(RATE)
    with_tone, without = sine(1000, 0.1) + sine(4000, 0.03), sine(1000, 0.1)
    assert float(distance(without, with_tone)) > 1.2 * float(distance(with_tone, without))


def test_critical_bands_and_thresholds_are_those_of_the_literature():
    assert bark(torch.tensor([1000.0])).item() == pytest.approx(8.53, abs=0.02)
    assert bark(torch.tensor([8000.0])).item() == pytest.approx(21.0, abs=0.1)
    quiet = hearing_threshold(torch.tensor([100.0, 1000.0, 3300.0]))
    assert quiet.tolist() == pytest.approx([23.0, 3.4, -5.0], abs=0.3)


def test_modulation_is_equal_where_nothing_differs_and_unrelated_where_everything_does(voice):
    distance = ModulationDistance(RATE)
    assert distance(voice, voice).abs().max() < 1e-3
    assert ((distance(voice, 0.05 * noise(voice)) - 1).abs() < 0.25).all()
    assert (distance(voice, voice.flip(0)) > 0.5).all()


def test_modulation_does_not_hear_gain(voice):
    distance = ModulationDistance(RATE)
    assert distance(voice, 0.3 * voice).abs().max() < 0.01
    noisy = voice + 0.02 * noise(voice)
    assert torch.allclose(distance(voice, noisy), distance(voice, 0.5 * noisy), atol=0.01)


def test_words_get_lost_in_noise_little_by_little(voice):
    distance = ModulationDistance(RATE)
    lost = torch.stack([distance(voice, voice + level * noise(voice)) for level in (0.003, 0.01, 0.03, 0.1)])
    assert (lost[1:] > lost[:-1]).all() and (lost <= 1.3).all()


@pytest.mark.parametrize("samples", [2400, 9600])
def test_short_and_silent_crops_give_finite_losses_and_gradients(samples):
    for module in (LoudnessDistance(RATE), ModulationDistance(RATE)):
        for target in (torch.zeros(1, samples), sine(440, 0.2)[:, :samples]):
            output = torch.zeros(1, samples, requires_grad=True)
            value = module(target, output).sum()
            value.backward()
            assert value.isfinite() and output.grad.isfinite().all()


def test_models_of_hearing_count_in_full_for_speech_only(voice):
    """Spectra make up for it with other sounds, and the waveform counts the more, the more layers are active."""
    loss = ReconstructionLoss(LossWeights(frame_lock_share=0.0), RATE, 320, 80)
    target, output = voice[:, :9600], (voice + 0.01 * noise(voice))[:, :9600]

    def parts(layers, speech):
        torch.manual_seed(0)
        return loss(target, output, torch.full((2,), layers), torch.full((2,), speech))

    (_, spoken), (_, played) = parts(4, 1.0), parts(4, 0.0)
    for name in ("loudness", "modulation"):
        assert float(played[name]) == pytest.approx(0.2 * float(spoken[name]), rel=1e-4)
    for name, weight in (("mel", 1.5), ("transform", 1.5), ("waveform", 1.0)):
        assert float(played[name]) == pytest.approx(weight * float(spoken[name]), rel=1e-4)
    transform = [float(parts(layers, 1.0)[1]["transform"]) for layers in (1, 12, 24)]
    assert transform[1] == pytest.approx(transform[0] * (12 + 12) / (12 + 1), rel=1e-4)
    assert transform[2] == pytest.approx(transform[0] * (12 + 24) / (12 + 1), rel=1e-4)


def test_quiet_crops_count_nearly_as_much_as_loud_ones(voice):
    loss = ReconstructionLoss(LossWeights(frame_lock_share=0.0), RATE, 320, 80)
    target, output = voice[:, :9600], (voice + 0.01 * noise(voice))[:, :9600]
    for name, least in (("waveform", 0.7), ("transform", 0.5)):
        values = []
        for level in (1.0, 0.1):
            torch.manual_seed(0)
            values.append(float(loss(level * target, level * output, torch.full((2,), 4), torch.ones(2))[1][name]))
        assert least < values[1] / values[0] < 1.1


def test_the_whole_loss_is_near_zero_at_equality_and_its_parts_add_up(voice):
    target = voice[:, :9600]
    # Frame lock is about 0 even where it is heard: a short sound has some by chance.
    # Fidelity is a logarithm: the better, the lower.
    loss = ReconstructionLoss(LossWeights(frame_lock_share=0.0, fidelity=0.0), RATE, 320, 80)
    assert abs(float(loss(target, target, torch.full((2,), 4), torch.ones(2))[0])) < 1e-3
    weights = LossWeights(frame_lock_share=1.0)
    loss = ReconstructionLoss(weights, RATE, 320, 80)
    total, parts = loss(target, target + 0.01 * noise(target), torch.full((2,), 4), torch.ones(2))
    assert set(parts) == {"mel", "transform", "loudness", "modulation", "level", "fidelity", "waveform", "frame_lock"}
    assert float(total) == pytest.approx(
        sum(getattr(weights, name) * float(part) for name, part in parts.items()), rel=1e-4
    )


def test_a_sound_that_is_too_dull_is_off_in_level_whatever_its_phases():
    level = LevelDistance(RATE)
    sound = noise(torch.zeros(2, 9600))
    other = noise(torch.zeros(2, 9600), seed=2)
    as_loud, softer = level(sound, other), level(sound, 0.5 * other)
    # Half the amplitude is ln 4 in power; what is left at equal level is chance.
    assert float(as_loud.max()) < 0.35
    assert torch.allclose(level(sound, 0.5 * sound), torch.full((2,), math.log(4)), atol=0.02)
    assert (softer > as_loud + 0.9).all()
    assert float(level(sound, sound).abs().max()) == 0


def test_fidelity_counts_decibels_the_more_the_more_layers(voice):
    loss = ReconstructionLoss(LossWeights(frame_lock_share=0.0), RATE, 320, 80)
    target = voice[:, :9600]

    def fidelity(error, layers):
        output = target + error * noise(target) * target.square().mean(-1, keepdim=True).sqrt()
        return float(loss(target, output, torch.full((2,), layers), torch.ones(2))[1]["fidelity"])

    # Ten times less error is 20 dB, ln 100.
    assert fidelity(0.1, 24) - fidelity(0.01, 24) == pytest.approx(math.log(100), rel=0.02)
    assert fidelity(0.1, 12) == pytest.approx(fidelity(0.1, 24) * (1 + LEAST_FIDELITY) / 2, rel=0.01)


def test_a_denoiser_loses_more_by_taking_voice_away_than_by_leaving_noise():
    loss = DenoisingLoss(DenoisingWeights(fidelity=0, companded=0), 24_000, 320, 80)
    voice = 0.1 * noise(torch.empty(2, 320 * 40), seed=1)
    mixture = voice + 0.1 * noise(voice, seed=2)
    assert float(loss(voice, voice, mixture)[0]) < 1e-6
    less, more = (float(loss(voice, voice * gain, mixture)[0]) for gain in (0.8, 1.2))
    assert less > 1.5 * more > 0


def test_a_denoisers_loss_sees_the_codecs_own_coefficients():
    """So what its synthesis is given is what the loss weighs, coefficient by coefficient."""
    basis = mdct_basis(320, 80)
    synthesis = OverlapAddConv(320, 1, 320, 80, bias=False)
    synthesis.linear.weight.data = basis.t().contiguous()
    c = noise(torch.empty(1, 12, 320))
    with torch.no_grad():
        y = synthesis(c, synthesis.initial_state())[0][:, 80:, 0]
        seen = DenoisingLoss(DenoisingWeights(), 24_000, 320, 80)._coefficients(y)
    assert torch.allclose(seen[:, :10], c[:, 1:11], atol=1e-5)
