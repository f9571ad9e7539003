"""Figure 5: which principal components does a score capture?

Above: R2 of every component over the score. Below: the score at which each
component is captured over its share of variance, beside the published values
where there are any, and for Gaussian data of the same spectrum.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from repscore import synthetic
from repscore.paper import references, style
from repscore.paper.references import Reference
from repscore.paper.session import (
    ANGULAR_CKA,
    CKA,
    LINEAR,
    MEASURES,
    NBS,
    PROCRUSTES,
    RIDGE,
    Session,
)
from repscore.trace import RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_QUICK_MEASURES = (CKA, NBS, PROCRUSTES)
_FOLLOWED = 100
LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
_SHOWN_CURVES = 20
_PUBLISHED_NAMES = {
    "cka": CKA,
    "cka-angular-score": ANGULAR_CKA,
    "nbs": NBS,
    "procrustes-angular-score": PROCRUSTES,
    "linreg": LINEAR,
    "ridge-lambda100-r2#5folds_cv": RIDGE,
}


@dataclass(frozen=True)
class Panel:
    """All runs on one reference, by measure."""

    reference: Reference
    runs: dict[str, RunResult]


def _panel(session: Session, reference: Reference, measures: Iterable[str]) -> Panel:
    dataset = session.client.dataset(reference.name)
    components = min(_FOLLOWED, dataset.features, dataset.rows - 1)
    runs = {
        measure: session.optimize(reference.name, measure, components=components)
        for measure in measures
    }
    return Panel(reference, runs)


def read_published(session: Session, recording: str) -> dict[str, list[float | None]]:
    """Published threshold scores of a recording by measure; None: never."""
    path = references.published_table(session, recording) if recording else None
    if path is None:
        return {}
    found: dict[str, list[float | None]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            measure = _PUBLISHED_NAMES.get(row["measure"])
            if measure is not None:
                score = row["scores_at_threshold"]
                found.setdefault(measure, []).append(float(score) if score else None)
    return found


def read_published_runs(session: Session, recording: str) -> dict[str, list[float]]:
    """Published scores of a recording by measure, one per Adam step from 0 on."""
    path = references.published_runs(session, recording) if recording else None
    if path is None:
        return {}
    found: dict[str, list[float]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            measure = _PUBLISHED_NAMES.get(row["measure"])
            if measure is not None:
                found.setdefault(measure, []).append(float(row["score"]))
    # The authors' code stores the first point twice.
    return {measure: scores[1:] for measure, scores in found.items()}


def _passing(scores: Iterable[float], level: float) -> int | None:
    """The first step with a larger score; None: never."""
    return next((step for step, score in enumerate(scores) if score > level), None)


def _run_rows(session: Session, panel: Panel) -> Iterable[dict[str, Any]]:
    published = read_published_runs(session, panel.reference.published)
    for measure, result in panel.runs.items():
        ours = [point.score for point in result.trace]
        known = published.get(measure, [])
        yield {
            "dataset": panel.reference.title,
            "measure": measure,
            "start": ours[0],
            "published_start": known[0] if known else None,
            "stop_reason": result.stop_reason,
            "steps": result.steps,
            "seconds": result.trace[-1].elapsed_seconds,
            **{f"steps_to_{level}": _passing(ours, level) for level in LEVELS},
            **{
                f"published_steps_to_{level}": _passing(known, level)
                for level in LEVELS
            },
        }


def _rows(session: Session, panel: Panel) -> Iterable[dict[str, Any]]:
    published = read_published(session, panel.reference.published)
    for measure, result in panel.runs.items():
        known = published.get(measure, [])
        for threshold in result.component_thresholds:
            index = threshold.component - 1
            yield {
                "dataset": panel.reference.title,
                "measure": measure,
                "component": threshold.component,
                "variance_share": threshold.variance_share,
                "midpoint_to_one": threshold.midpoint_to_one,
                "midpoint_to_max": threshold.midpoint_to_max,
                "published": known[index] if index < len(known) else None,
            }


def _draw_curves(axes: Axes, panel: Panel, measure: str) -> None:
    from matplotlib import colormaps

    trace = panel.runs[measure].trace
    scores = [point.score for point in trace]
    r2 = np.array([point.component_r2 for point in trace])
    shown = min(_SHOWN_CURVES, r2.shape[1])
    for component in range(shown):
        color = colormaps["viridis"](0.92 * component / max(1, shown - 1))
        label = f"PC {component + 1}" if component in (0, shown - 1) else None
        axes.plot(scores, r2[:, component], color=color, linewidth=1, label=label)
    axes.set(
        title=f"{panel.reference.title}\n{style.name_of(measure)}",
        xlabel="score",
        ylabel="R² of a component",
        xlim=(0, 1),
        ylim=(0, 1.02),
    )
    axes.legend(loc="upper left")


def _draw_thresholds(axes: Axes, session: Session, panel: Panel) -> None:
    published = read_published(session, panel.reference.published)
    for measure, result in panel.runs.items():
        reached = [
            (100 * threshold.variance_share, threshold.midpoint_to_one)
            for threshold in result.component_thresholds
            if threshold.midpoint_to_one is not None
        ]
        color = style.color_of(measure)
        if reached:
            x, y = zip(*reached)
            axes.plot(
                x, y, "o", color=color, markersize=3, label=style.name_of(measure)
            )
        known = [
            (100 * threshold.variance_share, score)
            for threshold, score in zip(
                result.component_thresholds, published.get(measure, [])
            )
            if score is not None
        ]
        if known:
            x, y = zip(*known)
            axes.plot(x, y, "-", color=color, linewidth=0.8, alpha=0.7)
    lines = "\n(lines: published)" if published else ""
    axes.set(
        title=f"{panel.reference.title}{lines}",
        xscale="log",
        xlabel="explained variance of a component (%)",
        ylabel="score where captured",
        ylim=(-0.02, 1.02),
    )
    style.plain_numbers(axes)


def _references(session: Session) -> list[Reference]:
    chosen = references.given(session)
    if chosen:
        return [chosen]
    tree = references.ultrametric(session)
    twin = references.matched(session, tree, synthetic.ultrametric(session.seed).array)
    if session.quick:
        return references.present(
            [tree, twin, references.surrogate(session, "Hatsopoulos2007")]
        )
    return references.present(
        [
            references.surrogate(session, "Mante2013"),
            references.surrogate(session, "Hatsopoulos2007"),
            references.surrogate(session, "MajajHong2015"),
            references.motor_cortex(session),
            tree,
            twin,
        ]
    )


def run(session: Session) -> None:
    """Runs the experiment and writes fig5.png, fig5.csv and fig5-runs.csv."""
    measures = _QUICK_MEASURES if session.quick else tuple(MEASURES)
    panels = [
        _panel(session, reference, measures) for reference in _references(session)
    ]
    figure, axes = style.panels(3, len(panels))
    for column, panel in enumerate(panels):
        _draw_curves(axes[0, column], panel, PROCRUSTES)
        _draw_curves(axes[1, column], panel, CKA)
        _draw_thresholds(axes[2, column], session, panel)
    style.legend_below(figure, axes[2, 0])
    figure.suptitle("Principal components captured on the way to a high score")
    style.save(figure, session.out / "fig5.png")
    rows = (row for panel in panels for row in _rows(session, panel))
    session.write_csv("fig5", rows)
    session.write_csv(
        "fig5-runs", (row for panel in panels for row in _run_rows(session, panel))
    )
