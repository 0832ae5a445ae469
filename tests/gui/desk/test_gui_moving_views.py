"""What moves by itself is seen moving.

Marks beside the controls, a playhead, a dot, and the bitrate that is really sent.
"""

import re

import pytest
from gui_parts import wait
from PyQt6.QtWidgets import QApplication

from lamina.gui.model.values.motion_desk import curve, step_index
from lamina.gui.model.values.parameters import ParameterValues
from lamina.gui.model.values.sent import SentRate, bits_of_all, varies
from lamina.plugin import NeuralCodec
from lamina.plugin.parameters.motion import Motion

pytest_plugins = ["gui_fixtures"]

EVERYTHING = (
    Motion("layers", "steps", -0.5, hz=6.0, steps=(0.0, 1.0, 0.5)),
    Motion("mix", "lfo", -0.5, hz=2.0),
    Motion("layer_gains.3", "lfo", 0.4, hz=2.0),
    Motion("slices", "steps", 1.0, hz=6.0, steps=(0.5, 1.0)),
    Motion("slice_length", "steps", -0.4, hz=6.0, steps=(1.0,)),
    Motion("code_feedback", "lfo", 0.3, hz=2.0),
    Motion("bypass", "steps", 1.0, hz=6.0, steps=(0.0, 1.0)),
    Motion("freeze", "steps", 1.0, hz=6.0, steps=(0.0, 1.0)),
)


@pytest.fixture
def moving(window, qtbot):
    """A window in which all of it moves, for as long as it takes."""
    for tab in ("Codes", "Layers"):
        window.desk.open_tab(tab)
    window.session.parameters.set("layers", 16)
    window.session.parameters.set("motions", EVERYTHING)
    window.session.set_looping(True)
    window.toggle_play()
    wait(qtbot, lambda: window.session.moving.values and window.session.sent.layers is not None)
    yield window


def seen(qtbot, read, is_enough):
    """Everything that `read` gives until that is enough."""
    found = set()

    def look():
        found.add(read())
        return is_enough(found)

    wait(qtbot, look)
    return found


def test_marks_stand_where_the_values_are_and_go_when_nothing_moves(moving, qtbot):
    window, values = moving, moving.session.moving
    knobs, by_name = window.controls.knobs, window.desk.controls.by_name
    window._move()
    window._motion.stop()
    mix = knobs["mix"]
    assert mix.moving == pytest.approx(mix.travel.position(values.values["mix"]), abs=1 / 270) and mix.shown == 1.0
    feedback = by_name["code_feedback"][0]
    assert feedback.moving == pytest.approx(feedback.travel.position(values.values["code_feedback"]), abs=1 / 270)
    slices = by_name["slices"][0].control
    assert {word: chip.is_moving for word, chip in slices.buttons.items()} == {
        word: word == values.values["slices"] for word in ("off", "stutter", "reverse")
    }
    assert slices.buttons["off"].isChecked() and by_name["slice_length"][0].control.moving == "1/32"
    assert window.desk.layers.faders.moving_gains == {3: pytest.approx(values.values["layer_gains.3"], abs=0.006)}
    assert knobs["denoise"].moving is None
    assert window.controls.bitrate.moving == window.session.sent.layers / 24
    window._motion.start()
    seen(qtbot, lambda: mix.moving, lambda found: len(found) > 5)
    assert seen(qtbot, lambda: window.controls.bypass.is_moving, lambda found: len(found) == 2) == {True, False}
    assert seen(qtbot, lambda: window.desk.freeze.is_moving, lambda found: len(found) == 2) == {True, False}
    seen(qtbot, lambda: window.usage._n_active, lambda found: found >= {4, 10, 16})
    places = seen(qtbot, lambda: window.controls.bitrate.moving, lambda found: len(found) >= 3)
    assert {round(24 * place) for place in places} == {4, 10, 16}
    window.session.parameters.set("motions", ())
    qtbot.wait(100)
    assert (
        mix.moving is feedback.moving is window.controls.bitrate.moving is None
        and not window.desk.layers.faders.moving_gains
    )
    assert not any(chip.is_moving for chip in slices.buttons.values()) and not by_name["slice_length"][0].control.moving


def test_a_sequence_has_a_playhead_an_lfo_a_dot_on_its_curve_and_a_follower_a_level(moving, qtbot):
    window, session = moving, moving.session
    window.desk.open_tab("Motion")
    tab = window.desk.motion
    picture = tab.editor.picture
    tab.list.setCurrentRow(0)
    seen(qtbot, lambda: picture.playhead, lambda found: found >= {0, 1, 2})
    assert picture.dot is None
    window._motion.stop()
    window._move()
    cycles, height = session.moving.source(EVERYTHING[0])
    assert picture.playhead == step_index(EVERYTHING[0], cycles) and EVERYTHING[0].steps[picture.playhead] == height
    random = Motion("mix", "lfo", -0.5, hz=9.0, shape="random", phase=0.3)
    session.parameters.set("motions", (random,))
    window._motion.start()
    for _ in range(10):
        qtbot.wait(60)
        # What is told of the motions before is not shown any more, and the first frame of these may take a moment.
        wait(qtbot, lambda: picture.dot is not None)
        assert picture.playhead is None
        # The dot lies on the curve that is drawn, however many cycles have gone by.
        line = picture._line(random)
        on_curve = min(abs(point.y() - picture.dot.y()) for point in line if abs(point.x() - picture.dot.x()) <= 2)
        assert on_curve < 1.5
    session.parameters.set("motions", (Motion("mix", "envelope", -0.5),))
    seen(qtbot, lambda: picture.dot and picture.dot.y(), lambda found: len(found) > 3)
    assert picture.dot.x() > picture.width() - 10
    session.player.stop()
    wait(qtbot, lambda: picture.dot is None)


