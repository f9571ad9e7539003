"""What scoring costs beside what people run today, in one go on one machine.

Sections, all of them or those that are named:

  many         twelve measures of moments in one Score, against the dearest alone
  pls          PLS with 25 components over ten 90/10 splits, against scikit-learn
  ridge        13 penalties x 5 folds, against scikit-learn
  permutation  a null distribution, against a loop of scores
  memory       the peak of the server, against EstimateScore's prediction

    build/venv/bin/python tests/bench/compare_scoring.py [SECTION...]
        [--features P ...] [--threads N] [--json FILE]

Both sides get the same number of threads. Wall times are those of a person;
processor times ("cpu") hold on a machine that others use too. scikit-learn's
long cells run fewer fits, and their time is scaled to all of them: "fits run"
says how many.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from repscore import Client, Context

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from server_process import ServerProcess

# Brain-Score's public neural benchmarks: presentations x sites.
ROWS, TARGETS = 3200, 168
SPLITS, COMPONENTS = 10, 25
FOLDS = 5
PENALTIES = [float(10**i) for i in range(-6, 7)]
DRAWS = 1000
LOOPED_DRAWS = 20
# Of one timing, for calls that are shorter.
LEAST_SECONDS = 0.5

MOMENT_MEASURES = [
    "cka",
    "cka.angular",
    "cka.angular_score",
    "cka.debiased",
    "nbs",
    "procrustes.angle",
    "procrustes.angular_score",
    "procrustes.size_shape",
    "linear_r2",
    "ridge_r2(lambda=100,folds=none)",
    "rcca",
    "ensd",
]
PERMUTED = ["cka", "nbs", "linear_r2", "ridge_r2(lambda=100)"]


@dataclass
class Time:
    """Of one call: seconds on the clock, and of all processors."""

    wall: float
    cpu: float

    def scaled(self, factor: float) -> Time:
        return Time(self.wall * factor, self.cpu * factor)


@dataclass
class Row:
    """One comparison; `ours` and `theirs` compute the same."""

    section: str
    what: str
    ours: Time
    theirs: Time
    note: str = ""

    def show(self) -> None:
        ratio = Time(self.theirs.wall / self.ours.wall, self.theirs.cpu / self.ours.cpu)
        print(
            f"{self.section:<12}{self.what:<44}"
            f"{self.ours.wall:>9.3f}{self.theirs.wall:>10.3f}{ratio.wall:>8.2f}"
            f"{self.ours.cpu:>10.3f}{self.theirs.cpu:>10.3f}{ratio.cpu:>8.2f}"
            f"  {self.note}",
            flush=True,
        )


class Bench:
    """A server, and the clocks of both sides."""

    def __init__(
        self, server: ServerProcess, client: Client, repeats: int, threads: int
    ) -> None:
        self.server = server
        self.client = client
        self.repeats = repeats
        self.threads = threads

    @classmethod
    @contextmanager
    def started(cls, repeats: int, threads: int) -> Iterator[Bench]:
        """A server of its own, which ends with the block."""
        with tempfile.TemporaryDirectory() as folder:
            server = ServerProcess(
                Path(folder) / "data",
                *("--lanes", "1", "--threads-per-lane", str(threads)),
                OMP_WAIT_POLICY=None,
            ).start()
            try:
                with server.client(timeout=3600) as client:
                    yield cls(server, client, repeats, threads)
            finally:
                server.stop()

    def fresh(self) -> AbstractContextManager[Bench]:
        """Another server that has not done anything yet."""
        return Bench.started(self.repeats, self.threads)

    def _server_cpu(self) -> float:
        fields = Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(")", 1)[1]
        user, system = fields.split()[11:13]
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def _best(
        self, call: Callable[[], object], cpu: Callable[[], float], repeats: int
    ) -> Time:
        def of(calls: int) -> Time:
            wall, before = time.perf_counter(), cpu()
            for _ in range(calls):
                call()
            taken = Time(time.perf_counter() - wall, cpu() - before)
            return taken.scaled(1 / calls)

        # Processor time comes in ticks: short calls are timed by the dozen.
        first = of(1)
        calls = max(1, round(LEAST_SECONDS / max(first.wall, 1e-3)))
        times = [first] if calls == 1 else []
        while len(times) < repeats:
            times.append(of(calls))
        return Time(min(t.wall for t in times), min(t.cpu for t in times))

    def ours(self, call: Callable[[], object]) -> Time:
        """The best of a few; a first call loads the reference."""
        return self._best(call, self._server_cpu, self.repeats)

    def theirs(self, call: Callable[[], object], repeats: int = 1) -> Time:
        return self._best(call, time.process_time, repeats)

    def peak_bytes(self, call: Callable[[], object]) -> int:
        """How far the server's resident memory rises during a call."""
        status = Path(f"/proc/{self.server.pid}/status")
        Path(f"/proc/{self.server.pid}/clear_refs").write_text("5")
        before = self._memory(status, "VmRSS")
        call()
        return self._memory(status, "VmHWM") - before

    @staticmethod
    def _memory(status: Path, field: str) -> int:
        match = re.search(rf"{field}:\s+(\d+) kB", status.read_text())
        return 1024 * int(match.group(1))


