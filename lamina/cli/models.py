"""`lamina models`: which models there are, and what becomes of one's own."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamina.cli.answers import DONE, REFUSED, print_json
from lamina.models.bundles.bundle import DEFAULT_BUNDLE

if TYPE_CHECKING:
    from lamina.models.bundles.bundle import BundleEntry


def add_models_command(commands: Any) -> None:
    """Declare the command and its subcommands."""
    models = commands.add_parser(
        "models",
        help="list, show, rename and remove models",
        description="List the models that come with Lamina and your own, show what one is, and rename or remove one of "
        "your own. `lamina train --name` makes one.",
        epilog="Example: lamina models rename my-band my-old-band",
    )
    models.set_defaults(run=lambda _: models.print_help() or REFUSED)
    actions = models.add_subparsers(title="commands", metavar="COMMAND")
    listing = actions.add_parser("list", help="list all models", description="List all models, and what is wrong.")
    listing.add_argument("--json", action="store_true", help="as JSON")
    listing.set_defaults(run=_list)
    show = actions.add_parser(
        "show",
        help="show what a model is and how it was trained",
        description="Show a model's shape, how it was trained, and its model card.",
    )
    show.add_argument("name", nargs="?", default=DEFAULT_BUNDLE, metavar="NAME", help="default %(default)s")
    show.add_argument("--json", action="store_true", help="as JSON")
    show.set_defaults(run=_show)
    rename = actions.add_parser(
        "rename",
        help="give one of your own models another name",
        description="Give one of your own models another name. Its training run goes along; files that were encoded "
        "with it stay readable, because they know it by its weights. Presets that name it don't follow.",
    )
    rename.add_argument("name", metavar="NAME", help="what it is called")
    rename.add_argument("new_name", metavar="NEW", help="what it shall be called")
    rename.set_defaults(run=_rename)
    remove = actions.add_parser(
        "remove",
        help="remove one of your own models",
        description="Remove one of your own models for good. Files that were encoded with it can't be decoded any "
        "more. Its training run stays, from which it can be made again.",
    )
    remove.add_argument("name", metavar="NAME", help="what it is called")
    remove.add_argument("-f", "--force", action="store_true", help="don't ask")
    remove.set_defaults(run=_remove)

    weights = actions.add_parser(
        "weights",
        help="write a model as one file, for the plugin",
        description="Write a model's weights as one file that Lamina's plugin for audio workstations opens. Without "
        "FILE it is put where the plugin looks for your models when a host loads it.",
    )
    weights.add_argument("name", metavar="NAME", help="the model, or a bundle's folder")
    weights.add_argument("file", nargs="?", type=Path, metavar="FILE", help="what to write")
    weights.set_defaults(run=_weights)


def _list(options: argparse.Namespace) -> int:
    from lamina.models.bundles.bundle import survey_bundles

    entries = survey_bundles()
    if options.json:
        print_json([_facts(entry) for entry in entries])
        return DONE
    for entry in entries:
        whose = "your own" if entry.is_own else "comes with Lamina"
        if entry.bundle is None:
            print(f"{entry.name} ({whose}): can't be used. {entry.problem}")
            continue
        config = entry.bundle.config
        print(
            f"{entry.name} ({whose}): {config.layers} layers, {config.kbps(1):g} to {config.kbps(config.layers):g} kbps"
        )
    return DONE


def _facts(entry: BundleEntry) -> dict[str, Any]:
    bundle = entry.bundle
    known = {} if bundle is None else {"path": bundle.path, "digest": bundle.digest, "layers": bundle.config.layers}
    return {"name": entry.name, "is_own": entry.is_own, "problem": entry.problem, **known}


def _show(options: argparse.Namespace) -> int:
    from lamina.models.bundles.bundle import MODEL_CARD, open_bundle

    bundle = open_bundle(options.name)
    config = bundle.config
    facts = {
        "name": bundle.name,
        "path": bundle.path,
        "digest": bundle.digest,
        "design": config.design,
        "sample_rate": config.sample_rate,
        "frame_samples": config.frame,
        "layers": config.layers,
        "kbps": [config.kbps(1), config.kbps(config.layers)],
        "denoises": bundle.conditioned,
        "training": bundle.training,
    }
    if options.json:
        print_json(facts)
        return DONE
    for title, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{key.replace('_', ' ')} {detail}" for key, detail in value.items())
        elif isinstance(value, list):
            value = " to ".join(f"{number:g}" for number in value)
        print(f"{title.replace('_', ' '):14} {value}")
    card = bundle.path / MODEL_CARD
    if card.is_file():
        print(f"\n{card.read_text(encoding='utf-8').rstrip()}")
    return DONE


def _rename(options: argparse.Namespace) -> int:
    from lamina.models.bundles.bundle import rename_own_bundle

    print(f"{options.name} is called {options.new_name} now, in {rename_own_bundle(options.name, options.new_name)}.")
    return DONE


def _remove(options: argparse.Namespace) -> int:
    from lamina.cli.batch import is_yes
    from lamina.models.bundles.bundle import remove_own_bundle
    from lamina.models.bundles.own_bundles import check_own, run_folder

    check_own(options.name)
    if not options.force and not is_yes(f"Remove {options.name}? Files encoded with it can't be decoded then. [y/N] "):
        print(f"lamina: {options.name} was not removed; give --force to remove it without asking.", file=sys.stderr)
        return REFUSED
    remove_own_bundle(options.name)
    run = run_folder(options.name)
    print(f"{options.name} is removed." + (f" Its training run is still in {run}." if run.is_dir() else ""))
    return DONE


def _weights(options: argparse.Namespace) -> int:
    from lamina.models.bundles.bundle import open_bundle
    from lamina.models.engines.weights_file import own_weights_file, write_weights_file

    bundle = open_bundle(options.name)
    target = own_weights_file(bundle.name) if options.file is None else options.file
    write_weights_file(bundle, target)
    where = " The plugin knows it when a host loads it the next time." if options.file is None else ""
    print(f"The weights of {bundle.name} are in {target}.{where}")
    return DONE
