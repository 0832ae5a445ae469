"""Everything in the window can be reached and turned by keys, shows that it has the focus, and tells its keys."""

import re

import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QAbstractButton, QAbstractItemView, QApplication, QComboBox, QDial, QScrollBar

from lamina.gui.model.values.desk import TAB_NAMES
from lamina.gui.widgets.desk.layer_desk import LayerFaders
from lamina.gui.widgets.desk.motion_picture import MotionPicture
from lamina.plugin.parameters.motion import Motion

pytest_plugins = ["gui_fixtures"]

CONTROLS = (QAbstractButton, QAbstractItemView, QComboBox, QDial, LayerFaders, MotionPicture)


def controls_in(window):
    """What a mouse could use now."""
    found = []
    for kind in CONTROLS:
        found += [
            w
            for w in window.findChildren(kind)
            if w.isVisibleTo(window) and w.isEnabled() and not isinstance(w, QScrollBar)
        ]
    return found


def tabbed_through(window, start):
    """The widgets that Tab goes to, until it comes round."""
    start.setFocus()
    order = [start]
    while len(order) < 300:
        window.focusNextChild()
        if QApplication.focusWidget() is start:
            return order
        order.append(QApplication.focusWidget())
    raise AssertionError("Tab never comes back")


@pytest.fixture
def everything(window, qtbot):
    """A window where as much as possible can be used."""
    window.resize(1280, 800)
    values = window.session.parameters
    # The first one is edited: steps, because those are drawn by keys too.
    values.set("motions", (Motion("bend", "steps", beats=1), Motion("stereo"), Motion("loss_model"), Motion("slices")))
    with qtbot.waitActive(window):
        window.activateWindow()
    return window


@pytest.mark.parametrize("tab", TAB_NAMES)
def test_tab_reaches_every_control_in_the_order_in_which_it_stands(everything, qtbot, tab):
    window = everything
    window.desk.open_tab(tab)
    qtbot.wait(20)
    order = tabbed_through(window, window.header.open_button)
    missed = [f"{type(w).__name__} {w.accessibleName()}" for w in controls_in(window) if w not in order]
    assert not missed
    # From the desk's bar right into the tab, and from section to section.
    inside = [w for w in order if window.desk.drawer.isAncestorOf(w)]
    first = order.index(window.desk.freeze) + 1
    assert order[first : first + len(inside)] == inside
    if tab == "Channel":
        content = window.desk.drawer.currentWidget().widget()
        dividers = [content.layout().itemAt(index).geometry().left() for index in (1, 3)]
        sections = [sum(w.mapTo(content, w.rect().topLeft()).x() > left for left in dividers) for w in inside]
        assert sections == sorted(sections) and set(sections) == {0, 1, 2}


@pytest.mark.parametrize("tab", TAB_NAMES)
def test_whatever_has_the_focus_looks_so(everything, qtbot, tab):
    window = everything
    window._motion.stop()
    window._text.stop()
    window.desk.open_tab(tab)
    for is_on in (False, True):
        window.session.parameters.set("bypass", is_on)
        window.session.parameters.set("freeze", is_on)
        qtbot.wait(20)
        for widget in controls_in(window):
            window.setFocus()
            before = widget.grab().toImage()
            widget.setFocus(Qt.FocusReason.TabFocusReason)
            assert widget.hasFocus()
            assert widget.grab().toImage() != before, (
                f"{type(widget).__name__} {widget.accessibleName() or widget.text()}"
            )


@pytest.mark.parametrize("tab", TAB_NAMES)
def test_every_control_has_a_name_for_those_who_cannot_see_it(everything, tab):
    window = everything
    window.desk.open_tab(tab)
    nameless = [
        type(w).__name__
        for w in controls_in(window)
        if not (w.accessibleName() or (isinstance(w, QAbstractButton) and w.text()))
    ]
    assert not nameless


def test_tooltips_tell_the_keys(everything):
    window = everything
    transport, header, controls, desk = window.transport, window.header, window.controls, window.desk
    told = {
        transport.play_button: "Space", transport.stop_button: "Home", transport.loop_button: "L",
        transport.live_button: "Ctrl+L",
        transport.record_button: "R", header.open_button: "Ctrl+O", header.export_button: "Ctrl+E",
        header.preset_button: "Alt+Right",
        controls.bypass: "B", controls.noise_only: "N", controls.board.buttons["A"]: "X", desk.open_button: "D",
        desk.freeze: "F",
        window.status.devices_button: "Ctrl+,",
        **{desk.tabs.buttons[name]: f"Ctrl+{number}" for number, name in enumerate(TAB_NAMES, 1)},
    }  # fmt: skip
    for widget, keys in told.items():
        assert re.search(rf"(?<![\w+]){re.escape(keys)}(?!\w)", widget.toolTip()), (keys, widget.toolTip())


@pytest.mark.parametrize(("name", "word"), [("lost_layer", "any"), ("side_layers", "none")])
def test_a_zero_that_means_something_is_a_word(everything, qtbot, name, word):
    window = everything
    window.desk.open_tab("Channel")
    knob, values = window.desk.controls.by_name[name][0], window.session.parameters
    values.set(name, 3)
    assert knob.text() == "3"
    knob.edit(word.capitalize())
    qtbot.keyClick(knob._editor, Qt.Key.Key_Return)
    assert values[name] == 0 and knob.text() == word and knob.accessibleDescription() == word
    values.set("motions", (Motion(name, depth=0.5),))
    assert f"{word} … 12" in window.desk.motion.list.item(0).text()


@pytest.mark.parametrize("tab", TAB_NAMES)
def test_nothing_scrolls_sideways_in_the_smallest_window(everything, qtbot, tab):
    window = everything
    window.resize(window.minimumSize())
    window.desk.open_tab(tab)
    for source in ("lfo", "envelope", "steps"):
        window.session.parameters.set("motions", (Motion("layer_gains.12", source, hz=30.0),))
        qtbot.wait(20)
        scroll = window.desk.drawer.currentWidget()
        assert scroll.horizontalScrollBar().maximum() == 0 == scroll.verticalScrollBar().maximum()
    window.resize(1280, 800)
    qtbot.wait(20)
    knobs = [knob for knobs in window.desk.controls.by_name.values() for knob in knobs if hasattr(knob, "is_compact")]
    assert not any(knob.is_compact for knob in knobs if knob.isVisible())