def test_the_two_cycles_that_are_drawn_are_those_that_are_heard():
    motion = Motion("mix", "lfo", shape="random", hz=3.0)
    assert curve(motion, 8, 4) == [
        motion.value(cycles / 3, 120, 0) for cycles in (4, 4.25, 4.5, 4.75, 5, 5.25, 5.5, 5.75)
    ]
    assert curve(motion, 8) != curve(motion, 8, 4)


@pytest.mark.parametrize("swing", [0.5, 0.62, 0.75])
def test_the_playhead_is_on_the_step_that_counts(swing):
    steps = tuple(step / 10 for step in range(7))
    motion = Motion("mix", "steps", hz=1.0, steps=steps, swing=swing)
    for place in range(200):
        assert steps[step_index(motion, place * 0.13)] == motion.value(place * 0.13, 120, 0)


def test_a_repaint_that_shows_nothing_new_is_not_asked_for(moving, qtbot, monkeypatch):
    window = moving
    window._motion.stop()
    window._move()
    asked = []
    for widget in (*window.controls.knobs.values(), window.desk.layers.faders, window.controls.bypass):
        monkeypatch.setattr(widget, "update", lambda *_: asked.append(1))
    for _ in range(3):
        window.controls.show_moving(window.session.moving.values, window.session.sent.layers)
        window.desk.show_moving(window.session.moving, window.session.sent.layers)
    assert not asked


def rate_shown(window):
    found = re.fullmatch(r"now (\d+\.\d) kbps in all", window.controls.caption.remark.text())
    return float(found[1]) if found else None


def test_the_bitrate_that_is_really_sent_is_told_where_it_differs(window, qtbot):
    session, remark = window.session, window.controls.caption.remark
    session.parameters.set("layers", 24)
    assert remark.text() == "per channel; 36.0 kbps in all"
    window.toggle_play()
    wait(qtbot, lambda: session.is_playing and session.listening.usage.n_frames > 20)
    window._tell()
    assert remark.text() == "per channel; 36.0 kbps in all" and session.sent.layers is None
    session.parameters.set("loudness_layers", 1.0)
    # The first frames may still come from before the change, or from a mono board that the file's stereo one has just
    # replaced.
    wait(qtbot, lambda: 18 < (rate_shown(window) or 0) < 36 and window.controls.bitrate.moving < 1)
    window._tell()
    bits = int(window.stage.usage_caption.remark.text().split()[0])
    assert bits < 480 and bits * 75 / 1000 == pytest.approx(rate_shown(window), abs=0.1)
    assert window.controls.bitrate.shown == 24
    session.player.stop()
    wait(qtbot, lambda: rate_shown(window) is None)
    assert window.controls.bitrate.moving is None


def test_what_is_told_as_sent_is_what_the_reports_count(tmp_path):
    import numpy as np

    values, sent = ParameterValues(), SentRate()
    for name, value in {"layers": 20, "loudness_layers": 0.8, "stereo": "mid-side", "side_layers": 3}.items():
        values.set(name, value)
    codec = NeuralCodec()
    values.attach(codec)
    noise = np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32) * np.linspace(
        0, 1, 48_000, dtype=np.float32
    )
    codec(noise, 48_000)
    reports = codec.last_reports
    sent.take(reports, values, 0.03)
    # Of a channel whose frames differ in their number of layers each frame tells it: 1 bit where it stays as it was,
    # 2 and as many as it changes by otherwise (docs/desk/variable-bitrate.md).
    last = reports[-38:]
    told = 0
    for counts in zip(*(report.counts for report in last), strict=True):
        changes = [abs(after - before) for before, after in zip(counts, counts[1:], strict=False)]
        if any(changes):
            told += 1 + sum(2 + change if change else 1 for change in changes)
    assert told > 38
    n_bits = sum(report.bits for report in last) + told
    assert sent.kbps == pytest.approx(n_bits / 38 * 75 / 1000)
    assert sent.bits == round(n_bits / 38)
    assert sent.layers == reports[-1].layers and varies(values)
    sent.take((), values, 1.0)
    assert sent.kbps is None and sent.layers is None


@pytest.mark.parametrize(("stereo", "expected"), [("linked", 16), ("mid-side", 11), ("mono", 8)])
def test_what_all_channels_send_counts_the_side_as_it_is_sent(window, stereo, expected):
    values = window.session.parameters
    values.set("side_layers", 3)
    values.set("stereo", stereo)
    QApplication.processEvents()
    assert bits_of_all(values, 2) == 10 * expected and bits_of_all(values, 1) == 80
    assert f"{expected * 0.75:g}" in window.controls.caption.remark.text()
