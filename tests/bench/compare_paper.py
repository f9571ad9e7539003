"""Times the paper's experiments against a straightforward version in Python.

Figure 5: noise is optimised to 0.99 under seven measures, with R2 of principal
components and decoded labels at every step. Ours is one call of the client. The
other side is what one would write down: PyTorch autograd and Adam, a QR
decomposition for the components, and scikit-learn's logistic regression for every
label, time bin and fold; where PyTorch cannot be imported, NumPy with gradients
by hand. It is timed on a few iterates of our path and scaled to all of them.

Beside it: the cost of five tracked measures, and 16 restarts in one call against
16 calls. Everything runs in one go on one machine, side by side.

    build/venv/bin/python tests/bench/compare_paper.py [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from threadpoolctl import threadpool_limits

from repscore import synthetic

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from paper_slow import MEASURES, SlowRun, backend
from recordings import FOLDER
from server_process import ServerProcess

COMPONENTS = 50
FOLDS = 5
SAMPLED_ITERATES = 3
# scikit-learn's fits are the same work at every iterate: one is enough.
DECODED_ITERATES = 1
TRACKED = ("cka", "nbs", "procrustes.angular_score", "linear_r2", "cka.debiased")
RESTARTS = 16
STEPS = 30
PARTS = ("figure5", "tracking", "restarts")


@dataclass(frozen=True)
class Data:
    """A reference: rows, and labels by name."""

    name: str
    array: np.ndarray
    labels: dict[str, list]


def references() -> list[Data]:
    """The tree, and the IT recording and a surrogate where they are at hand."""
    tree = synthetic.ultrametric(0)
    labels = {key: list(values) for key, values in tree.labels.items()}
    found = [Data("ultrametric", tree.array, labels)]
    if (FOLDER / "zhang-desimone-it").is_dir():
        import paper_data

        response = paper_data.it_response()
        found.append(Data("it", response.array, response.labels))
    if (FOLDER / "diffscore-published-results").is_dir():
        import paper_data

        spectrum = paper_data.published("MajajHong2015").spectrum
        array = synthetic.matched_gaussian(spectrum, 3200)
        found.append(Data("majaj-surrogate", array, {}))
    return found


def seconds_of(call: Callable[[], object]) -> float:
    """Wall time of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def decode_slowly(rows: np.ndarray, labels: dict[str, list]) -> dict[str, float]:
    """Accuracy of every label by scikit-learn."""
    found = {}
    for name, values in labels.items():
        classes = np.array(values)
        rule = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
        scores = []
        for train, test in rule.split(rows, classes):
            model = LogisticRegression(max_iter=200)
            # Problems this small are slower with threads.
            with warnings.catch_warnings(), threadpool_limits(1):
                warnings.simplefilter("ignore")
                model.fit(rows[train], classes[train])
            scores.append(model.score(rows[test], classes[test]))
        found[name] = float(np.mean(scores))
    return found


def slow_seconds(data: Data, measure: str, points: int) -> float:
    """Time of the straightforward version for so many iterates, by a sample."""
    run = SlowRun(data.array, measure, COMPONENTS)
    steps = [seconds_of(run.step) for _ in range(SAMPLED_ITERATES)]
    decoding = [
        seconds_of(lambda: decode_slowly(run.candidate(), data.labels))
        for _ in range(DECODED_ITERATES if data.labels else 0)
    ]
    return points * (statistics.median(steps) + (sum(decoding) / DECODED_ITERATES))


