"""Trains the paper's networks and scores their firing rates on a server.

    python client/python/examples/contextual_decision --address localhost:50051

The reference is a registered recording with the same 15 times and 72 conditions
(`--reference mante2013`), or by default a CTRNN that is trained first. Needs
PyTorch. Activations are left in a folder, for `repscore-paper fig2`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

try:
    import torch
except ImportError:
    sys.exit("this example needs PyTorch: pip install torch")

import numpy as np
import training
from models import MODELS

import repscore

MEASURES = (
    "cka",
    "cka.debiased",
    "nbs",
    "procrustes.angular_score",
    "linear_r2",
    "ridge_r2(lambda=100,folds=rows_contiguous(5))",
)
REFERENCE = "contextual-decision-ctrnn"
_FIRST_BIN_MS = 375.0
_BIN_MS = 50.0
_BINS = 15
# Where a reference network comes from: a seed that no candidate has.
_REFERENCE_SEED = 1000


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--address", help="of the server")
    parser.add_argument("--reference", help="a registered dataset with 15 x 72 rows")
    parser.add_argument("--quantity", choices=("rate", "state"), default="rate")
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--updates", type=int, default=4000, help="at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("contextual-decision"))
    parser.add_argument(
        "--quick", action="store_true", help="32 units and less training"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.units, arguments.updates = 32, 250
    return arguments


def train_and_record(
    kind: str, seed: int, arguments: argparse.Namespace, updates: int
) -> np.ndarray:
    """Trains one network and says how well it does."""
    start = time.perf_counter()
    trained = training.train(
        kind,
        units=arguments.units,
        seed=seed,
        updates=updates,
        learning_rate=training.LEARNING_RATE * (5 if arguments.quick else 1),
    )
    print(
        f"{kind:<14} seed {seed:<5} accuracy {trained.accuracy:.3f} after "
        f"{trained.updates} updates, {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return training.record(trained.network, arguments.quantity)


def main() -> None:
    """Trains, registers, scores."""
    arguments = parse_arguments()
    arguments.out.mkdir(parents=True, exist_ok=True)
    print(f"PyTorch {torch.__version__}; recorded quantity: {arguments.quantity}")
    with repscore.Client(arguments.address) as client:
        reference = arguments.reference
        if reference is None:
            seed = arguments.seed + _REFERENCE_SEED
            array = train_and_record("CTRNN", seed, arguments, arguments.updates)
            np.save(arguments.out / "reference.npy", array)
            reference = client.register(
                REFERENCE,
                array,
                time_ms=[_FIRST_BIN_MS + _BIN_MS * index for index in range(_BINS)],
                labels=training.labels(),
                description=f"CTRNN, {arguments.units} units: {arguments.quantity}",
                metadata={"quantity": arguments.quantity},
            )
        activations = {
            kind: train_and_record(kind, arguments.seed, arguments, arguments.updates)
            for kind in MODELS
        }
        activations["untrained CTRNN"] = train_and_record(
            "CTRNN", arguments.seed, arguments, updates=0
        )
        for name, array in activations.items():
            file = name.lower().replace(" ", "-")
            np.save(arguments.out / f"{file}.npy", array)
        context = repscore.Context(baseline=True)
        print(client.score(reference, activations, MEASURES, context=context))
    print("activations:", arguments.out)


if __name__ == "__main__":
    main()
