"""Figure 6: what one component costs, and which scores two measures can share.

Above: score of a recording with one principal component replaced by noise,
simulated and in theory. Below: scores that are reached when noise is optimised
towards targets on the unit square.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from repscore.analyses import Perturbations
from repscore.optimizers import Grid
from repscore.paper import references, style
from repscore.paper.references import Reference
from repscore.paper.session import CKA, LINEAR, NBS, PROCRUSTES, RIDGE, Session
from repscore.trace import AllowedRange, RunResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PERTURBED = (CKA, NBS, PROCRUSTES)
_AGAINST_PROCRUSTES = (CKA, LINEAR, RIDGE)
_COMPONENTS = 10
_DRAWS = 3
_POINTS_PER_SIDE = 6
# The paper's 100 are too few for ridge regression.
_STEPS = 300
_TARGET_COLOR = "#bbbbbb"
_WORDS = {
    "independent": "independent",
    "coupled": "coupled",
    "first_implies_second": "high {first}\nimplies high {second}",
    "second_implies_first": "high {second}\nimplies high {first}",
    "undecided": "undecided: too few steps",
}


def _perturb(session: Session, reference: Reference) -> Perturbations:
    features = session.client.dataset(reference.name).features
    return session.client.perturb_components(
        reference.name,
        list(_PERTURBED),
        components=min(_COMPONENTS, features),
        draws=_DRAWS,
        seed=session.seed,
        device=session.device,
    )


def _draw_perturbations(axes: Axes, title: str, found: Perturbations) -> None:
    for measure, components in found.items():
        color = style.color_of(measure)
        shares = [100 * part.variance_share for part in components]
        axes.errorbar(
            shares,
            [part.mean for part in components],
            [part.sd for part in components],
            fmt="o",
            color=color,
            markersize=4,
            label=style.name_of(measure),
        )
        theory = [
            (share, part.theory)
            for share, part in zip(shares, components)
            if part.theory is not None
        ]
        if theory:
            axes.plot(*zip(*sorted(theory)), "-", color=color, linewidth=1)
    axes.set(
        title=f"{title}\n(dots: simulation, lines: theory)",
        xscale="log",
        xlabel="variance of the replaced component (%)",
        ylabel="score",
        ylim=(0, 1.02),
    )
    style.plain_numbers(axes)
    axes.legend(loc="lower left")


def _walk(session: Session, reference: Reference, measure: str) -> RunResult:
    result = session.client.joint_optimize(
        reference.name,
        grid=Grid((measure, PROCRUSTES), points_per_side=_POINTS_PER_SIDE),
        seed=session.seed,
        max_steps=_STEPS,
        return_candidate=False,
        device=session.device,
    ).result()
    coupling = result.allowed_range.coupling if result.allowed_range else "unknown"
    print(f"  {reference.name:<24} {measure} x {PROCRUSTES}: {coupling}", flush=True)
    return result


def _sentence(found: AllowedRange, measure: str) -> str:
    words = _WORDS.get(found.coupling, found.coupling)
    return words.format(first=style.name_of(measure), second=style.name_of(PROCRUSTES))


def _draw_range(axes: Axes, measure: str, result: RunResult) -> None:
    members = sorted({point.member for point in result.trace})
    for member in members:
        pairs = np.array(
            [list(point.scores.values()) for point in result.member_trace(member)]
        )
        axes.plot(pairs[:, 0], pairs[:, 1], color=_TARGET_COLOR, linewidth=0.7)
    start = list(result.trace[0].scores.values())
    axes.plot(*start, "s", color="black", markersize=5, label="start")
    found = result.allowed_range
    if found is not None:
        color = style.color_of(measure)
        axes.fill(found.first, found.second, color=color, alpha=0.15, linewidth=0)
        first, second = list(found.first), list(found.second)
        axes.plot(
            [*first, first[0]],
            [*second, second[0]],
            "o-",
            color=color,
            markersize=3,
            label="reached",
        )
        for index, bound in enumerate(found.bounds):
            label = "theory" if index == 0 else None
            axes.plot(bound.first, bound.second, "k--", linewidth=0.9, label=label)
        axes.set_title(_sentence(found, measure))
    axes.set(
        xlabel=style.name_of(measure),
        ylabel=style.name_of(PROCRUSTES),
        xlim=(min(-0.05, start[0] - 0.05), 1.05),
        ylim=(-0.05, 1.05),
        aspect="equal",
    )


def _perturbation_rows(title: str, found: Perturbations) -> Iterable[dict[str, Any]]:
    for measure, components in found.items():
        for part in components:
            yield {
                "dataset": title,
                "measure": measure,
                "component": part.component,
                "variance_share": part.variance_share,
                "simulation": part.mean,
                "simulation_sd": part.sd,
                "theory": part.theory,
            }


def _range_rows(title: str, result: RunResult) -> Iterable[dict[str, Any]]:
    found = result.allowed_range
    for member in result.members:
        yield {
            "dataset": title,
            "member": member.member,
            "coupling": found.coupling if found else None,
            **{
                f"{key} {index}": value
                for index, verdict in enumerate(member.verdicts)
                for key, value in (
                    ("measure", verdict.measure),
                    ("value", verdict.value),
                    ("residual", verdict.residual),
                    ("reached", verdict.reached),
                )
            },
        }


def _perturbed_references(session: Session) -> list[Reference]:
    if session.quick:
        return [references.ultrametric(session)]
    return references.present(
        [
            *(
                references.surrogate(session, name)
                for name in references.PUBLISHED_ROWS
            ),
            references.motor_cortex(session),
            references.ultrametric(session),
        ]
    )


def run(session: Session) -> None:
    """Runs the experiment; writes fig6.png, fig6-perturbation.csv, fig6-range.csv."""
    chosen = references.given(session)
    perturbed = [chosen] if chosen else _perturbed_references(session)
    reference = chosen or references.ultrametric(session)
    costs = {entry.title: _perturb(session, entry) for entry in perturbed}
    ranges = {
        measure: _walk(session, reference, measure) for measure in _AGAINST_PROCRUSTES
    }

    figure, axes = style.panels(2, max(len(costs), len(ranges)))
    for column, (title, found) in enumerate(costs.items()):
        _draw_perturbations(axes[0, column], title, found)
    for column, (measure, result) in enumerate(ranges.items()):
        _draw_range(axes[1, column], measure, result)
    style.legend_below(figure, axes[1, 0])
    for row, used in zip(axes, (len(costs), len(ranges))):
        for unused in row[used:]:
            unused.set_axis_off()
    figure.suptitle(
        f"A component replaced; scores that two measures share on {reference.title}"
    )
    style.save(figure, session.out / "fig6.png")
    session.write_csv(
        "fig6-perturbation",
        (
            row
            for title, found in costs.items()
            for row in _perturbation_rows(title, found)
        ),
    )
    session.write_csv(
        "fig6-range",
        (
            row
            for result in ranges.values()
            for row in _range_rows(reference.title, result)
        ),
    )
