"""Presets and models in the app: chosen while it plays, saved, and told when they are missing or damaged."""

import html
import json
import shutil

from gui_parts import choose, wait
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from lamina.gui.model.files.own_presets import OwnPresets
from lamina.gui.model.values.preset_list import PresetList, heading
from lamina.models.bundles.bundle import install_bundle, weights_folder
from lamina.models.bundles.own_bundles import own_bundles_folder
from lamina.plugin.documents.presets import CATEGORIES, Preset, list_presets, load_preset, save_preset
from lamina.plugin.parameters.motion import Automation, Motion

pytest_plugins = ["gui_fixtures"]


def preset_actions(window):
    """The preset menu's presets, by category."""
    menus = [action for action in window.header.preset_menu.actions() if action.menu() is not None]
    return {menu.text(): menu.menu().actions() for menu in menus}


def test_presets_set_the_knobs_and_a_dot_tells_of_changes(window):
    action = preset_actions(window)["Speech"][0]
    button = window.header.preset_button
    assert button.text() == "Presets" and not button.has_dot
    action.trigger()
    assert button.text() == action.text() and action.isChecked() and not button.has_dot
    plain = button.grab().toImage()
    window.session.parameters.set("layers", 5 if window.session.parameters["layers"] != 5 else 6)
    assert button.text() == action.text() and button.has_dot and button.grab().toImage() != plain
    assert "changed since" in button.toolTip() and "changed since" in button.accessibleName()
    action.trigger()
    assert not button.has_dot


def test_the_menu_has_every_preset_once_under_its_category_with_its_description(window):
    found = preset_actions(window)
    factory = list_presets()
    assert sorted(action.text() for actions in found.values() for action in actions) == sorted(
        preset.title for preset in factory
    )
    described = {preset.title: preset for preset in factory}
    for category, actions in found.items():
        for action in actions:
            assert heading(described[action.text()].category) == category
            assert html.escape(described[action.text()].description) in action.toolTip()
    assert list(found) == [heading(name) for name in CATEGORIES if heading(name) in found]
    assert [action.text() for action in window.header.preset_menu.actions()[-2:]] == ["Open preset…", "Save preset…"]


def test_presets_without_a_category_and_of_unknown_ones_are_listed_too():
    presets = [
        Preset(title.lower(), title, "", {}, None, category)
        for title, category in (("C", ""), ("B", "zoo"), ("A", "zoo"), ("D", "speech"))
    ]
    groups = PresetList(presets).groups
    assert {name: [preset.title for preset in group] for name, group in groups.items()} == {
        "Speech": ["D"],
        "Zoo": ["A", "B"],
        "Others": ["C"],
    }
    assert list(groups) == ["Speech", "Zoo", "Others"]
    assert PresetList().beside("", 1) is None


def test_keys_go_through_the_presets_and_around_the_ends(window, qtbot):
    titles = [action.text() for actions in preset_actions(window).values() for action in actions]
    met = []
    for _ in range(len(titles) + 1):
        qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
        met.append(window.header.preset_button.text())
    assert met == [*titles, titles[0]]
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.header.preset_button.text() == titles[-1] == window.session.boards.state.preset
    assert (
        window.session.parameters["layers"]
        == next(p for p in list_presets() if p.title == titles[-1]).settings().layers
    )


def test_a_preset_is_saved_and_opened_again(window, monkeypatch, data_folder):
    path = data_folder / "presets" / "Mine.json"
    choose(monkeypatch, "Mine")  # the dialog completes the suffix
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), ""))
    window.session.parameters.set("layers", 3)
    window.session.parameters.set("mix", 0.4)
    window.dialogs.save_preset()
    assert "Mine.json" in window.notice.label.text()
    window.session.parameters.set("layers", 20)
    window.dialogs.open_preset()
    assert (window.session.codec.layers, window.session.codec.mix) == (3, 0.4)
    path.write_text("{}")
    window.dialogs.open_preset()
    assert window.session.codec.layers == 3 and "Mine.json" in window.notice.label.text()


def test_a_preset_keeps_what_stands_on_the_desk(window, tmp_path):
    path, parameters = tmp_path / "Mine.json", window.session.parameters
    parameters.set("motions", (Motion("mix", "steps", steps=(0.0, 1.0)),))
    parameters.set("automation", (Automation("layers", (0.0, 1.0), (3, 8)),))
    parameters.set("layer_gains", (0.5,))
    before = parameters.values()
    window.loader.save_preset(path)
    assert set(json.loads(path.read_text())["parameters"]) == {
        "layers", "denoise", "noise_only", "mix", "input_gain_db", "output_gain_db", "motions", "automation",
        "layer_gains",
    }  # fmt: skip
    window.desk.desk.reset()
    assert parameters.values() != before
    window.loader.open_preset(path)
    assert parameters.values() == before == window.session.codec.settings.values()


