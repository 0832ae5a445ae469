"""Trains the postfilter's network and writes its weights.

Lamina's own were made by `learn` in nine minutes from 569 sounds that the codec had coded; they go into
`models/engines/postfilter.npz`, and `core/make_postfilter_weights.py` wrote them down for the core.
"""

from __future__ import annotations

import argparse
import logging
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from lamina.models.runtime import load_runtime
from lamina.models.training.data.corpus import corpus_of
from lamina.models.training.data.packed import open_packed
from lamina.models.training.postfilter.learning import SECONDS_PER_SOUND, learn, record


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lamina.models.training.postfilter", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a file made by `lamina data pack`")
    parser.add_argument("--model", default="lamina-24k", help="the model whose sound is filtered")
    parser.add_argument("--sounds", type=int, default=600, help="sounds of 4 s that are coded once (default 600)")
    parser.add_argument("--minutes", type=float, default=12, help="of training, after that (default 12)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="the file of weights (.npz)")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.manual_seed(given.seed)
    torch.set_num_threads(1)
    runtime = load_runtime(given.model)
    config = runtime.config
    corpus = corpus_of([open_packed(given.data)], SECONDS_PER_SOUND * config.sample_rate, given.seed)
    recorded = record(runtime, corpus, given.sounds, given.seed)
    logging.info("%d sounds are coded, %d of them speech", len(recorded.sounds), int(recorded.speech.sum()))
    network = learn(recorded, given.minutes, config.frame, config.sample_rate)
    np.savez(given.out, **asdict(network))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
