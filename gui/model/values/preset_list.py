"""The presets that can be chosen: in groups by what they are for, and one after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from lamina.plugin.documents.presets import CATEGORIES, Preset

OTHERS = "others"
YOURS, FAVOURITES = "Yours", "Favourites"


class PresetList:
    """Presets by category, in the order in which they are listed, as `groups`.

    The user's own are a group by themselves, the last one, whatever category they name. `favourites` come before all,
    and stand in their own groups too.

    Args:
        presets: Lamina's.
        own: the user's.
        favourites: those of both that are marked.
    """

    def __init__(
        self, presets: Iterable[Preset] = (), own: Iterable[Preset] = (), favourites: Collection[int] = ()
    ) -> None:
        found: dict[str, list[Preset]] = {}
        for preset in presets:
            found.setdefault(preset.category or OTHERS, []).append(preset)
        order = [*CATEGORIES, *sorted(name for name in found if name not in (*CATEGORIES, OTHERS)), OTHERS]
        self.groups: dict[str, list[Preset]] = {
            heading(name): _by_title(found[name]) for name in order if name in found
        }
        yours = _by_title(own)
        if yours:
            self.groups[YOURS] = yours
        self.favourites = _by_title(preset for preset in self.all() if id(preset) in favourites)

    def all(self) -> list[Preset]:
        """Each of them once."""
        return [preset for group in self.groups.values() for preset in group]

    def found(self, words: str) -> dict[str, list[Preset]]:
        """The groups, favourites first, of what has every one of `words` in its title, description or group."""
        wanted = words.lower().split()
        groups = {FAVOURITES: self.favourites, **self.groups}
        kept = {
            name: [preset for preset in group if _has(f"{preset.title} {preset.description} {name}", wanted)]
            for name, group in groups.items()
        }
        return {name: group for name, group in kept.items() if group}

    def beside(self, title: str, step: int) -> Preset | None:
        """The next (`step` 1) or the one before (−1) the preset called `title`, around the ends.

        The first or last if there is none.
        """
        presets = self.all()
        if not presets:
            return None
        titles = [preset.title for preset in presets]
        if title not in titles:
            return presets[0 if step > 0 else -1]
        return presets[(titles.index(title) + step) % len(presets)]


def heading(category: str) -> str:
    """A category as the menu shows it."""
    return category[:1].upper() + category[1:]


def _by_title(presets: Iterable[Preset]) -> list[Preset]:
    return sorted(presets, key=lambda preset: preset.title.lower())


def _has(text: str, words: Iterable[str]) -> bool:
    return all(word in text.lower() for word in words)