def drawn_preset(path, n_points):
    times, values = [0.01 * index for index in range(n_points)], [index % 9 for index in range(n_points)]
    curves = [
        {"target": "layers", "times": times, "values": [8 + value for value in values]},
        {"target": "output_gain_db", "times": times, "values": [-0.5 * value for value in values]},
    ]
    path.write_text(json.dumps({"schema": 1, "title": "Drawn", "parameters": {"automation": curves}}))


def test_a_preset_in_which_much_is_drawn_is_read_beside_the_window(window, qtbot, tmp_path):
    wait(qtbot, lambda: not window.background.is_busy)
    drawn_preset(tmp_path / "drawn.json", 100_000)
    before = window.session.parameters.values()
    window.loader.open_preset(tmp_path / "drawn.json")
    assert window.session.parameters.values() == before and window.loader.remark() == "Opening drawn.json…"
    wait(qtbot, lambda: window.session.parameters["automation"])
    assert [len(curve.times) for curve in window.session.codec.settings.automation] == [100_000] * 2
    assert window.session.boards.state.preset == "Drawn" and "Opening" not in window.loader.remark()

    # What is asked for meanwhile is the last wish.
    drawn_preset(tmp_path / "again.json", 99_999)
    window.loader.open_preset(tmp_path / "again.json")
    drawn_preset(tmp_path / "small.json", 3)
    window.loader.open_preset(tmp_path / "small.json")
    wait(qtbot, lambda: not window.background.is_busy)
    assert [len(curve.times) for curve in window.session.parameters["automation"]] == [3, 3]


def model_actions(window, qtbot):
    """Opens the model menu as a user does, and waits until it shows what is there."""
    shown = [action.text() for action in window.header.model_menu.actions()]
    window.header.model_menu.aboutToShow.emit()
    wait(qtbot, lambda: not window.background.is_busy)
    return {action.data(): action for action in window.header.model_menu.actions()}, shown


def test_a_model_that_was_trained_meanwhile_is_chosen_while_playing(window, qtbot, sound, tmp_path):
    window.open(sound)
    wait(qtbot, lambda: window.header.title.text() == "two tones.wav")
    actions, _ = model_actions(window, qtbot)
    assert list(actions) == ["lamina-24k"] and actions["lamina-24k"].isChecked()
    assert window.header.model_button.text() == "lamina-24k"

    source = shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")
    install_bundle(source, "my-band")
    window.session.parameters.set("layers", 3)
    window.session.set_loop_region(0.2, 0.9)
    window.toggle_play()
    wait(qtbot, lambda: window.session.is_playing and window.session.player.position_seconds > 0.1)
    actions, before = model_actions(window, qtbot)
    assert before == ["lamina-24k"] and list(actions) == ["lamina-24k", "my-band"]
    actions["my-band"].trigger()
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    assert actions["my-band"].isChecked() and not actions["lamina-24k"].isChecked()
    assert window.header.model_button.text() == "my-band"
    # The session goes on: same file, settings and loop, still playing.
    assert window.header.title.text() == "two tones.wav" and window.session.loop_seconds == (0.2, 0.9)
    assert window.session.codec.layers == 3
    wait(qtbot, lambda: window.session.is_playing and window.session.listening.usage.n_frames > 0)

    window.session.start_export(tmp_path / "out.wav")
    assert window.session.export._make_effect().model == "my-band"
    wait(qtbot, lambda: not window.session.is_exporting)


def test_a_damaged_model_is_told_and_the_present_one_stays(window, qtbot, tmp_path):
    source = shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")
    folder = install_bundle(source, "my-band")
    (folder / "decoder.onnx").write_bytes(b"")
    actions, _ = model_actions(window, qtbot)
    action = actions["my-band"]
    assert action.text() == "my-band (damaged)" and "decoder.onnx" in action.toolTip()
    codec = window.session.codec
    action.trigger()
    wait(qtbot, lambda: window.notice.isVisible() and "decoder.onnx" in window.notice.label.text())
    assert window.session.codec is codec and window.session.can_play
    assert not action.isChecked() and actions["lamina-24k"].isChecked()
    assert window.header.model_button.text() == "lamina-24k"


