"""One declaration is enough: what is made of it is complete, and a declaration that can't be meant is refused."""

from importlib import import_module
from pathlib import Path

import pytest

from lamina.gui.model.values.desk import PANEL_NAMES, TABS, UNSHOWN_NAMES
from lamina.plugin import PARAMETERS, NeuralCodec, Settings
from lamina.plugin.desk.chain import CHAIN
from lamina.plugin.desk.effect import CodeEffect
from lamina.plugin.parameters.declare import ParameterGroup, choice, parameter, switch

ROOT = Path(__file__).parent.parent.parent


def test_a_declaration_says_it_all_and_goes_before_what_its_group_says():
    class Some(ParameterGroup, group="codes", tab="Bend", section="Some", page="some"):
        some_share: float = parameter("Share", 0.0, 1.0, default=0.5, unit="%", help="A share.")
        some_count: int = parameter("Count", 1, 9, default=2, section="More", beside=True, help="A number.")
        some_word: str = choice("Word", ("one", "two"), default="two", help="A word.")
        some_way: bool = switch("Way", default=True, refines="some_word", suits=("one",), help="A way.")

    share, count, word, way = Some.declared.values()
    assert (share.name, share.kind, share.step, share.section, share.page) == (
        "some_share",
        "float",
        0.01,
        "Some",
        "some",
    )
    assert (count.kind, count.step, count.section, count.beside) == ("int", 1, "More", True)
    assert word.validate("one") == "one" and way.validate(False) is False and way.suits == ("one",)
    assert (Some.some_share, Some.some_word) == (0.5, "two"), "without a snapshot a group holds its defaults"
    with pytest.raises(ValueError, match=r"some_count is 10; choose 1 to 9\."):
        count.validate(10)


def test_the_same_name_twice_is_refused():
    class First(ParameterGroup):
        twice: int = parameter("Twice", 1, 2, default=1, help="")

    with pytest.raises(TypeError, match="'twice' is declared twice"):

        class Second(First):
            twice: int = parameter("Twice", 1, 3, default=1, help="")

    class Other(ParameterGroup):
        twice: int = parameter("Twice", 1, 3, default=1, help="")

    with pytest.raises(TypeError, match="'twice' is declared twice"):

        class Both(First, Other):
            pass


def test_every_effect_in_the_folder_of_the_desk_is_in_the_chain():
    found = set()
    for path in (ROOT / "plugin/desk").glob("*.py"):
        module = import_module(f"lamina.plugin.desk.{path.stem}")
        found |= {kind for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, CodeEffect)}
    assert found - {CodeEffect} == set(CHAIN)
    assert len(CHAIN) == len(set(CHAIN))


def test_what_an_effect_needs_of_the_others_is_there():
    for name, declared in PARAMETERS.items():
        assert declared.name == name and declared.help.endswith(".")
        assert not declared.page or (ROOT / f"docs/desk/{declared.page}.md").exists()
        if declared.refines is not None:
            refined = PARAMETERS[declared.refines]
            assert all(refined.validate(value) == value for value in declared.suits)
    assert not any(effect.is_active(Settings()) for effect in CHAIN), "at its defaults no effect does anything"
    assert not Settings().alters_codes


def test_every_parameter_has_one_place_in_the_app():
    on_tabs = [name for tab in TABS for section in tab.sections for row in section.rows for name in row]
    assert len(on_tabs) == len(set(on_tabs))
    shown = {*on_tabs, *(name for tab in TABS for name in tab.extra), *PANEL_NAMES, *UNSHOWN_NAMES}
    assert shown == {name for name, declared in PARAMETERS.items() if declared.view_of is None}


def test_settings_can_not_be_changed_behind_the_effects_back():
    codec = NeuralCodec()
    with pytest.raises(AttributeError):
        codec.settings.layers = 3
    with pytest.raises(AttributeError):
        codec.model = "another"
    with pytest.raises(TypeError, match="unexpected keyword argument 'layer'"):
        NeuralCodec(layer=3)
