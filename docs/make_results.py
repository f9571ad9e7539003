"""Writes docs/results.md and its figures from what repscore-paper left behind.

python docs/make_results.py RESULTS DOCS [--quick]
"""

from __future__ import annotations

import csv
import math
import os
import platform
import shutil
import statistics
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

LEVELS = ("0.5", "0.8", "0.9", "0.95", "0.99")
COMPONENTS = (1, 2, 3, 5, 10, 20, 40)
HIGH = 0.9
NAMES = {
    "cka": "CKA",
    "cka.angular_score": "angular CKA",
    "cka.debiased": "debiased CKA",
    "nbs": "NBS",
    "procrustes.angular_score": "angular Procrustes",
    "linear_r2": "linear regression",
    "ridge_r2(lambda=100,folds=rows_contiguous(5))": "ridge, 5 folds",
}
FIGURES = {
    "fig2": "Scores of candidates beside the reference's own baselines.",
    "fig3": "Accuracy of decoding labels from optimised noise over its score, with "
    "the recording's own accuracy (solid), chance (dotted), the score where a label "
    "is decodable (dot), and below from the recording's first N components.",
    "fig4": "Components of a two-dimensional reference over the score: mean and "
    "range of 16 restarts; below, the second component as its variance falls.",
    "fig4-data": "The optimised data of figure 4, aligned with the reference.",
    "fig5": "R2 of components over the score, and the score at which each is "
    "captured over its variance; lines are the published values.",
    "fig6": "One component replaced by noise, simulated and in theory; scores that "
    "two measures reach together.",
}
Row = dict[str, str]


def read(folder: Path, name: str) -> list[Row]:
    """Rows of a table that the figures left; none where it is not there."""
    path = folder / f"{name}.csv"
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def name_of(measure: str) -> str:
    return NAMES.get(measure, measure)


def number(text: str | float, digits: int = 3) -> str:
    """A rounded number; a dash for nothing."""
    return f"{float(text):.{digits}f}" if text not in ("", None) else "-"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Lines of a table."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def unique(rows: list[Row], key: str) -> list[str]:
    return list(dict.fromkeys(row[key] for row in rows))


def start_and_steps(folder: Path) -> list[str]:
    """Start scores and steps of Adam, ours / published."""
    rows = read(folder, "fig5-runs")
    lines = []
    for row in rows:
        steps = "/".join(row[f"steps_to_{level}"] or "-" for level in LEVELS)
        known = "/".join(row[f"published_steps_to_{level}"] or "-" for level in LEVELS)
        has_known = bool(row["published_start"])
        lines.append(
            [
                row["dataset"],
                name_of(row["measure"]),
                number(row["start"], 4),
                number(row["published_start"], 4),
                steps,
                known if has_known else "-",
            ]
        )
    header = ["dataset", "measure", "start", "published"]
    header += ["steps to .5/.8/.9/.95/.99", "published"]
    return table(header, lines)


def _correlation(first: list[float], second: list[float]) -> float:
    if len(first) < 3 or len(set(first)) < 2 or len(set(second)) < 2:
        return math.nan
    return statistics.correlation(first, second)


def thresholds(folder: Path) -> list[str]:
    """Scores where components are captured, ours / published."""
    rows = read(folder, "fig5")
    lines = []
    for dataset in unique(rows, "dataset"):
        of_dataset = [row for row in rows if row["dataset"] == dataset]
        for measure in unique(of_dataset, "measure"):
            found = [row for row in of_dataset if row["measure"] == measure]
            by_component = {int(row["component"]): row for row in found}
            cells = []
            for component in COMPONENTS:
                row = by_component.get(component)
                if row is None:
                    cells.append("")
                    continue
                ours, theirs = row["midpoint_to_one"], row["published"]
                known = any(other["published"] for other in found)
                cells.append(
                    f"{number(ours)} / {number(theirs)}" if known else number(ours)
                )
            both = [
                (float(row["midpoint_to_one"]), float(row["published"]))
                for row in found
                if row["midpoint_to_one"] and row["published"]
            ][:60]
            agreement = _correlation([a for a, _ in both], [b for _, b in both])
            shown = "-" if math.isnan(agreement) else f"{agreement:.3f}"
            lines.append([dataset, name_of(measure), *cells, shown])
    header = ["dataset", "measure", *(f"PC {c}" for c in COMPONENTS), "correlation"]
    return table(header, lines)


