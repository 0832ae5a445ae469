"""What can be added as a slot: settings, presets, and other codecs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from PyQt6.QtWidgets import QMenu

from lamina.gui.model.listening.recipe import Recipe
from lamina.gui.model.session import Session
from lamina.gui.widgets.controls.tips import plain_tip
from lamina.plugin.documents.presets import Preset

USUAL_RATES = 6


def fill_menu(
    menu: QMenu,
    session: Session,
    presets: Iterable[Preset],
    add_present: Callable[[], object],
    add: Callable[[Recipe], object],
) -> None:
    """Fills the menu as things are now.

    `add_present` adds the settings that are heard, `add` a recipe.
    """
    menu.clear()
    codec = session.codec
    present = menu.addAction("These settings")
    assert present is not None
    present.setToolTip("The settings that are heard now (C).")
    present.triggered.connect(lambda: add_present())
    if codec is None:
        present.setEnabled(False)
        return
    other = session.boards.other
    settings = menu.addAction(f"Settings {other}")
    assert settings is not None
    settings.setToolTip("The settings that aren't heard now.")
    settings.triggered.connect(lambda: add(Recipe.of_board(session.boards, other)))
    by_category: dict[str, list[Preset]] = {}
    for preset in presets:
        by_category.setdefault(preset.category or "Presets", []).append(preset)
    if by_category:
        of_presets = menu.addMenu("Presets")
        assert of_presets is not None
        for category, group in by_category.items():
            part = of_presets.addMenu(category)
            assert part is not None
            part.setToolTipsVisible(True)
            for preset in group:
                action = part.addAction(preset.title.replace("&", "&&"))
                assert action is not None
                action.setToolTip(plain_tip(preset.description))
                action.triggered.connect(lambda _checked, preset=preset: add(Recipe.preset(preset, codec.model)))
    menu.addSeparator()
    _add_rivals(menu, add)


def _add_rivals(menu: QMenu, add: Callable[[Recipe], object]) -> None:
    from lamina.plugin.rivals.registry import RIVALS

    for name, kind in RIVALS.items():
        part = menu.addMenu(kind.title)
        assert part is not None
        part.setToolTipsVisible(True)
        missing = kind.missing()
        action = part.menuAction()
        if missing and action is not None:
            # It can be chosen all the same: the slot says in full what is missing.
            action.setText(f"{kind.title}  (missing)")
            action.setToolTip(plain_tip(missing))
        rates = kind.rates.choices or _some_rates(kind.rates.lowest, kind.rates.highest, kind.rates.default)
        for kbps in rates:
            entry = part.addAction(f"{kbps:g} kbps")
            assert entry is not None
            entry.setToolTip(plain_tip(missing or kind.needs))
            title = f"{kind.title} {kbps:g} kbps"
            entry.triggered.connect(
                lambda _checked, spec=f"{name}:{kbps:g}", title=title: add(Recipe.rival(spec, title))
            )


def _some_rates(lowest: float, highest: float, default: float) -> list[float]:
    """Rates that double from one to the next, within the range, and the usual one."""
    usual = [kbps for kbps in (6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 320) if lowest <= kbps <= highest]
    return sorted({*usual, default})
