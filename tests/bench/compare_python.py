"""Times repscore against straightforward Python code of the same measures.

Scores: the server through its client, against NumPy and scikit-learn. Adam
steps: the server's own trace, against PyTorch autograd on the CPU (Debian's
python3-torch or any other; left out when it cannot be imported). Everything
runs in one go on one machine, side by side, so that ratios mean something. The
values of both sides are compared as well.

    build/venv/bin/python tests/bench/compare_python.py [--large] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

import oracles
from server_process import ServerProcess

try:
    import torch
except ImportError:
    torch = None

SIZES = [(300, 100, 100), (2000, 200, 200)]
LARGE = [(5000, 500, 500), (3200, 4096, 168)]
FOLDS = 5
RIDGE = f"ridge_r2(lambda=100,folds=rows_contiguous({FOLDS}))"


def median_ms(call: Callable[[], object], seconds: float = 1.0) -> float:
    """Median milliseconds of a call, repeated for about so long."""
    times = []
    start = time.perf_counter()
    while len(times) < 3 or (time.perf_counter() - start < seconds and len(times) < 50):
        before = time.perf_counter()
        call()
        times.append(time.perf_counter() - before)
    return 1000 * statistics.median(times)


def scikit_learn_ridge(x: np.ndarray, y: np.ndarray) -> float:
    """Five folds with scikit-learn, denominators about the training mean."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold

    scores = []
    for train, rows in KFold(FOLDS).split(x):
        predicted = Ridge(alpha=100.0).fit(x[train], y[train]).predict(x[rows])
        total = ((y[rows] - y[train].mean(axis=0)) ** 2).sum()
        scores.append(1 - ((y[rows] - predicted) ** 2).sum() / total)
    return float(np.mean(scores))


def scikit_learn_linear(x: np.ndarray, y: np.ndarray) -> float:
    """In-sample R2 of scikit-learn's LinearRegression."""
    from sklearn.linear_model import LinearRegression
    from sklearn.metrics import r2_score

    predicted = LinearRegression().fit(x, y).predict(x)
    return float(r2_score(y, predicted, multioutput="variance_weighted"))


PYTHON_SCORES: dict[str, tuple[str, Callable[[np.ndarray, np.ndarray], float]]] = {
    "cka": ("NumPy", oracles.cka),
    "cka.debiased": ("NumPy, n x n", oracles.cka_debiased),
    "nbs": ("NumPy", oracles.nbs),
    "linear_r2": ("scikit-learn", scikit_learn_linear),
    RIDGE: ("scikit-learn", scikit_learn_ridge),
}


def torch_centred(x):
    return x - x.mean(dim=0)


def torch_cka(x, y):
    x, y = torch_centred(x), torch_centred(y)
    norms = torch.linalg.norm(x.T @ x) * torch.linalg.norm(y.T @ y)
    return torch.linalg.norm(x.T @ y) ** 2 / norms


def torch_cka_gram(x, y):
    x, y = torch_centred(x), torch_centred(y)
    k, gram = x @ x.T, y @ y.T
    return (k * gram).sum() / (torch.linalg.norm(k) * torch.linalg.norm(gram))


def torch_nbs(x, y):
    x, y = torch_centred(x), torch_centred(y)
    values = torch.linalg.svdvals(x.T @ y)
    return values.sum() / (torch.linalg.norm(x) * torch.linalg.norm(y))


def torch_ridge(x, y):
    scores = []
    rows = torch.arange(len(x))
    for held_out in torch.tensor_split(rows, FOLDS):
        mask = torch.ones(len(x), dtype=torch.bool)
        mask[held_out] = False
        train, target = x[mask], y[mask]
        mean, target_mean = train.mean(dim=0), target.mean(dim=0)
        train, target = train - mean, target - target_mean
        gram = train.T @ train + 100 * torch.eye(x.shape[1], dtype=x.dtype)
        weights = torch.linalg.solve(gram, train.T @ target)
        shown = y[held_out] - target_mean
        error = shown - (x[held_out] - mean) @ weights
        scores.append(1 - (error**2).sum() / (shown**2).sum())
    return torch.stack(scores).mean()


TORCH_SCORES = {
    "cka": [("feature form", torch_cka), ("n x n Gram", torch_cka_gram)],
    "nbs": [("svdvals", torch_nbs)],
    RIDGE: [("solve per fold", torch_ridge)],
}


