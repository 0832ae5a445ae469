"""Slots are kept with the session, as settings without sound, and made again when they are looked at."""

import json

import pytest
from gui_parts import VIRTUAL, wait_for

from lamina.gui.model.files.document import Document
from lamina.gui.model.kept_session import KeptSession
from lamina.gui.model.listening.recipe import Recipe
from lamina.gui.model.listening.slots import SlotState
from lamina.plugin import NeuralCodec
from lamina.plugin.host.client.session_file import SESSION_NAME, remember_devices

pytest_plugins = ["gui_fixtures"]


@pytest.fixture
def folder(tmp_path):
    remember_devices(VIRTUAL, tmp_path)
    return tmp_path


def end(kept):
    kept.close()
    kept.session.close()
    kept.comparing.close()


def left_behind(folder, sound):
    kept = KeptSession(folder, folder)
    kept.session.use_codec(NeuralCodec())
    kept.session.show(Document.open(sound))
    kept.session.parameters.set("denoise", 0.5)
    assert kept.comparing.add_present() and kept.comparing.add(Recipe.rival("opus:12", "Opus 12 kbps"))
    kept.comparing.set_matched(False)
    kept.comparing.hear(1)
    end(kept)


def test_the_next_session_has_the_slots(folder, sound):
    left_behind(folder, sound)
    text = (folder / SESSION_NAME).read_text()
    assert len(text) < 20_000, "settings, not sound"
    kept = KeptSession(folder, folder)
    try:
        assert kept.restore_boards() == "" and kept.restore_compared() == ""
        comparing = kept.comparing
        assert [slot.recipe.title for slot in comparing.slots] == ["Original", "Lamina 6.0 kbps", "Opus 12 kbps"]
        assert comparing.slots[1].recipe.values["denoise"] == 0.5 and comparing.slots[2].recipe.spec == "opus:12"
        assert not comparing.is_matched and comparing.heard == 1
        assert all(slot.state is SlotState.EMPTY for slot in comparing.slots), "nothing is made unasked"
        kept.session.show(Document.open(sound))
        comparing.want()

        def made():
            comparing.tick()
            return comparing.slots[1].state is SlotState.READY

        wait_for(kept.session, made)
        assert comparing.slots[1].made.samples.shape == (2, 48000)
    finally:
        end(kept)


@pytest.mark.parametrize(
    "damage",
    [
        lambda compared: compared.clear(),
        lambda compared: compared.update(slots=7),
        lambda compared: compared["slots"].pop(0),
        lambda compared: compared["slots"][1].update(kind="magic"),
        lambda compared: compared["slots"][1].update(values=None),
        lambda compared: compared.update(heard="first"),
    ],
)
def test_slots_that_cannot_be_read_are_told_and_nothing_else_is_lost(folder, sound, damage):
    left_behind(folder, sound)
    document = json.loads((folder / SESSION_NAME).read_text())
    damage(document["session"]["compared"])
    (folder / SESSION_NAME).write_text(json.dumps(document))
    kept = KeptSession(folder, folder)
    try:
        assert kept.restore_boards() == ""
        assert kept.restore_compared() == "The slots that were compared can't be read and are gone."
        assert not kept.comparing.slots and kept.document is not None
    finally:
        end(kept)


def test_a_session_of_an_older_lamina_has_no_slots(folder, sound):
    left_behind(folder, sound)
    document = json.loads((folder / SESSION_NAME).read_text())
    del document["session"]["compared"]
    (folder / SESSION_NAME).write_text(json.dumps(document))
    kept = KeptSession(folder, folder)
    try:
        assert kept.restore_compared() == "" and not kept.comparing.slots
    finally:
        end(kept)