def decoding(folder: Path) -> list[str]:
    """Accuracy at the first point with a high score, beside the recording's."""
    points = read(folder, "fig3")
    limits = read(folder, "fig3-thresholds")
    lines = []
    for limit in limits:
        where = [limit[key] for key in ("dataset", "measure", "label")]
        trace = [
            row
            for row in points
            if [row["dataset"], row["measure"], row["label"]] == where
        ]
        high = next((row for row in trace if float(row["score"]) >= HIGH), None)
        lines.append(
            [
                limit["dataset"],
                limit["label"],
                name_of(limit["measure"]),
                number(high["accuracy"]) if high else "-",
                number(limit["recording"]),
                number(limit["score_where_decodable"]),
                number(limit["condition_average"]),
            ]
        )
    header = ["dataset", "label", "measure", "accuracy at .9", "recording"]
    header += ["score where decodable", "condition average"]
    return table(header, lines)


def perturbations(folder: Path) -> list[str]:
    """What the first two components cost."""
    rows = read(folder, "fig6-perturbation")
    lines = [
        [
            row["dataset"],
            name_of(row["measure"]),
            row["component"],
            number(row["variance_share"], 4),
            f"{number(row['simulation'], 4)} ± {number(row['simulation_sd'], 4)}",
            number(row["theory"], 4),
        ]
        for row in rows
        if int(row["component"]) <= 2
    ]
    header = ["dataset", "measure", "PC", "share of variance", "simulation", "theory"]
    return table(header, lines)


def ranges(folder: Path) -> list[str]:
    """How pairs of measures constrain each other."""
    rows = read(folder, "fig6-range")
    lines = []
    for measure in unique(rows, "measure 0"):
        of_pair = [row for row in rows if row["measure 0"] == measure]
        reached = sum(row["reached 0"] == row["reached 1"] == "True" for row in of_pair)
        # A canonical specification has more in its brackets than was asked for.
        family = measure.split("(")[0]
        names = (NAMES[name] for name in NAMES if name.split("(")[0] == family)
        first, second = next(names, measure), "angular Procrustes"
        words = of_pair[0]["coupling"]
        words = words.replace("first", first).replace("second", second)
        lines.append(
            [
                f"{first} x {second}",
                words.replace("_", " "),
                f"{reached}/{len(of_pair)}",
            ]
        )
    return table(["measures", "coupling", "targets reached"], lines)


def machine() -> str:
    """What the page was made on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return f"{os.cpu_count()} cores, {model}"


def page(folder: Path, *, quick: bool) -> str:
    """The whole page."""
    how = "`docs/regenerate --quick`" if quick else "`docs/regenerate`"
    lines = [
        "# Results",
        "",
        "Experiments of Cloos et al. 2024 (arXiv 2407.07059), run by "
        f"{how} ({machine()}).",
        "Published figures are the authors' tables: one unseeded run each. Surrogates "
        "are Gaussian data with the variances that the",
        "authors published; recordings are those of the project's public reference "
        "data. Debiased CKA stands in for the paper's seventh",
        'measure, "rsa", which is CKA under another name. A dash means never, or not '
        "published.",
        "",
        "## Start scores and steps of Adam",
        "",
        "Learning rate 0.1, to a score above 0.99, at most 1000 steps.",
        "",
        *start_and_steps(folder),
        "## Scores at which components are captured",
        "",
        "Half way from R2 at the start to 1, ours / published; the correlation is over "
        "the first 60 components.",
        "",
        *thresholds(folder),
        "## Decoding of task variables",
        "",
        "Accuracy of optimised noise at the first point with a score of 0.9 or more.",
        "",
        *decoding(folder),
        "## One component replaced by noise",
        "",
        *perturbations(folder),
        "## Scores that two measures reach together",
        "",
        "Targets on the boundary of the unit square, 300 steps each, on the "
        "ultrametric tree.",
        "",
        *ranges(folder),
        "## Figures",
        "",
    ]
    for name, caption in FIGURES.items():
        if (folder / f"{name}.png").is_file():
            lines += [f"![{name}](figures/{name}.png)", "", f"*{name}*: {caption}", ""]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Writes the page and copies the figures."""
    folder, docs = Path(sys.argv[1]), Path(sys.argv[2])
    text = page(folder, quick="--quick" in sys.argv[3:])
    (docs / "results.md").write_text(text, encoding="utf-8")
    (docs / "figures").mkdir(exist_ok=True)
    for name in FIGURES:
        if (folder / f"{name}.png").is_file():
            shutil.copy(folder / f"{name}.png", docs / "figures" / f"{name}.png")


if __name__ == "__main__":
    main()