def problem(n: int, p: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """Features with spectrum about 1/sqrt(i), targets that depend on them."""
    random = np.random.default_rng(0)
    latent = random.normal(size=(n, q)) / np.sqrt(np.arange(1, q + 1))
    x = latent @ random.normal(size=(q, p)) / np.sqrt(q)
    y = latent @ random.normal(size=(q, q)) / np.sqrt(q)
    return x + random.normal(size=(n, p)), y + random.normal(size=(n, q))


def splits(n: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Ten random 90/10 splits."""
    from sklearn.model_selection import ShuffleSplit

    rule = ShuffleSplit(SPLITS, train_size=0.9, test_size=0.1, random_state=1)
    return list(rule.split(np.empty(n)))


def median_r(actual: np.ndarray, predicted: np.ndarray) -> float:
    a, b = actual - actual.mean(axis=0), predicted - predicted.mean(axis=0)
    r = (a * b).sum(axis=0) / np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    return float(np.median(r))


def bench_many(bench: Bench, features: int) -> Iterator[Row]:
    """Twelve measures together; theirs is the dearest of them alone."""
    for n, p, q in ((2000, 200, 200), (ROWS, features, TARGETS)):
        x, y = problem(n, p, q)
        name = f"many-{n}-{p}-{q}"
        bench.client.register(name, y)
        bench.client.score(name, x, MOMENT_MEASURES)
        alone = {
            measure: bench.ours(partial(bench.client.score, name, x, measure))
            for measure in MOMENT_MEASURES
        }
        together = bench.ours(partial(bench.client.score, name, x, MOMENT_MEASURES))
        dearest = max(alone, key=lambda measure: alone[measure].cpu)
        yield Row(
            "many",
            f"{n} x {p} x {q}",
            together,
            alone[dearest],
            f"dearest: {dearest}; together / dearest "
            f"{together.wall / alone[dearest].wall:.2f} wall, "
            f"{together.cpu / alone[dearest].cpu:.2f} cpu",
        )


def bench_pls(bench: Bench, features: int) -> Iterator[Row]:
    """scikit-learn fits one split."""
    from sklearn.cross_decomposition import PLSRegression

    x, y = problem(ROWS, features, TARGETS)
    name = f"pls-{features}"
    bench.client.register(name, y)
    folds = splits(ROWS)
    measure = f"pls_r(components={COMPONENTS},folds=explicit,solver=nipals)"
    scores = bench.client.score(name, x, measure, folds=folds[:1] * 2)
    train, test = folds[0]
    found = []

    def fit() -> None:
        model = PLSRegression(n_components=COMPONENTS, scale=False)
        predicted = model.fit(x[train], y[train]).predict(x[test])
        found.append(median_r(y[test], predicted))

    ours = bench.ours(lambda: bench.client.score(name, x, measure, folds=folds))
    theirs = bench.theirs(fit).scaled(SPLITS)
    difference = abs(next(iter(scores.values())) - found[0])
    yield Row(
        "pls",
        f"{ROWS} x {features} x {TARGETS}, {COMPONENTS} components",
        ours,
        theirs,
        f"fits run: 1 of {SPLITS}; |difference| {difference:.0e}",
    )


def ridge_grid() -> str:
    """Ridge with a penalty that five folds choose."""
    grid = ",".join(f"{penalty:g}" for penalty in PENALTIES)
    return f"ridge_r2(folds=none,lambda=grid({grid}),selection=inner_folds({FOLDS}))"


def bench_ridge(bench: Bench, features: int) -> Iterator[Row]:
    """Chooses one penalty by five folds, then fits all rows with it."""
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import KFold

    x, y = problem(ROWS, features, TARGETS)
    name = f"ridge-{features}"
    bench.client.register(name, y)
    measure = ridge_grid()
    bench.client.score(name, x, measure)
    run = 5 if features > ROWS else len(PENALTIES)
    train, test = next(KFold(FOLDS).split(x))

    def fits() -> None:
        for penalty in PENALTIES[:run]:
            model = Ridge(alpha=penalty).fit(x[train], y[train])
            ((y[test] - model.predict(x[test])) ** 2).sum()

    ours = bench.ours(lambda: bench.client.score(name, x, measure))
    theirs = bench.theirs(fits).scaled((FOLDS * len(PENALTIES) + 1) / run)
    yield Row(
        "ridge",
        f"{ROWS} x {features} x {TARGETS}, {len(PENALTIES)} x {FOLDS}",
        ours,
        theirs,
        f"fits run: {run} of {FOLDS * len(PENALTIES) + 1}",
    )


def bench_permutation(bench: Bench, _features: int) -> Iterator[Row]:
    """Theirs is a score of a permuted candidate, looped."""
    n, p, q = 1000, 200, 100
    x, y = problem(n, p, q)
    name = "permutation"
    bench.client.register(name, y)
    random = np.random.default_rng(1)
    for measure in PERMUTED:
        bench.client.score(name, x, measure)
        permuted = [random.permutation(x) for _ in range(LOOPED_DRAWS)]

        def loop(measure: str = measure, permuted: list = permuted) -> None:
            for rows in permuted:
                bench.client.score(name, rows, measure)

        context = Context(permutations=DRAWS, seed=1)
        ours = bench.ours(
            partial(bench.client.score, name, x, measure, context=context)
        )
        looped = bench.ours(loop)
        yield Row(
            "permutation",
            f"{measure}, {n} x {p} x {q}",
            ours,
            looped.scaled(DRAWS / LOOPED_DRAWS),
            f"loop: {LOOPED_DRAWS} of {DRAWS} draws",
        )


def bench_memory(bench: Bench, features: int) -> Iterator[Row]:
    """Prints predictions beside peaks; times are not compared."""
    for n, p, q, measure in (
        (100_000, 300, 200, "cka"),
        (ROWS, features, TARGETS, "nbs"),
        (ROWS, features, TARGETS, "linear_r2"),
        (ROWS, features, TARGETS, f"pls_r(components={COMPONENTS})"),
        (20_000, 1000, TARGETS, "ridge_r2(lambda=100)"),
        (20_000, 1000, TARGETS, ridge_grid()),
    ):
        x, y = problem(n, p, q)
        # What other calls left behind would be used again.
        with bench.fresh() as fresh:
            fresh.client.register("memory", y)
            fresh.client.score("memory", x[:, :2], "cka")
            predicted = fresh.client.estimate("memory", x, measure).peak_bytes
            peak = fresh.peak_bytes(partial(fresh.client.score, "memory", x, measure))
        print(
            f"{'memory':<12}{f'{measure[:24]}, {n} x {p} x {q}':<44}"
            f"predicted {predicted / 1e6:>8.0f} MB, peak {peak / 1e6:>8.0f} MB, "
            f"peak / predicted {peak / predicted:.2f}",
            flush=True,
        )
    yield from ()


SECTIONS: dict[str, Callable[[Bench, int], Iterator[Row]]] = {
    "many": bench_many,
    "pls": bench_pls,
    "ridge": bench_ridge,
    "permutation": bench_permutation,
    "memory": bench_memory,
}
WITHOUT_FEATURES = {"permutation"}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION")
    parser.add_argument("--features", type=int, nargs="+", default=[1000, 10_000])
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--repeats", type=int, default=3, help="of our side")
    parser.add_argument("--json", type=Path, help="write the rows here")
    arguments = parser.parse_args()
    for section in set(arguments.sections) - set(SECTIONS):
        parser.error(f"there is no section {section}")

    rows = []
    print(
        f"{'section':<12}{'what':<44}{'ours s':>9}{'theirs s':>10}{'ratio':>8}"
        f"{'ours cpu':>10}{'their cpu':>10}{'ratio':>8}"
    )
    with (
        Bench.started(arguments.repeats, arguments.threads) as bench,
        threadpool_limits(arguments.threads),
    ):
        for section in arguments.sections or SECTIONS:
            sizes = arguments.features
            if section in WITHOUT_FEATURES:
                sizes = sizes[:1]
            for features in sizes:
                for row in SECTIONS[section](bench, features):
                    row.show()
                    rows.append(asdict(row))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
