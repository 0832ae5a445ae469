"""The window itself: it starts whatever is missing, fits every size, survives defects, and ends everything it began."""

import pytest
from gui_parts import lamina_threads, wait

from lamina.gui.model.session import Session
from lamina.gui.window import MainWindow

pytest_plugins = ["gui_fixtures"]


def test_starting_with_a_bad_file_leaves_an_empty_window_that_says_what_to_do(qtbot, engine, tmp_path):
    window = MainWindow(Session(engine, tmp_path))
    qtbot.addWidget(window)
    window.show()
    window.load(tmp_path / "gone.wav")
    wait(qtbot, window.notice.isVisible)
    assert "gone.wav" in window.notice.label.text()
    wait(qtbot, lambda: "Open a sound file" in window.waveform._message)
    assert not window.transport.play_button.isEnabled() and not window.header.export_button.isEnabled()


def test_a_codec_that_cannot_be_loaded_is_told_and_the_window_stays(qtbot, engine, monkeypatch, tmp_path):
    def damaged(_model):
        raise ValueError("decoder.onnx of the bundle lamina-24k is damaged.")

    monkeypatch.setattr("lamina.gui.loading._codec", damaged)
    window = MainWindow(Session(engine, tmp_path))
    qtbot.addWidget(window)
    window.show()
    window.load(None)
    wait(qtbot, lambda: window.session.document is not None and "decoder.onnx" in window.status.remark.text())
    window.session.parameters.set("layers", 3)
    window.toggle_play()
    assert "decoder.onnx" in window.notice.label.text() and not window.session.is_playing


def test_a_defect_is_told_and_the_window_stays(window, capsys):
    try:
        raise RuntimeError("a screw came loose")
    except RuntimeError as error:
        window.tell_defect(RuntimeError, error, error.__traceback__)
    assert "a screw came loose" in window.notice.label.text() and window.notice.isVisible()
    assert "Traceback" in capsys.readouterr().err


def test_closing_while_playing_and_exporting_ends_every_thread(window, qtbot, tmp_path):
    window.toggle_play()
    wait(qtbot, lambda: window.session.player.position_seconds > 0.1)
    window.session.start_export(tmp_path / "out.wav")
    window.end()
    assert lamina_threads() == [] and not (tmp_path / "out.wav").exists()


@pytest.mark.parametrize(("width", "height"), [(1000, 640), (1280, 800), (1920, 1080)])
def test_nothing_is_cut_off_at_any_size(window, qtbot, width, height):
    window.resize(width, height)
    # No waiting: a size that is only right some events later is seen wrong first.
    assert (window.width(), window.height()) == (width, height)
    controls, transport = window.controls, window.transport
    widgets = (
        *controls.switches.values(),
        *controls.knobs.values(),
        controls.copy_button,
        transport.record_button,
        transport.live_button,
    )
    for widget in (*widgets, window.status, window.stage.codebooks.roll, window.spectra.output_view):
        corner = widget.mapTo(window, widget.rect().bottomRight())
        assert corner.x() < width and corner.y() < height
        assert (
            widget.width() >= widget.minimumSizeHint().width() and widget.height() >= widget.minimumSizeHint().height()
        )
