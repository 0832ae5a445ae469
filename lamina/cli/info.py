"""`lamina info` shows a model, versions, devices and latency, what a bug report needs.

`lamina presets` lists the presets, `lamina rivals` the other codecs.
"""

from __future__ import annotations

import argparse
import platform
from dataclasses import asdict
from typing import Any

from lamina.cli.answers import print_json, shown
from lamina.cli.options import MODEL_HELP
from lamina.models.bundles.bundle import DEFAULT_BUNDLE, survey_bundles
from lamina.models.config import CodecConfig
from lamina.models.engines.core import why_not
from lamina.models.runtime import load_runtime
from lamina.plugin.neural_codec import NeuralCodec
from lamina.plugin.parameters.table import PARAMETERS

SHOWN_RATES = (44_100, 48_000)
SHOWN_PACKAGES = ("onnxruntime", "pedalboard", "numpy", "PyQt6", "sounddevice", "rtmixer")


def add_info_commands(commands: Any) -> None:
    """Declare the three commands."""
    info = commands.add_parser(
        "info",
        help="show the models, versions, sound devices and latency",
        description="Show a model, all other models, the versions of what they run on, the sound outputs, and the "
        "codec's latency: what a bug report should hold.",
    )
    info.add_argument("--model", metavar="NAME", help=MODEL_HELP)
    info.add_argument("--json", action="store_true", help="as JSON")
    info.set_defaults(run=_info)

    presets = commands.add_parser(
        "presets",
        help="list the presets",
        description="List the presets that come with Lamina, with their settings. Use one with `lamina render --preset "
        "NAME`.",
    )
    presets.add_argument("--json", action="store_true", help="as JSON")
    presets.set_defaults(run=_presets)

    rivals = commands.add_parser(
        "rivals",
        help="list the other codecs that sound can go through",
        description="List the other codecs that sound can go through, with their bitrates and options, and what is "
        "missing for those that can't be used here. Use one with `lamina render --rival NAME:KBPS`.",
    )
    rivals.add_argument("--json", action="store_true", help="as JSON")
    rivals.set_defaults(run=_rivals)


def _info(options: argparse.Namespace) -> int:
    model = options.model or DEFAULT_BUNDLE
    if options.json:
        print_json(facts(model))
    else:
        print_info(model)
    return 0


def _presets(options: argparse.Namespace) -> int:
    from lamina.plugin.documents.presets import CATEGORIES, list_presets

    presets = [
        (preset, {name: PARAMETERS[name].validate(value) for name, value in preset.parameters.items()})
        for category in CATEGORIES
        for preset in list_presets()
        if preset.category == category
    ]
    if options.json:
        print_json(
            [
                {
                    "name": preset.name,
                    "title": preset.title,
                    "category": preset.category,
                    "description": preset.description,
                    "parameters": {name: PARAMETERS[name].plain(value) for name, value in values.items()},
                }
                for preset, values in presets
            ]
        )
        return 0
    category = ""
    for preset, values in presets:
        if preset.category != category:
            print(f"{chr(10) if category else ''}{preset.category[0].upper()}{preset.category[1:]}")
            category = preset.category
        texts = ", ".join(
            f"{PARAMETERS[name].label.lower()} {PARAMETERS[name].format(value)}" for name, value in values.items()
        )
        print(f"  {preset.name:22} {preset.description}\n{'':24} {texts}")
    return 0


def _rivals(options: argparse.Namespace) -> int:
    from lamina.plugin.rivals.registry import RIVALS

    if options.json:
        print_json(
            [
                {
                    "name": kind.name,
                    "title": kind.title,
                    "kbps": list(kind.rates.choices) or [kind.rates.lowest, kind.rates.highest],
                    "any_kbps_between": not kind.rates.choices,
                    "default_kbps": kind.rates.default,
                    "channels": kind.channels,
                    "sample_rate": kind.sample_rates,
                    "streams": kind.streams,
                    "options": kind.options,
                    "colour": kind.colour,
                    "needs": kind.needs,
                    "missing": kind.missing(),
                }
                for kind in RIVALS.values()
            ]
        )
        return 0
    for kind in RIVALS.values():
        each = "" if kind.channels == "joint" else ", each channel"
        missing = kind.missing()
        takes = "".join(f"{name}: {values}\n{'':8} " for name, values in kind.options.items())
        print(f"{kind.name:8} {kind.title}: {kind.rates} kbps{each}; {kind.sample_rates}")
        print(f"{'':8} {takes}{'here' if missing is None else f'not here: {shown(missing)}'}")
    return 0


