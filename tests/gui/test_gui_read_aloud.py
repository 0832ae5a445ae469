"""What is read out to those who can't see the window is words, and no markup."""

import re

from PyQt6.QtWidgets import QWidget

from lamina.gui.model.values.desk import TAB_NAMES
from lamina.gui.widgets.controls.tips import words_of
from lamina.plugin.parameters.motion import Automation, Motion

pytest_plugins = ["gui_fixtures"]


def read_out(widget):
    """What Qt passes on of a widget: its name, and its description or else its tooltip."""
    return f"{widget.accessibleName()}\n{widget.accessibleDescription() or widget.toolTip()}"


def test_no_name_and_no_description_holds_markup(window, qtbot):
    values = window.session.parameters
    values.set("motions", (Motion("mix", "steps", steps=(0.0, 1.0)),))
    values.set("automation", (Automation("layers", (0.0, 1.0), (3, 8)),))
    for tab in TAB_NAMES:
        window.desk.open_tab(tab)
    window.show_devices()
    window.compare_window.open()
    window.line_window.open()
    window.notice.tell("Lamina ended <unexpectedly>.", False, "Every setting.", ("Start afresh", lambda: None))
    window._tell()
    widgets = window.findChildren(QWidget)
    assert len(widgets) > 200
    tagged = [
        f"{type(w).__name__}: {read_out(w)}" for w in widgets if re.search(r"</?(b|br|p|span)\b|&\w+;", read_out(w))
    ]
    assert not tagged
    window.devices_dialog.close()
    window.compare_window.close()
    window.line_window.close()


def test_what_a_tip_says_is_read_out_letter_by_letter(window):
    window.header.show_document("a <b> & c.wav", "44.1 kHz")
    assert window.header.title.accessibleDescription() == "a <b> & c.wav"
    assert window.desk.open_button.accessibleDescription().startswith("Code desk (D) Layers, losses")
    assert words_of("<p><b>CPU</b>: one.</p><p><b>Late</b>: none.</p>") == "CPU: one. Late: none."
