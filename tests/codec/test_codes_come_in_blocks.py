"""Encoders and decoders that take a piece bit by bit give what they give of the whole, bit for bit."""

import numpy as np
import pytest
from desk_sounds import FRAME, RATE, music, voice
from sounds import demo, noise

from lamina.plugin import Codes, Motion, NeuralCodec
from lamina.plugin.codes_file.codes import join_codes

SETTINGS = {
    "plain": {"layers": 9},
    "one layer": {"layers": 1, "search": 1},
    "gains": {"layers": 6, "input_gain_db": -6.0, "output_gain_db": 3.0, "denoise": 0.4},
    "side": {"layers": 5, "stereo": "mid-side", "side_layers": 8},
    "mono": {"layers": 4, "stereo": "mono"},
    "loudness": {"layers": 9, "loudness_layers": 0.7},
    "variable": {"layers": 8, "variable_rate": True},
    "now and then variable": {
        "layers": 8,
        "motions": [Motion("variable_rate", "steps", 1.0, beats=0.5, steps=(0, 1, 1, 0))],
    },
    "generations": {"layers": 6, "passes": 3},
    "losses": {"layers": 6, "frame_loss": 0.3},
    "frozen": {"layers": 6, "freeze": True},
    "a layer": {"layers": 6, "listen": "layer", "listen_layer": 2},
    "noise": {"layers": 6, "noise_only": True, "denoise": 0.7},
    "motion": {
        "layers": 8,
        "motions": [
            Motion("layers", source="envelope", depth=0.4),
            Motion("input_gain_db", hz=2.0, depth=0.2, phase=0.5),
            Motion("output_gain_db", source="envelope", depth=-0.4),
            Motion("layer_gains.1", hz=3.0, depth=-0.4),
        ],
    },
}


def cuts(n, most, seed=0):
    """Edges of blocks of any length, some of them empty."""
    random, edges = np.random.default_rng(seed), [0]
    while edges[-1] < n:
        edges.append(min(n, edges[-1] + int(random.integers(0, most))))
    return list(zip(edges, edges[1:], strict=False))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100])
@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_any_cutting_gives_the_codes_and_the_sound_of_the_whole(settings, rate):
    sound = demo(0, rate, 1.0)
    audio = np.stack([sound[0], sound[-1, ::-1]])
    codec = NeuralCodec(**settings)
    whole = codec.encode(audio, rate)
    encoder = codec.encoder(rate, 2)
    parts = [encoder.push(audio[:, a:b]) for a, b in cuts(audio.shape[1], rate // 5)]
    assert join_codes([*parts, encoder.flush()]) == whole
    for to in (None, 48_000):
        decoder = codec.decoder(to)
        heard = [decoder.push(whole[a:b]) for a, b in cuts(len(whole), 9)] + [decoder.flush()]
        assert np.array_equal(np.concatenate(heard, 1), codec.decode(whole, to))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8_000, 24_000, 44_100, 96_000])
def test_what_moves_before_the_codec_is_encoded_as_it_is_played(rate):
    """From the first sample on: a gain that begins elsewhere than where it is set."""
    codec = NeuralCodec(layers=4, motions=[Motion("input_gain_db", hz=1.5, depth=-0.4, phase=0.3), Motion("layers")])
    audio = demo(1, rate, 1.0)
    assert np.array_equal(NeuralCodec().decode(codec.encode(audio, rate)), codec(audio, rate))


@pytest.mark.parametrize("n_samples", [0, 1, 639, 640, 641])
def test_short_pieces_are_whole_when_they_are_flushed(n_samples):
    codec, audio = NeuralCodec(layers=2), noise(2, 641)[:, :n_samples]
    encoder, decoder = codec.encoder(RATE, 2), codec.decoder()
    assert len(encoder.push(audio)) == 0
    rest = encoder.flush()
    assert rest == codec.encode(audio, RATE) and rest.n_samples == n_samples
    first = decoder.push(rest)
    assert first.shape[1] + decoder.flush().shape[1] == n_samples


