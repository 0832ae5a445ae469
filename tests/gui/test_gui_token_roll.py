"""The codes roll by in step with the spectrograms, and each layer's entropy stands beside them."""

from types import SimpleNamespace

import numpy as np
import pytest
from gui_parts import wait
from PyQt6.QtCore import QPoint, QPointF, Qt
from PyQt6.QtWidgets import QApplication

from lamina.gui.model.sound.entropy import LEAST_FRAMES, CodeEntropy
from lamina.gui.model.sound.token_roll import NONE, SLACK, TokenRoll, ranks_of
from lamina.models.coding.likeness import principal_ranks
from lamina.plugin import NeuralCodec

pytest_plugins = ["gui_fixtures"]


def report(codes, counts=()):
    """A frame of `[channels, layers]` codes."""
    codes = np.asarray(codes, np.uint16)
    return SimpleNamespace(codes=codes, layers=codes.shape[1], counts=counts)


def entropy_of(*columns, n_frames=3000):
    """Entropy after frames whose layers' codes are what each of `columns` gives for a frame's number."""
    entropy = CodeEntropy()
    for index in range(n_frames):
        entropy.push(report([[column(index) for column in columns]]))
    return entropy


def test_entropy_is_of_a_code_in_bits():
    chance = np.random.default_rng(3)
    entropy = entropy_of(
        lambda _: 7, lambda index: index % 2, lambda _: chance.integers(128), lambda _: chance.integers(1024)
    )
    bits = entropy.bits()
    assert bits[0] == 0.0 and bits[1] == pytest.approx(1.0, abs=0.01) and bits[2] == pytest.approx(7.0, abs=0.05)
    # Some 3000 codes of 1024 look like 9.7 bits; what they lack is added, as far as it can be known.
    assert 9.8 < bits[3] <= 10.0
    assert np.isnan(bits[4:]).all()  # layers that aren't sent
    assert entropy.frame_bits() == pytest.approx(bits[:4].sum())
    assert entropy.words() == f"entropy {bits[:4].sum() * 0.075:.1f} of 3.0 kbps sent"


def test_entropy_says_nothing_before_it_knows_and_counts_what_each_channel_sends():
    entropy = CodeEntropy()
    for index in range(LEAST_FRAMES):
        assert np.isnan(entropy.bits()).all() and entropy.words() == ""
        entropy.push(report([[index % 4, index % 2], [index % 4, 900]], counts=(2, 1)))
    assert entropy.bits()[:2] == pytest.approx([2.0, 1.0], abs=0.02)
    assert entropy.frame_bits() == pytest.approx(2 * 2.0 + 1.0, abs=0.05)
    assert entropy.words().endswith("of 2.2 kbps sent")  # three codes of 10 bits, 75 times a second
    entropy.clear()
    assert np.isnan(entropy.bits()).all()


def test_what_comes_often_surprises_little():
    entropy = entropy_of(lambda index: 5 if index % 8 else 6)
    often, rarely, never = (float(entropy.surprise(np.array([[code]], np.uint16))[0]) for code in (5, 6, 7))
    assert often < 0.5 and rarely == pytest.approx(3.0, abs=0.3) and never > 12.0


def test_a_frame_is_a_column_and_what_is_not_sent_is_empty():
    roll = TokenRoll(n_layers=4, codebook_size=1024)
    roll.push(report([[3, 1023, 500]]), np.array([0.0, 14.0, 7.0]))
    assert roll.n_columns == 1 and roll.codes[:, 0].tolist() == [3, 1023, 500, NONE]
    assert roll.by_code[:, 0].tolist() == [1, 255, 125, 0]
    assert roll.by_surprise[0, 0] == 1 and roll.by_surprise[1, 0] == 255 and roll.by_surprise[3, 0] == 0
    roll.push(report([[2000]]), np.array([0.0]))  # of another model
    assert roll.n_columns == 1
    assert roll.words_at(1, 1.0) == "layer 2   0.0 s ago   code 1023   14.0 bits of surprise"
    assert roll.words_at(3, 1.0).endswith("nothing was sent")


def test_the_roll_keeps_step_with_the_spectrogram():
    roll = TokenRoll(n_layers=1)
    frame, none = report([[3]]), np.zeros(1)
    roll.keep_step(1000)
    for _ in range(SLACK):
        roll.push(frame, none)
    roll.keep_step(1003)  # codes come block by block, a little early
    assert roll.n_columns == SLACK
    roll.keep_step(1300)  # sound without codes
    assert roll.n_columns == 300 and (roll.codes[0, SLACK:300] == NONE).all() and (roll.codes[0, :SLACK] == 3).all()
    roll.keep_step(100_000)
    assert roll.n_columns == 99_000 and (roll.codes == NONE).all()
    slow = TokenRoll(n_layers=1, frames_per_second=37.5)
    slow.keep_step(0)
    slow.keep_step(150)
    assert slow.n_columns == 75 and slow.width == 300  # as many seconds


def test_codes_of_a_layer_are_in_an_order_in_which_neighbours_are_alike():
    codec = NeuralCodec()
    config = codec.bundle.config
    ranks = ranks_of(codec.bundle)
    assert ranks.shape == (config.layers + config.coarse_layers, config.codebook_size)
    assert 0 <= ranks.min() and ranks.max() < config.codebook_size
    n_lags = config.memory.n_lags
    assert (np.diff(ranks[0, :n_lags]) > 0).all() and (ranks[0, n_lags:] == ranks[0, : len(ranks[0]) - n_lags]).all()