def test_a_preset_brings_its_model_or_says_that_it_is_missing(window, qtbot, monkeypatch, tmp_path):
    source = shutil.copytree(weights_folder() / "lamina-24k", tmp_path / "bundle")
    install_bundle(source, "my-band")
    window.loader.choose_model("my-band")
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    window.session.parameters.set("layers", 3)
    window.loader.save_preset(tmp_path / "mine.json")
    window.loader.choose_model("lamina-24k")
    wait(qtbot, lambda: window.session.codec.model == "lamina-24k")
    window.session.parameters.set("layers", 20)

    window.loader.open_preset(tmp_path / "mine.json")
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    assert window.session.boards.state.preset == "mine" and window.session.codec.layers == 3

    window.loader.choose_model("lamina-24k")
    wait(qtbot, lambda: window.session.codec.model == "lamina-24k")
    window.session.parameters.set("layers", 20)
    shutil.rmtree(own_bundles_folder() / "my-band")
    window.loader.open_preset(tmp_path / "mine.json")
    wait(qtbot, lambda: window.notice.isVisible() and "my-band" in window.notice.label.text())
    assert (window.session.codec.model, window.session.codec.layers) == ("lamina-24k", 20)


def test_with_a_model_that_cannot_denoise_both_controls_are_off_and_say_why(window, qtbot, undenoising_bundle):
    install_bundle(undenoising_bundle, "my-band")
    window.session.apply_preset(load_preset("what-was-removed"))
    assert window.session.codec.noise_only and window.session.codec.denoise == 1.0
    window.loader.choose_model("my-band")
    wait(qtbot, lambda: window.session.codec.model == "my-band")
    controls = (window.controls.knobs["denoise"], window.controls.noise_only)
    assert not any(control.isEnabled() for control in controls) and all(
        "wasn't trained" in control.toolTip() for control in controls
    )
    # Were noise only still on, nothing would be heard, and no control could end it.
    qtbot.keyClick(window, Qt.Key.Key_N)
    for name, value in (("denoise", 0.0), ("noise_only", False)):
        assert window.session.parameters[name] == getattr(window.session.codec, name) == value
    assert not window.controls.noise_only.isChecked()

    window.session.parameters.set("mix", 0.3)
    window.session.apply_preset(load_preset("what-was-removed"))
    assert window.notice.isVisible() and "not trained to denoise" in window.notice.label.text()
    codec = window.session.codec
    assert (codec.layers, codec.mix, codec.denoise, codec.noise_only) == (24, 1.0, 0.0, False)


def test_a_saved_preset_is_in_use_and_in_the_menu_at_once_and_at_the_next_start(window, qtbot, monkeypatch, tmp_path):
    choose(monkeypatch, "Mine & <yours>")
    window.session.parameters.set("layers", 3)
    window.dialogs.save_preset()
    assert window.header.preset_button.text() == "Mine & <yours>" and not window.header.preset_button.has_dot
    # One that is saved elsewhere, between the sounds for example, is listed too.
    window.session.parameters.set("layers", 7)
    window.loader.save_preset(tmp_path / "Another.json")
    wait(qtbot, lambda: len(preset_actions(window).get("Yours", ())) == 2)
    another, mine = preset_actions(window)["Yours"]
    assert (another.text(), mine.text()) == ("Another", "Mine && <yours>")
    assert another.isChecked() and str(tmp_path) in another.toolTip()
    mine.trigger()
    assert window.session.parameters["layers"] == 3 and mine.isChecked() and not another.isChecked()
    assert [own.preset.title for own in OwnPresets().found()] == ["Another", "Mine & <yours>"]
    (tmp_path / "Another.json").unlink()
    window.loader.find_presets()
    wait(qtbot, lambda: len(preset_actions(window)["Yours"]) == 1)


def test_keys_go_through_ones_own_presets_too(window, qtbot, data_folder):
    (data_folder / "presets").mkdir()
    window.session.parameters.set("layers", 11)
    window.loader.save_preset(data_folder / "presets" / "Mine.json")
    wait(qtbot, lambda: "Yours" in preset_actions(window))
    qtbot.keyClick(window, Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier)
    assert window.header.preset_button.text() != "Mine"
    qtbot.keyClick(window, Qt.Key.Key_Right, Qt.KeyboardModifier.AltModifier)
    assert window.header.preset_button.text() == "Mine" and window.session.parameters["layers"] == 11


def test_what_is_no_preset_is_not_listed_and_the_list_may_be_anything(data_folder, tmp_path):
    folder = data_folder / "presets"
    folder.mkdir()
    (folder / "broken.json").write_text("{")
    (folder / "folder.json").mkdir()
    save_preset(folder / "Good.json", "Good", {"layers": 2})
    (data_folder / "presets.txt").write_bytes(b"\xff\xfe\0\n\n/nowhere/x.json\nrelative.json\n" + b"/" * 5000)
    own = OwnPresets()
    assert [each.preset.title for each in own.found()] == ["Good"]
    save_preset(tmp_path / "Far.json", "Far", {})
    own.remember(tmp_path / "Far.json")
    own.remember(tmp_path / "Far.json")
    own.remember(folder / "Good.json")
    assert [each.preset.title for each in own.found()] == ["Far", "Good"]