def test_sound_comes_as_soon_as_it_can():
    """A decoder that waits for the end would be none of a stream."""
    codec = NeuralCodec(layers=2, search=1)
    codes = codec.encode(voice()[:, : 40 * FRAME], RATE)
    decoder = codec.decoder()
    heard = 0
    for frame in range(len(codes)):
        heard += decoder.push(codes[frame : frame + 1]).shape[1]
        assert heard >= (frame - 1) * FRAME
    altered = NeuralCodec(layers=2, muted_layers=[2], motions=[Motion("mix")]).decoder()
    assert sum(altered.push(codes[frame : frame + 1]).shape[1] for frame in range(30)) > 25 * FRAME


def test_a_piece_that_has_ended_takes_nothing_more():
    codec = NeuralCodec(layers=1, search=1)
    encoder, decoder = codec.encoder(RATE, 1), codec.decoder()
    codes = encoder.push(voice()[:, :5000])
    decoder.push(codes)
    encoder.flush(), decoder.flush()
    for call in (lambda: encoder.push(voice()), encoder.flush, lambda: decoder.push(codes), decoder.flush):
        with pytest.raises(ValueError, match="has ended"):
            call()


def test_what_does_not_belong_to_the_piece_is_refused_and_changes_nothing():
    codec = NeuralCodec(layers=2, search=1)
    audio = voice()[:, : 20 * FRAME]
    encoder = codec.encoder(RATE, 1)
    begun = encoder.push(audio[:, :1000])
    for wrong in (np.zeros((2, 100), np.float32), np.full((1, 9), np.nan, np.float32), np.zeros((1, 9), np.int16)):
        with pytest.raises((ValueError, TypeError)):
            encoder.push(wrong)
    parts = [begun, encoder.push(audio[:, 1000:]), encoder.flush()]
    whole = codec.encode(audio, RATE)
    assert join_codes(parts) == whole
    decoder = codec.decoder()
    first = decoder.push(whole[:10])
    other = codec.encode(audio, 24_000)
    for wrong in (other, whole.codes, Codes(whole.codes, whole.counts, RATE, 9, 1, "x", "0" * 64)):
        with pytest.raises((ValueError, TypeError)):
            decoder.push(wrong)
    rest = [decoder.push(whole[10:]), decoder.flush()]
    assert np.array_equal(np.concatenate([first, *rest], 1), codec.decode(whole))
    with pytest.raises(ValueError, match="8 channels"):
        codec.encoder(RATE, 9)


def test_what_only_the_sender_hears_cannot_be_decoded_however_it_is_chosen():
    codes = NeuralCodec(layers=1, search=1).encode(voice()[:, :4000], RATE)
    codec = NeuralCodec(motions=[Motion("listen")])
    with pytest.raises(ValueError, match="A motion moves listen"):
        codec.decode(codes)
    codec = NeuralCodec()
    codec.automate("listen", [0.0, 1.0], ["wet", "latent"])
    with pytest.raises(ValueError, match="listen is 'latent'"):
        codec.decode(codes)
    codec.automate("listen", [0.0, 1.0], ["wet", "layer"])
    assert codec.decode(codes).shape == (1, 4000)


@pytest.mark.slow
@pytest.mark.parametrize("search", [1, 4])
def test_fewer_layers_are_played_exactly_as_if_the_others_had_not_been_sent(search):
    audio = music()[:, : 2 * RATE]
    full = NeuralCodec(layers=24, search=search).encode(audio, RATE)
    codec = NeuralCodec()
    for layers in (8, 12, 24):
        assert np.array_equal(codec.decode(full, layers=layers), codec.decode(full.peeled(layers)))
    # The first layers are the memory's own, so that what is foreseen without them would be something else.
    five = codec.decode(full, layers=5)
    assert not np.array_equal(five, codec.decode(full.peeled(5)))
    assert not np.array_equal(five, codec.decode(full, layers=6))
    with pytest.raises(ValueError, match="to 3 layers, not to 2"):
        codec.decode(full, layers=2)
    with pytest.raises(ValueError, match="layers is 25"):
        codec.decode(full, layers=25)
