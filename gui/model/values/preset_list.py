"""The presets that can be chosen: in groups by what they are for, and one after the other."""

from __future__ import annotations

from collections.abc import Iterable

from lamina.plugin.documents.presets import CATEGORIES, Preset

OTHERS = "others"
YOURS = "Yours"


class PresetList:
    """Presets by category, in the order in which they are listed, as `groups`.

    The user's own are a group by themselves, the last one, whatever category they name.
    """

    def __init__(self, presets: Iterable[Preset] = (), own: Iterable[Preset] = ()) -> None:
        found: dict[str, list[Preset]] = {}
        for preset in presets:
            found.setdefault(preset.category or OTHERS, []).append(preset)
        order = [*CATEGORIES, *sorted(name for name in found if name not in (*CATEGORIES, OTHERS)), OTHERS]
        self.groups: dict[str, list[Preset]] = {
            heading(name): sorted(found[name], key=lambda preset: preset.title.lower())
            for name in order
            if name in found
        }
        yours = sorted(own, key=lambda preset: preset.title.lower())
        if yours:
            self.groups[YOURS] = yours

    def beside(self, title: str, step: int) -> Preset | None:
        """The next (`step` 1) or the one before (−1) the preset called `title`, around the ends.

        The first or last if there is none.
        """
        presets = [preset for group in self.groups.values() for preset in group]
        if not presets:
            return None
        titles = [preset.title for preset in presets]
        if title not in titles:
            return presets[0 if step > 0 else -1]
        return presets[(titles.index(title) + step) % len(presets)]


def heading(category: str) -> str:
    """A category as the menu shows it."""
    return category[:1].upper() + category[1:]
