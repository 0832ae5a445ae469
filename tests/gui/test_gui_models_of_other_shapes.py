"""A model of other layers plays in the window: knobs, layer desk and rates are its own."""

import pytest
from gui_parts import wait_for
from PyQt6.QtWidgets import QApplication

torch = pytest.importorskip("torch")

from other_models import other_model  # noqa: E402

from lamina.plugin import NeuralCodec  # noqa: E402

pytest_plugins = ["gui_fixtures"]
pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    """A model of four layers of 0.075 kbps."""
    return other_model("four", tmp_path_factory.mktemp("models"))


def layer_desk(window):
    """The tab of layers, open."""
    window.desk.open_tab("Layers")
    QApplication.processEvents()
    return window.desk.layers.faders


def test_the_windows_ranges_and_rates_are_the_models(window, four):
    session, knob = window.session, window.controls.bitrate
    session.parameters.set("layers", 20)
    session.parameters.set("muted_layers", [2, 17])
    view = layer_desk(window)
    session.use_codec(NeuralCodec(model=four))
    QApplication.processEvents()
    assert session.parameters["layers"] == 4 and session.parameters["muted_layers"] == (2,)
    assert (knob.maximum(), knob.text()) == (4, "4 layers, 0.3 kbps")
    shown = [chip.text() for chip in window.controls.quick._chips.values() if not chip.isHidden()]
    assert shown == ["0.075", "0.15", "0.3"]
    assert view.desk.n_layers == 4 and view.column(4).right() == pytest.approx(view.width(), abs=1)
    with pytest.raises(ValueError, match="choose 1 to 4"):
        session.parameters.set("layers", 5)
    session.use_codec(NeuralCodec())
    session.parameters.set("layers", 24)
    assert knob.text() == "24 layers, 18.0 kbps" and view.desk.n_layers == 24


def test_the_postfilter_can_be_turned_where_there_is_one(window, four, tmp_path_factory):
    session = window.session
    layer_desk(window)
    (knob,) = window.desk.controls.by_name["postfilter"]
    assert knob.isEnabled()
    session.use_codec(NeuralCodec(model=other_model("sixteen", tmp_path_factory.mktemp("models"))))
    assert not knob.isEnabled()
    session.use_codec(NeuralCodec(model=four))
    assert knob.isEnabled()


def test_it_plays_through_the_engine_and_its_codes_are_shown(session, four, sound):
    from lamina.gui.model.files.document import Document

    session.use_codec(NeuralCodec(model=four))
    session.show(Document.open(sound))
    session.parameters.set("layers", 3)
    session.player.play()
    wait_for(session, lambda: session.listening.usage.n_frames > 5)
    assert session.listening.usage.counts.shape == (4, 64) and session.listening.usage.active_layers == 3