def torch_steps(score, start, reference, dtype, steps) -> tuple[float, list[float]]:
    """Median milliseconds of an Adam step, and the scores before each."""
    y = torch.tensor(reference.tolist(), dtype=dtype)
    x = torch.tensor(start.tolist(), dtype=dtype, requires_grad=True)
    adam = torch.optim.Adam([x], lr=0.1)
    times, values = [], []
    for _ in range(steps):
        before = time.perf_counter()
        adam.zero_grad()
        value = score(x, y)
        (-value).backward()
        adam.step()
        times.append(time.perf_counter() - before)
        values.append(float(value.detach()))
    return 1000 * statistics.median(times), values


def problem(n: int, p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """A reference with spectrum about 1/i and a noise candidate."""
    random = np.random.default_rng(0)
    reference = random.normal(size=(n, q)) / np.sqrt(np.arange(1, q + 1))
    return random.normal(size=(n, p)), reference


def compare_scores(client, name, x, y) -> list[dict]:
    """One row per measure: server against Python."""
    rows = []
    for measure, (label, function) in PYTHON_SCORES.items():
        ours = client.score(name, x, measure)[measure]
        theirs = function(x, y)
        rows.append(
            {
                "what": "score",
                "measure": measure,
                "against": label,
                "precision": "float64",
                "ours_ms": median_ms(
                    lambda measure=measure: client.score(name, x, measure)
                ),
                "theirs_ms": median_ms(lambda function=function: function(x, y)),
                "difference": abs(ours - theirs),
            }
        )
    return rows


def compare_steps(client, name, x, y, steps) -> list[dict]:
    """One row per measure, precision and way to write it in PyTorch."""
    rows = []
    for measure, ways in TORCH_SCORES.items():
        for precision, dtype in (("float64", "float64"), ("mixed", "float32")):
            trace = (
                client.optimize(
                    name,
                    measure,
                    start=name + "-start",
                    precision=precision,
                    stop_score=2.0,
                    max_steps=steps,
                    return_candidate=False,
                )
                .result()
                .trace
            )
            elapsed = np.diff([point.elapsed_seconds for point in trace])
            for label, score in ways:
                theirs_ms, values = torch_steps(
                    score, x, y, getattr(torch, dtype), steps
                )
                rows.append(
                    {
                        "what": "Adam step",
                        "measure": measure,
                        "against": f"torch, {label}",
                        "precision": precision,
                        "ours_ms": 1000 * float(np.median(elapsed)),
                        "theirs_ms": theirs_ms,
                        "difference": max(
                            abs(point.score - value)
                            for point, value in zip(trace[:4], values)
                        ),
                    }
                )
    return rows


def print_rows(size: tuple[int, int, int], rows: list[dict]) -> None:
    """A table of one size."""
    print(f"\nn, p, q = {size[0]}, {size[1]}, {size[2]}")
    print(
        f"{'what':<10}{'measure':<46}{'against':<22}{'precision':<10}"
        f"{'ours ms':>9}{'theirs ms':>11}{'ratio':>8}{'difference':>12}"
    )
    for row in rows:
        print(
            f"{row['what']:<10}{row['measure']:<46}{row['against']:<22}"
            f"{row['precision']:<10}{row['ours_ms']:>9.2f}{row['theirs_ms']:>11.2f}"
            f"{row['theirs_ms'] / row['ours_ms']:>8.1f}{row['difference']:>12.1e}",
            flush=True,
        )


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--large", action="store_true", help="larger sizes too")
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--json", type=Path, help="write the rows here")
    arguments = parser.parse_args()
    if torch is None:
        print("PyTorch cannot be imported: Adam steps are not compared")

    results = []
    with tempfile.TemporaryDirectory() as folder:
        server = ServerProcess(Path(folder) / "data").start()
        try:
            with server.client() as client:
                info = client.info()
                print(
                    f"repscored {info.version}, {info.lanes} lanes x "
                    f"{info.threads_per_lane} threads, {info.blas_core}"
                )
                for size in SIZES + LARGE * arguments.large:
                    x, y = problem(*size)
                    name = "-".join(map(str, size))
                    client.register(name, y)
                    client.register(name + "-start", x)
                    rows = compare_scores(client, name, x, y)
                    if torch is not None:
                        rows += compare_steps(client, name, x, y, arguments.steps)
                    print_rows(size, rows)
                    results += [{"size": size, **row} for row in rows]
        finally:
            server.stop()
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
