"""Figure 3: does a high score mean that task variables can be decoded?

Above: accuracy of decoding labels from noise that is being optimised, over its
score. A dot marks where a label is decoded 90 % of the way from chance to the
recording's own accuracy. Below: accuracy from the recording's first N principal
components.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from repscore.analyses import Decodings
from repscore.decoding import DecodedLabel
from repscore.paper import references, style
from repscore.paper.references import Reference
from repscore.paper.session import (
    CKA,
    MEASURES,
    PROCRUSTES,
    RIDGE,
    InapplicableError,
    Session,
)
from repscore.trace import RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COMPONENTS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 75, 100)
_DECODED_POINTS = 60
_QUICK_MEASURES = (CKA, PROCRUSTES, RIDGE)


@dataclass(frozen=True)
class Panel:
    """All runs on one reference.

    Attributes:
        runs: By measure.
        averages: Score of the condition average by measure, where defined.
        labels: With the recording's own accuracy.
    """

    reference: Reference
    runs: dict[str, RunResult]
    averages: dict[str, float]
    decodings: Decodings

    @property
    def labels(self) -> list[DecodedLabel]:
        """Labels that can be decoded."""
        return [found.label for found in self.decodings.values()]


def _averages(
    session: Session, reference: Reference, measures: Iterable[str]
) -> dict[str, float]:
    if not reference.has_time:
        return {}
    found = session.client.baselines(
        reference.name, list(measures), kinds=["condition_average"]
    )
    return {
        measure: landmarks["condition_average"].value
        for measure, landmarks in found.items()
        if "condition_average" in landmarks
    }


def _panel(session: Session, reference: Reference) -> Panel:
    measures = _QUICK_MEASURES if session.quick else tuple(MEASURES)
    features = session.client.dataset(reference.name).features
    counts = [count for count in _COMPONENTS if count < features]
    runs = {
        measure: session.optimize(
            reference.name,
            measure,
            decode=True,
            decode_every=max(1, session.max_steps // (10 * _DECODED_POINTS)),
        )
        for measure in measures
    }
    return Panel(
        reference,
        runs,
        _averages(session, reference, measures),
        session.client.decode(reference.name, components=counts),
    )


def _rows(panel: Panel) -> Iterable[dict[str, Any]]:
    for measure, result in panel.runs.items():
        for point in result.trace:
            for label, accuracy in point.decoding.items():
                yield {
                    "dataset": panel.reference.title,
                    "measure": measure,
                    "step": point.step,
                    "score": point.score,
                    "label": label,
                    "accuracy": accuracy,
                }


def _threshold_rows(panel: Panel) -> Iterable[dict[str, Any]]:
    for measure, result in panel.runs.items():
        for label in panel.labels:
            yield {
                "dataset": panel.reference.title,
                "measure": measure,
                "label": label.label,
                "score_where_decodable": result.label_thresholds.get(label.label),
                "chance": label.chance,
                "recording": label.reference_accuracy,
                "condition_average": panel.averages.get(measure),
            }


def _component_rows(panel: Panel) -> Iterable[dict[str, Any]]:
    for label, found in panel.decodings.items():
        for count, accuracy in found.component_accuracy.items():
            yield {
                "dataset": panel.reference.title,
                "label": label,
                "components": count,
                "accuracy": accuracy,
            }


def _draw_accuracy(axes: Axes, panel: Panel, label: DecodedLabel) -> None:
    axes.axhline(label.reference_accuracy, color="black", linewidth=1)
    axes.axhline(label.chance, color="black", linewidth=1, linestyle=":")
    for measure, result in panel.runs.items():
        color = style.color_of(measure)
        points = [point for point in result.trace if label.label in point.decoding]
        scores = [point.score for point in points]
        accuracy = [point.decoding[label.label] for point in points]
        axes.plot(scores, accuracy, color=color, label=style.name_of(measure))
        if measure in panel.averages:
            average = panel.averages[measure]
            axes.axvline(average, color=color, linewidth=0.8, linestyle="--")
        threshold = result.label_thresholds.get(label.label)
        if threshold is not None:
            level = label.chance + 0.9 * (label.reference_accuracy - label.chance)
            axes.plot(threshold, level, "o", color=color, markeredgecolor="white")
    axes.set(
        title=f"{panel.reference.title}: {label.label}",
        xlabel="score",
        ylabel="decoding accuracy",
        xlim=(-0.02, 1.02),
        ylim=(0, 1.02),
    )


def _draw_components(axes: Axes, panel: Panel, label: DecodedLabel) -> None:
    curve = panel.decodings[label.label].component_accuracy
    axes.axhline(label.reference_accuracy, color="black", linewidth=1)
    axes.axhline(label.chance, color="black", linewidth=1, linestyle=":")
    axes.plot(list(curve), list(curve.values()), "o-", color="black", markersize=3)
    axes.set(
        xscale="log",
        xlabel="principal components of the recording",
        ylabel="decoding accuracy",
        ylim=(0, 1.02),
    )
    style.plain_numbers(axes)


def run(session: Session) -> None:
    """Runs the experiment and writes fig3.png, fig3.csv and two more tables."""
    chosen = references.given(session)
    found = (
        [chosen]
        if chosen
        else references.present(
            [
                references.ultrametric(session),
                references.temporal_cortex(session),
                references.motor_cortex_movement(session),
            ]
        )
    )
    if chosen and not chosen.labelled:
        raise InapplicableError(f"{chosen.title} has no labels to decode")
    panels = [_panel(session, reference) for reference in found]
    columns = [(panel, label) for panel in panels for label in panel.labels]
    if not columns:
        raise ValueError("figure 3 needs a reference with labels that can be decoded")
    figure, axes = style.panels(2, len(columns))
    for index, (panel, label) in enumerate(columns):
        _draw_accuracy(axes[0, index], panel, label)
        _draw_components(axes[1, index], panel, label)
    style.legend_below(figure, axes[0, 0])
    figure.suptitle("Decoding of task variables from optimised noise")
    style.save(figure, session.out / "fig3.png")
    session.write_csv("fig3", (row for panel in panels for row in _rows(panel)))
    session.write_csv(
        "fig3-thresholds", (row for panel in panels for row in _threshold_rows(panel))
    )
    session.write_csv(
        "fig3-components", (row for panel in panels for row in _component_rows(panel))
    )