def facts(model: str = DEFAULT_BUNDLE) -> dict[str, Any]:
    """The same as `print_info` tells, as JSON can hold it; raises BundleError if `model` can't be used."""
    codec = NeuralCodec(model=model)
    bundle, config = codec.bundle, codec.bundle.config
    return {
        "lamina": _version("lamina"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "packages": {name: _version(name) for name in SHOWN_PACKAGES},
        "model": {
            "name": bundle.name,
            "path": bundle.path,
            "digest": bundle.digest,
            "sample_rate": config.sample_rate,
            "frame_samples": config.frame,
            "layers": config.layers,
            "kbps": [config.kbps(1), config.kbps(config.layers)],
            "memory": _memory(config),
            "engine": load_runtime(model).engine,
            "denoises": bundle.conditioned,
            "training": bundle.training,
        },
        "models": [
            {"name": entry.name, "is_own": entry.is_own, "problem": entry.problem} for entry in survey_bundles()
        ],
        "latency_samples": {str(rate): codec.latency_samples(rate) for rate in SHOWN_RATES},
        "sound": _sound_facts(),
    }


def _sound_facts() -> dict[str, Any]:
    from lamina.plugin.host.device.devices import list_devices
    from lamina.plugin.host.device.streams import DeviceError, has_rtmixer

    try:
        devices, problem = [asdict(device) for device in list_devices()], ""
    except DeviceError as error:
        devices, problem = [], str(error)
    return {"callback": "C" if has_rtmixer() else "Python", "devices": devices, "problem": problem}


def print_info(model: str = DEFAULT_BUNDLE) -> None:
    """Print everything a bug report should hold; raises BundleError if `model` can't be used."""
    codec = NeuralCodec(model=model)
    bundle = codec.bundle
    config = bundle.config
    print(
        f"Lamina {_version('lamina')} · Python {platform.python_version()} · {platform.system()} {platform.machine()}"
    )
    print(" · ".join(f"{name} {_version(name)}" for name in SHOWN_PACKAGES))
    print()
    print(f"Bundle   {shown(bundle.name)} ({shown(bundle.path)})")
    print(
        f"         {config.sample_rate} Hz, frames of {config.frame} samples, {config.layers} layers of "
        f"{config.codebook_size} codes"
    )
    print(
        f"         {config.kbps(1):g} to {config.kbps(config.layers):g} kbps per channel; SHA-256 {bundle.digest[:16]}…"
    )
    print(f"         memory: {_memory(config)}")
    print(f"         computed by: {_engine(model, config)}")
    print(f"         denoise: {'trained' if bundle.conditioned else 'not trained in this bundle'}")
    if bundle.training:
        training = ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in bundle.training.items())
        print(f"         {shown(training)}")
    print()
    for index, entry in enumerate(survey_bundles()):
        title, whose = "Models" if index == 0 else "", "your own" if entry.is_own else "comes with Lamina"
        print(
            f"{title:8} {entry.name} ({whose})" + (f": can't be used. {shown(entry.problem)}" if entry.problem else "")
        )
    print()
    for rate in SHOWN_RATES:
        samples = codec.latency_samples(rate)
        print(
            f"Latency  {samples} samples = {samples / rate * 1000:.1f} ms at {rate} Hz, any block size (devices come "
            "on top)"
        )
    print()
    _print_devices()


def _print_devices() -> None:
    from lamina.plugin.host.device.devices import list_devices
    from lamina.plugin.host.device.streams import DeviceError, has_rtmixer

    print(
        "Sound    callback "
        f"{'in C (rtmixer)' if has_rtmixer() else 'in Python: rtmixer is missing, so live sound needs larger buffers'}"
    )
    try:
        devices = list_devices()
    except DeviceError as error:
        print(f"Devices  {error}")
        return
    for kind in ("input", "output"):
        title = f"{kind.capitalize()}s"
        usable = [(device, device.n_inputs if kind == "input" else device.n_outputs) for device in devices]
        for device, n_channels in ((device, n) for device, n in usable if n):
            is_default = device.is_default_input if kind == "input" else device.is_default_output
            print(
                f"{title:8} {device.name} ({n_channels} channels, {device.default_rate} "
                f"Hz{', default' if is_default else ''})"
            )
            title = ""
        if title:
            print(f"{title:8} none found{'; files can still be rendered' if kind == 'output' else ''}")


def _memory(config: CodecConfig) -> str:
    """What the codec foresees from, in a few words."""
    memory = config.memory
    if memory is None:
        return "none, every frame is coded anew"
    shortest, longest = (lag / config.sample_rate * 1000 for lag in (memory.shortest_lag, memory.longest_lag))
    return f"from {memory.from_layers} layers up a frame's first code looks {shortest:.1f} to {longest:.0f} ms back"


def _engine(model: str, config: CodecConfig) -> str:
    """What computes the networks here, and why it isn't the core if it isn't."""
    name = load_runtime(model).engine
    return name if name.startswith("core") or not why_not(config) else f"{name}. {why_not(config)}"


def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # here: every command, the app too, would wait for it

    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
