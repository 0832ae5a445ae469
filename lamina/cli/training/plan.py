"""What the options of `lamina train` ask for, as a plan."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from lamina.models.training.recipes import RECIPES, Recipe

if TYPE_CHECKING:
    from lamina.models.training.parallel import Workers
    from lamina.models.training.plan import TrainingPlan

LEAST_REFIT_FRAMES, REFIT_FRAMES_PER_MINUTE = 15_000, 1000
USUALLY = Recipe("any machine", {"minutes": 20.0}, {})


def check_numbers(options: argparse.Namespace) -> None:
    """Raises ValueError if a number is out of range, or options don't go together."""
    for name in ("minutes", "batch", "learning_rate", "threads", "max_steps", "channels", "pause_after"):
        value = getattr(options, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name.replace('_', '-')} is {value}; it must be more than 0.")
    if options.discriminators is not None and not 0 <= options.discriminators < 1:
        raise ValueError(
            f"--discriminators is {options.discriminators:g}; give the share of the run after which they join in, 0 to "
            "below 1."
        )
    if options.waveform_discriminators and options.discriminators is None and not _recipe(options).adversary:
        raise ValueError("--waveform-discriminators needs --discriminators SHARE, which says when they join in.")
    if options.export == "best" and not options.heldout:
        raise ValueError("--export best needs --heldout sounds, which say which checkpoint is the best.")
    if options.resume and options.start is None:
        raise ValueError(
            "--resume goes on with a run that lies elsewhere: say which, --from its checkpoint or --travel FILE."
        )
    if options.only_denoise:
        if options.start is None:
            raise ValueError("--only-denoise trains for a codec that is there: say which, --from a bundle.")
        judging = {"--discriminators": options.discriminators is not None, "--export best": options.export == "best"}
        for other, is_given in {**judging, "--recipe": options.recipe is not None}.items():
            if is_given:
                raise ValueError(f"--only-denoise has a plan of its own; leave {other} out.")
    if options.travel is not None and options.name is not None:
        raise ValueError(
            "--travel ends without a model to install; leave --name out, and give it in the call that ends the run."
        )


def plan_of(options: argparse.Namespace, workers: Workers) -> TrainingPlan:
    """The recipe's plan, or the usual one, with what the options say."""
    from lamina.models.training.adversary import AdversaryPlan
    from lamina.models.training.plan import TrainingPlan
    from lamina.models.training.precision import is_bfloat16_fast

    recipe = _recipe(options)
    given = {name: getattr(options, name) for name in ("minutes", "max_steps", "batch", "learning_rate")}
    fields = {**recipe.plan, **{name: value for name, value in given.items() if value is not None}}
    judging = {**recipe.adversary, "waveform": options.waveform_discriminators}
    if options.discriminators is not None:
        judging["start"] = options.discriminators
    # Fitting must not eat up a short run.
    enough = int(min(TrainingPlan.refit_frames, max(LEAST_REFIT_FRAMES, fields["minutes"] * REFIT_FRAMES_PER_MINUTE)))
    return TrainingPlan(
        **{"refit_frames": enough, **fields},
        half_precision=not options.no_half and is_bfloat16_fast(workers.device),
        compile=options.compile,
        seed=options.seed,
        threads=options.threads,
        adversary=AdversaryPlan(**judging),
    )


def _recipe(options: argparse.Namespace) -> Recipe:
    if options.only_denoise:
        from lamina.models.training.denoising import PLAN

        return Recipe("a denoiser", {**USUALLY.plan, **PLAN}, {})
    return USUALLY if options.recipe is None else RECIPES[options.recipe]
