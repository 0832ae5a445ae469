"""The text of docs/presets.md: what each preset is and what it sets, read from the presets themselves."""

from __future__ import annotations

from example_recipes import excerpt_of

from lamina.plugin.documents.presets import CATEGORIES, Preset, list_presets
from lamina.plugin.parameters.motion import Motion
from lamina.plugin.parameters.table import PARAMETERS, find_parameter

HEARD_ON = {
    "music": "music",
    "voice": "voice",
    "noisy-voice": "noisy voice",
    "six-seconds": "voice",
    "twelve-seconds": "voice",
}

HEAD = """# Presets

{count} presets come with Lamina. The app's preset menu has them, `lamina presets` lists them, and scripts and commands
take them by name:

```sh
lamina render song.wav out.wav --preset {example}
```

```python
from lamina import NeuralCodec, load_preset

codec = NeuralCodec()
codec.set_parameters(load_preset("{example}").parameters)
```

Each sounds within 4 LU as loud as what goes in, on the music and on the voice that come with Lamina; those of the last
group are quieter, because they play a part of the sound. Whatever is drawn by lot is drawn the same way each time. What
keeps time does so at {tempo:g} beats per minute, the tempo of the music that comes with Lamina: set `tempo` to that of
your piece.

The sounds are what the preset makes of [music](sounds/music-dry.ogg), [a voice](sounds/voice-dry.ogg) or
[a voice in noise](sounds/noisy-voice-dry.ogg), 1.5 dB softer than rendered, as those are. `make examples` renders all
of them again and writes this page. [The code desk](desk/README.md) tells what the settings do.
"""


def preset_page() -> str:
    """The whole page."""
    presets = list_presets()
    tempo = next(preset.parameters["tempo"] for preset in presets if "tempo" in preset.parameters)
    parts = [HEAD.format(count=len(presets), example="beat-bloom", tempo=tempo)]
    for category in CATEGORIES:
        rows = [_row(preset) for preset in presets if preset.category == category]
        title = category[0].upper() + category[1:]
        parts.append(
            f"## {title}\n\n| preset | what it is | settings | sound |\n| --- | --- | --- | --- |\n"
            + "\n".join(rows)
            + "\n"
        )
    return "\n".join(parts)


def _row(preset: Preset) -> str:
    heard_on = HEARD_ON[excerpt_of(preset)]
    return (
        f"| `{preset.name}` | {preset.description} | {settings_in_words(preset)} | "
        f"[{heard_on}](sounds/presets/{preset.name}.ogg) |"
    )


def settings_in_words(preset: Preset) -> str:
    """“Layers 4, mix 35 %”: labels and values as the app writes them."""
    words = []
    for name, value in preset.parameters.items():
        parameter = PARAMETERS[name]
        valid = parameter.validate(value)
        if name == "motions":
            words += [motion_in_words(motion) for motion in valid]
        else:
            words.append(f"{parameter.label.lower()} {parameter.format(valid)}")
    text = ", ".join(words)
    return text[0].upper() + text[1:]


def motion_in_words(motion: Motion) -> str:
    """“Layers moved by a saw up LFO, once in 1 beat, by 90 % of the range”."""
    beats = f"{motion.beats:g} beat{'s' if motion.beats != 1 else ''}"
    pace = f"of {beats}" if motion.beats else f"at {motion.hz:g} Hz"
    source = {
        "envelope": f"the input's level ({motion.attack_ms:g} ms up, {motion.release_ms:g} ms down)",
        "steps": f"{len(motion.steps)} steps {pace}",
        "lfo": f"a {motion.shape} LFO {pace}",
    }[motion.source]
    return f"{find_parameter(motion.target).label.lower()} moved by {source}, {motion.depth:+.0%} of its range".replace(
        "%", " %"
    )
