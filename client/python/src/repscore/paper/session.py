"""What all figures share: client, settings, measures, files."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from repscore.client import Client
from repscore.decoding import Decoding
from repscore.trace import RunResult

CKA = "cka"
ANGULAR_CKA = "cka.angular_score"
DEBIASED_CKA = "cka.debiased"
NBS = "nbs"
PROCRUSTES = "procrustes.angular_score"
LINEAR = "linear_r2"
RIDGE = "ridge_r2(lambda=100,folds=rows_contiguous(5))"

# The paper's seventh, "rsa", is CKA under another name: debiased CKA takes its
# place.
MEASURES = {
    CKA: "CKA",
    ANGULAR_CKA: "angular CKA",
    DEBIASED_CKA: "debiased CKA",
    NBS: "NBS",
    PROCRUSTES: "angular Procrustes",
    LINEAR: "linear regression",
    RIDGE: "ridge, 5 folds",
}
STOP_SCORE = 0.99


class InapplicableError(ValueError):
    """The reference has not what a figure is about."""


@dataclass(frozen=True)
class Session:
    """A client and how thorough to be.

    Attributes:
        client: Of the server that does the work.
        data: Folder of recordings and published tables; may be absent.
        out: Folder of the figures.
        quick: Fewer measures, references and steps: minutes become seconds.
        seed: Of all noise.
        device: "auto", "cpu" or for instance "cuda:0".
        dataset: A registered dataset to use instead of the built-in references.
        reference: An .npy or .npz file, likewise.
        labels: A CSV file with one column per label for `reference`.
        activations: Files of candidates by name, for figure 2.
        all_figures: Figures that the reference has nothing for are left out.
    """

    client: Client
    data: Path | None
    out: Path
    quick: bool = False
    seed: int = 0
    device: str = ""
    dataset: str = ""
    reference: Path | None = None
    labels: Path | None = None
    activations: Mapping[str, Path] | None = None
    all_figures: bool = False

    @property
    def max_steps(self) -> int:
        """Budget of one optimisation."""
        return 150 if self.quick else 1000

    def optimize(
        self,
        dataset: str,
        measure: str,
        *,
        decode: Decoding | bool = False,
        **options: Any,
    ) -> RunResult:
        """Runs one optimisation to 0.99 and says how it went."""
        start = time.perf_counter()
        run = self.client.optimize(
            dataset,
            measure,
            seed=self.seed,
            decode=decode,
            device=self.device,
            **{
                "stop_score": STOP_SCORE,
                "max_steps": self.max_steps,
                "return_candidate": False,
                **options,
            },
        )
        result = run.result()
        print(
            f"  {dataset:<24} {MEASURES.get(measure, measure):<20}"
            f" {result.trace[0].score:7.4f} -> {result.trace[-1].score:.4f}"
            f" in {result.steps} steps, {time.perf_counter() - start:.1f} s",
            flush=True,
        )
        return result

    def write_csv(self, name: str, rows: Iterable[Mapping[str, Any]]) -> Path:
        """Writes rows with the columns of all of them; None becomes empty."""
        rows = list(rows)
        columns = list(dict.fromkeys(key for row in rows for key in row))
        path = self.out / f"{name}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns, restval="")
            writer.writeheader()
            writer.writerows(rows)
        return path