def compare_figure(client, data: Data, max_steps: int) -> list[dict]:
    """One row per measure: all of figure 5's work, ours against theirs."""
    rows = []
    for measure in MEASURES:
        start = time.perf_counter()
        result = client.optimize(
            data.name,
            measure,
            max_steps=max_steps,
            components=min(COMPONENTS, data.array.shape[1]),
            decode=bool(data.labels),
            return_candidate=False,
        ).result()
        ours = time.perf_counter() - start
        theirs = slow_seconds(data, measure, len(result.trace))
        rows.append(
            {
                "what": "figure 5",
                "dataset": data.name,
                "measure": measure,
                "points": len(result.trace),
                "stop": result.stop_reason,
                "ours_s": ours,
                "theirs_s": theirs,
                "ratio": theirs / ours,
            }
        )
        print_row(rows[-1])
    total = {key: sum(row[key] for row in rows) for key in ("ours_s", "theirs_s")}
    rows.append(
        {
            "what": "figure 5",
            "dataset": data.name,
            "measure": "all",
            "points": sum(row["points"] for row in rows),
            **total,
            "ratio": total["theirs_s"] / total["ours_s"],
        }
    )
    print_row(rows[-1])
    return rows


def run_seconds(client, data: Data, measure: str, **options: object) -> float:
    """Computation of a run of fixed length, by its own clock."""
    result = client.optimize(
        data.name,
        measure,
        stop_score=2.0,
        max_steps=STEPS,
        return_candidate=False,
        **options,
    ).result()
    return result.trace[-1].elapsed_seconds


def compare_tracking(client, data: Data) -> list[dict]:
    """The cost of five tracked measures beside the objective."""
    rows = []
    for measure in ("cka", "procrustes.angular_score"):
        plain = statistics.median(run_seconds(client, data, measure) for _ in range(3))
        tracked = statistics.median(
            run_seconds(client, data, measure, track=TRACKED) for _ in range(3)
        )
        rows.append(
            {
                "what": "five tracked measures",
                "dataset": data.name,
                "measure": measure,
                "points": STEPS,
                "ours_s": tracked,
                "theirs_s": plain,
                "ratio": tracked / plain,
            }
        )
        print_row(rows[-1])
    return rows


def compare_restarts(client, data: Data) -> list[dict]:
    """Restarts of one call against as many calls, from the outside."""
    rows = []
    for measure in ("cka", "nbs"):
        options = {"stop_score": 2.0, "max_steps": STEPS, "return_candidate": False}
        together = seconds_of(
            lambda measure=measure, options=options: client.optimize(
                data.name, measure, restarts=RESTARTS, **options
            ).result()
        )
        single = sum(
            seconds_of(
                lambda measure=measure, options=options, seed=seed: client.optimize(
                    data.name, measure, seed=seed, **options
                ).result()
            )
            for seed in range(RESTARTS)
        )
        rows.append(
            {
                "what": f"{RESTARTS} restarts",
                "dataset": data.name,
                "measure": measure,
                "points": RESTARTS * STEPS,
                "ours_s": together,
                "theirs_s": single,
                "ratio": single / together,
            }
        )
        print_row(rows[-1])
    return rows


def print_row(row: dict) -> None:
    """A line of the table."""
    print(
        f"{row['what']:<22}{row['dataset']:<17}{row['measure']:<46}"
        f"{row['points']:>7}{row['ours_s']:>10.2f}{row['theirs_s']:>10.2f}"
        f"{row['ratio']:>8.2f}",
        flush=True,
    )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="write the rows here")
    parser.add_argument("--max-steps", type=int, default=1000)
    parser.add_argument("--part", choices=PARTS, nargs="+", default=PARTS)
    arguments = parser.parse_args()
    print(f"the straightforward version is {backend()}; {os.cpu_count()} cores")
    print(
        f"{'what':<22}{'dataset':<17}{'measure':<46}{'points':>7}{'ours s':>10}"
        f"{'theirs s':>10}{'ratio':>8}"
    )
    results: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data", OMP_WAIT_POLICY=None).start()
        try:
            with server.client() as client:
                found = references()
                for data in found:
                    labels = data.labels or None
                    client.register(data.name, data.array, labels=labels)
                    if "figure5" in arguments.part:
                        results += compare_figure(client, data, arguments.max_steps)
                for data in found:
                    if "tracking" in arguments.part:
                        results += compare_tracking(client, data)
                for data in found:
                    if "restarts" in arguments.part:
                        results += compare_restarts(client, data)
        finally:
            server.stop()
    if arguments.json:
        report = {"against": backend(), "rows": results}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
