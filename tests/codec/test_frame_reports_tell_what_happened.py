"""Frame reports: every frame once and in order, with the codes, energies and levels of that frame and channel."""

import numpy as np
import pytest
from sounds import demo, noise

from lamina.models.runtime import load_runtime
from lamina.plugin import NeuralCodec

RATE, FRAME = 24_000, 320  # the codec's own rate: frames begin where the input's do


def test_every_frame_is_reported_once_and_in_order():
    codec, told = NeuralCodec(layers=3), []
    codec.on_report = told.append
    stream = codec.stream(RATE, 2)
    for size in (1, 319, 640, 5000, 40):
        stream.push(noise(2, size))
    assert [report.index for report in told] == list(range(6000 // FRAME))
    assert list(stream.reports) == told
    stream.reset()
    stream.push(noise(2, FRAME))
    assert told[-1].index == 0


def test_a_report_holds_the_frame_it_is_about():
    codec = NeuralCodec(layers=5)
    sound = np.concatenate([demo(0, RATE, 0.4)[:1], 0.5 * demo(1, RATE, 0.4)[:1]])
    stream = codec.stream(RATE, 2)
    stream.push(sound[:, : 10 * FRAME])
    codec.layers = 2
    stream.push(sound[:, 10 * FRAME : 20 * FRAME])
    reports = list(stream.reports)
    assert [report.layers for report in reports] == [5] * 10 + [2] * 10
    runtime = load_runtime("lamina-24k")
    codes, counts = np.zeros((2, 20, 5), np.uint16), np.array([[report.layers for report in reports]] * 2)
    for report in reports:
        codes[:, report.index, : report.layers] = report.codes
    foreseen = runtime.loop(2).decode(codes, counts)
    for report in reports:
        frame = sound[:, report.index * FRAME : (report.index + 1) * FRAME]
        assert report.codes.shape == report.layer_energy.shape == (2, report.layers) and report.codes.dtype == np.uint16
        assert report.input_rms == pytest.approx(np.sqrt((frame.astype(np.float64) ** 2).mean(1)), rel=1e-5)
        for channel, layer in np.ndindex(report.codes.shape):
            # With five layers the first says where to look: what it adds is what was foreseen. With two there is no
            # such layer.
            row = layer if report.layers == 5 else runtime.config.layers + layer
            entry = foreseen[channel, report.index] if row == 0 else runtime.entries[row, report.codes[channel, layer]]
            assert report.layer_energy[channel, layer] == pytest.approx(float(entry @ entry), rel=1e-5)
        assert report.seconds > 0


def test_last_reports_are_those_of_the_last_call():
    codec = NeuralCodec()
    codec(noise(1, 12 * FRAME), RATE)
    first = codec.last_reports
    codec(noise(1, 12 * FRAME), RATE)
    assert [r.index for r in codec.last_reports] == [r.index for r in first]
    assert np.array_equal(first[3].codes, codec.last_reports[3].codes)


@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.5, 4.0])  # a call of one stretch, and one that two threads share
def test_channels_stay_apart(seconds):
    voice = demo(1, RATE, seconds)[0]
    left_only = np.stack([voice, np.zeros_like(voice)])
    out = NeuralCodec()(left_only, RATE)
    assert np.abs(out[0]).max() > 0.1 and np.abs(out[1]).max() < 1e-3
    assert np.allclose(out[0], NeuralCodec()(voice, RATE), rtol=0, atol=1e-6)
