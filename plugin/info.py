"""What `lamina info` prints: a model and which others there are, versions, devices, latency."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

from lamina.models.bundle import DEFAULT_BUNDLE, survey_bundles
from lamina.plugin.devices import output_devices
from lamina.plugin.neural_codec import NeuralCodec

SHOWN_RATES = (44_100, 48_000)
SHOWN_PACKAGES = ("onnxruntime", "pedalboard", "numpy", "PyQt6", "sounddevice")


def print_info(model: str = DEFAULT_BUNDLE) -> None:
    """Print everything a bug report should hold; raises BundleError if `model` can't be used."""
    codec = NeuralCodec(model=model)
    bundle = codec.bundle
    config = bundle.config
    print(f"Lamina {_version('lamina')} · Python {platform.python_version()} · {platform.system()} {platform.machine()}")
    print(" · ".join(f"{name} {_version(name)}" for name in SHOWN_PACKAGES))
    print()
    print(f"Bundle   {bundle.name} ({bundle.path})")
    print(f"         {config.sample_rate} Hz, frames of {config.frame} samples, {config.layers} layers of {config.codebook_size} codes")
    print(
        f"         {bundle.kbps_per_layer:g} to {bundle.kbps_per_layer * config.layers:g} kbps per channel; SHA-256 {bundle.digest[:16]}…"
    )
    print(f"         denoise: {'trained' if bundle.conditioned else 'not trained in this bundle'}")
    if bundle.training:
        print("         " + ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in bundle.training.items()))
    print()
    for index, entry in enumerate(survey_bundles()):
        title, whose = "Models" if index == 0 else "", "your own" if entry.is_own else "comes with Lamina"
        print(f"{title:8} {entry.name} ({whose})" + (f": can't be used. {entry.problem}" if entry.problem else ""))
    print()
    for rate in SHOWN_RATES:
        samples = codec.latency_samples(rate)
        print(f"Latency  {samples} samples = {samples / rate * 1000:.1f} ms at {rate} Hz, any block size (devices come on top)")
    print()
    devices, problem = output_devices()
    for index, device in enumerate(devices):
        title, note = "Outputs" if index == 0 else "", ", default" if device.default else ""
        print(f"{title:8} {device.name} ({device.channels} channels, {device.sample_rate} Hz{note})")
    if problem:
        print(f"Outputs  {problem}")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"