def test_the_order_is_along_the_direction_in_which_entries_differ_most():
    chance = np.random.default_rng(1)
    books = chance.normal(0.0, 0.2, (2, 64, 8))
    # Across all dimensions, and another direction that is nearly as wide.
    wide, less = np.linalg.qr(chance.normal(size=(8, 2)))[0].T
    books += chance.normal(0.0, 1.0, (2, 64, 1)) * wide + chance.normal(0.0, 0.8, (2, 64, 1)) * less
    for book, ranks in zip(books, principal_ranks(books.astype(np.float32)), strict=True):
        centred = book - book.mean(0)
        ordered = np.argsort(centred @ np.linalg.eigh(centred.T @ centred)[1][:, -1])
        # The direction has two ends; either may be the first. What float32 makes of near places may change places.
        found = np.argsort(ranks)
        assert max((found == ordered).mean(), (found[::-1] == ordered).mean()) > 0.95


def test_frames_of_few_layers_are_coloured_by_codebooks_of_their_own():
    ranks = np.stack([np.full(8, row) for row in range(5)])  # three layers, and two for frames of less
    roll = TokenRoll(3, 8, ranks=ranks)
    roll.push(report([[1, 1, 1]]), np.zeros(3))
    roll.push(report([[1, 1]]), np.zeros(2))
    assert roll.by_code[:, 0].tolist() == [1, 32, 64] and roll.by_code[:, 1].tolist() == [96, 128, 0]


def press(qtbot, window, kind):
    qtbot.mouseClick(window.stage.codebooks.choice.buttons[kind], Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def play(qtbot, window, n_frames=60):
    window.session.set_looping(True)
    window.toggle_play()
    wait(qtbot, lambda: window.session.listening.usage.n_frames > n_frames)
    wait(qtbot, lambda: window.stage.codebooks.roll._n_drawn == window.session.listening.roll.n_columns)


def test_rows_fill_the_height_and_follow_the_layers(window, qtbot):
    play(qtbot, window)
    roll, session = window.stage.codebooks.roll, window.session

    def n_rows():
        """Rows that are told from each other by the lines between them, at a moment with codes."""
        words = {
            roll.tip_at(QPointF(roll._picture().right() - 10, y)).split("   ")[0]
            for y in range(round(roll._picture().height()))
        }
        return len(words)

    wait(qtbot, lambda: n_rows() == 8)
    assert window.stage.codebooks.roll.isVisible() and not window.usage.isVisible()
    session.parameters.set("layers", 3)
    wait(qtbot, lambda: n_rows() == 3)
    began = session.listening.roll.n_columns
    wait(qtbot, lambda: session.listening.roll.n_columns > began + 60)
    newest = session.listening.roll.codes[:, session.listening.roll.write_place - 1]
    assert (newest[:3] >= 0).all() and (newest[3:] == NONE).all()
    # In step: as far behind the spectrogram's columns as it was.
    listening = session.listening
    began = listening.roll.n_columns - listening.output_spectrogram.ring.n_columns
    wait(qtbot, lambda: listening.roll.n_columns > newest.size + 200)
    assert abs(listening.roll.n_columns - listening.output_spectrogram.ring.n_columns - began) <= 2 * SLACK
    window.toggle_play()


def test_colours_mean_codes_or_surprise_and_use_is_a_press_away(window, qtbot):
    play(qtbot, window)
    window._motion.stop()
    roll, choice = window.stage.codebooks.roll, window.stage.codebooks.choice
    by_code = roll.grab().toImage()
    press(qtbot, window, "surprise")
    assert roll.isVisible() and roll.grab().toImage() != by_code
    press(qtbot, window, "use")
    assert window.usage.isVisible() and not roll.isVisible()
    press(qtbot, window, "code")
    assert roll.isVisible() and roll.grab().toImage() == by_code
    assert [kind for kind, button in choice.buttons.items() if button.isChecked()] == ["code"]
    assert all(button.toolTip() for button in choice.buttons.values())
    window.toggle_play()


def test_each_layers_entropy_stands_beside_it_and_the_sum_below(window, qtbot):
    window.session.parameters.set("layers", 2)
    play(qtbot, window, LEAST_FRAMES)
    panel = window.stage.codebooks
    wait(qtbot, lambda: panel.sum.text().startswith("entropy"))
    assert panel.sum.text().endswith("of 3.0 kbps sent")  # two channels of 1.5
    assert all(0.0 < float(panel.roll.figure(layer).removesuffix(" of 10")) < 10.0 for layer in (0, 1))
    assert panel.roll.figure(5) == "\N{MIDDLE DOT}"
    assert "Entropy" in panel.roll.tip_at(QPointF(panel.roll.width() - 5, 20)) and panel.sum.toolTip()
    window.toggle_play()


def test_the_cross_of_a_spectrogram_is_a_line_in_the_roll(window, qtbot):
    window._motion.stop()
    view, roll = window.spectra.input_view, window.stage.codebooks.roll
    before = roll.grab().toImage()
    picture = view._picture()
    qtbot.mouseMove(view, QPoint(round(picture.center().x()), round(picture.center().y())))
    QApplication.processEvents()
    assert roll._cross == pytest.approx(0.5, abs=0.01) and roll.grab().toImage() != before
