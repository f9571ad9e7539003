"""Figure 4: dynamics on a reference with two dimensions.

Above: the optimised data at several scores. Below: R2 of both principal
components over the score, mean and range over restarts; then the second
component for references whose second variance falls.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from repscore import synthetic
from repscore.paper import references, style
from repscore.paper.references import Reference
from repscore.paper.session import ANGULAR_CKA, CKA, LINEAR, PROCRUSTES, Session
from repscore.trace import RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

_MEASURES = (PROCRUSTES, CKA, LINEAR, ANGULAR_CKA)
# Of the second component relative to the first; the paper does not state its own.
_SHARES = (1.0, 0.5, 0.25, 0.1)
_SNAPSHOTS = (0.5, 0.8, 0.9, 0.99)
_RESTARTS = 16
_QUICK_RESTARTS = 4
_GRID = 101
_CONDITION_COLORS = ("#67000d", "#cb181d", "#fb6a4a", "#6baed6", "#2171b5", "#08306b")


def _curves(result: RunResult, component: int, grid: Floats) -> Floats:
    """R2 of a component over the score, [members x grid]; NaN outside a run."""
    curves = []
    for member in range(max(1, len(result.members))):
        trace = result.member_trace(member)
        # The score may dip: the first passing of every score counts.
        scores = np.maximum.accumulate([point.score for point in trace])
        r2 = [point.component_r2[component] for point in trace]
        curves.append(np.interp(grid, scores, r2, left=np.nan, right=np.nan))
    return np.array(curves)


def _band(axes: Axes, grid: Floats, curves: Floats, **looks: Any) -> None:
    seen = np.isfinite(curves).sum(axis=0) * 2 >= len(curves)
    if not seen.any():
        return
    shown, x = curves[:, seen], grid[seen]
    line = axes.plot(x, np.nanmean(shown, axis=0), **looks)[0]
    axes.fill_between(
        x,
        np.nanmin(shown, axis=0),
        np.nanmax(shown, axis=0),
        color=line.get_color(),
        alpha=0.15,
        linewidth=0,
    )


def _paths(axes: Axes, array: Floats, title: str) -> None:
    for condition, color in enumerate(_CONDITION_COLORS):
        axes.plot(array[:, condition, 0], array[:, condition, 1], ".-", color=color)
    axes.set(title=title, xticks=[], yticks=[], aspect="equal")
    for side in axes.spines.values():
        side.set_visible(False)


def _aligned(candidate: Floats, array: Floats) -> Floats:
    """The candidate, turned and scaled as close to the reference as it gets."""
    rows = array.reshape(-1, 2) - array.reshape(-1, 2).mean(axis=0)
    moved = candidate - candidate.mean(axis=0)
    left, values, right = np.linalg.svd(moved.T @ rows)
    turned = moved @ left @ right * (values.sum() / (moved**2).sum())
    return np.asarray(turned.reshape(array.shape))


def _rows(reference: Reference, runs: dict[str, RunResult]) -> Iterable[dict[str, Any]]:
    for measure, result in runs.items():
        for point in result.trace:
            yield {
                "dataset": reference.title,
                "measure": measure,
                "restart": point.member,
                "step": point.step,
                "score": point.score,
                "pc1_r2": point.component_r2[0],
                "pc2_r2": point.component_r2[1],
            }


def _runs(
    session: Session, reference: Reference, measures: Iterable[str], **options: Any
) -> dict[str, RunResult]:
    restarts = _QUICK_RESTARTS if session.quick else _RESTARTS
    return {
        measure: session.optimize(
            reference.name,
            measure,
            restarts=restarts,
            components=2,
            learning_rate=0.01,
            max_steps=2000,
            **options,
        )
        for measure in measures
    }


def _draw_snapshots(axes: Any, session: Session, runs: dict[str, RunResult]) -> None:
    array = synthetic.toy2d().array
    for row, (measure, result) in enumerate(runs.items()):
        _paths(axes[row, 0], array, "reference" if row == 0 else "")
        axes[row, 0].set_ylabel(style.name_of(measure))
        first = [snapshot for snapshot in result.snapshots if snapshot.member == 0]
        by_threshold = {snapshot.threshold: snapshot for snapshot in first}
        for column, threshold in enumerate(_SNAPSHOTS, start=1):
            snapshot = by_threshold.get(threshold)
            if snapshot is None:
                axes[row, column].set_axis_off()
                continue
            candidate = session.client.run_array(snapshot)
            title = f"score {snapshot.score:.2f}"
            _paths(axes[row, column], _aligned(candidate, array), title)


def run(session: Session) -> None:
    """Runs the experiment and writes fig4.png, fig4-data.png and fig4.csv."""
    grid = np.linspace(0, 1, _GRID)
    toy = references.toy(session)
    # A run ends strictly above its stop score, hence past the last snapshot.
    runs = _runs(session, toy, _MEASURES, snapshots=_SNAPSHOTS)
    rows = list(_rows(toy, runs))

    figure, axes = style.panels(2, len(_MEASURES))
    for column, (measure, result) in enumerate(runs.items()):
        panel = axes[0, column]
        for component, color in enumerate(("#08306b", "#cb181d")):
            curves = _curves(result, component, grid)
            _band(panel, grid, curves, color=color, label=f"PC {component + 1}")
        panel.set(title=style.name_of(measure), xlabel="score", ylabel="R²")
        panel.set(xlim=(0, 1), ylim=(0, 1.02))
    axes[0, 0].legend(loc="upper left")
    for column, share in enumerate(_SHARES):
        reference = references.toy(session, share)
        compared = _runs(session, reference, (PROCRUSTES, CKA))
        rows += _rows(reference, compared)
        panel = axes[1, column]
        for measure, result in compared.items():
            curves = _curves(result, 1, grid)
            looks = {"color": style.color_of(measure), "label": style.name_of(measure)}
            _band(panel, grid, curves, **looks)
        panel.set(title=reference.title, xlabel="score", ylabel="R² of PC 2")
        panel.set(xlim=(0, 1), ylim=(0, 1.02))
    axes[1, 0].legend(loc="upper left")
    figure.suptitle("Components captured on the way to a two-dimensional reference")
    style.save(figure, session.out / "fig4.png")

    figure, axes = style.panels(len(_MEASURES), 1 + len(_SNAPSHOTS), 1.9, 1.7)
    _draw_snapshots(axes, session, runs)
    figure.suptitle("Optimised data, aligned with the reference")
    style.save(figure, session.out / "fig4-data.png")
    session.write_csv("fig4", rows)
