"""Figure 2: scores of model activations, beside what needs no model.

A bar per candidate and measure; lines are baselines of the reference itself:
its condition average, its halves, shuffles, and noise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from repscore import synthetic
from repscore.analyses import Baselines
from repscore.paper import references, style
from repscore.paper.references import Reference
from repscore.paper.session import (
    ANGULAR_CKA,
    CKA,
    DEBIASED_CKA,
    LINEAR,
    NBS,
    PROCRUSTES,
    RIDGE,
    Session,
)
from repscore.scores import ScoreTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]

_MEASURES = (CKA, DEBIASED_CKA, ANGULAR_CKA, NBS, PROCRUSTES, LINEAR, RIDGE)
_LANDMARKS: dict[str, tuple[Any, str]] = {
    "condition_average": ("-", "condition average"),
    "split_half": ("--", "split half"),
    "neuron_subsample": ("-.", "neuron subsample"),
    "condition_shuffle": (":", "condition shuffle"),
    "noise": ((0, (1, 3)), "noise"),
}
_DRAWS = 5
# Cross-validated regression may fall far below zero.
_LOWEST_SHOWN = -0.3


@dataclass(frozen=True)
class Comparison:
    """Candidates of one reference, their scores and its baselines."""

    reference: Reference
    scores: ScoreTable
    baselines: Baselines


def _stand_ins(array: Floats, seed: int) -> dict[str, Floats]:
    """Candidates where there are no models: parts and twins of the reference."""
    rows = array.reshape(-1, array.shape[-1])
    centred = rows - rows.mean(axis=0)
    left, values, _ = np.linalg.svd(centred, full_matrices=False)
    random = np.random.default_rng(seed)
    half = random.permutation(rows.shape[1])[: max(1, rows.shape[1] // 2)]
    noise = random.standard_normal(rows.shape) * rows.std()
    return {
        "half of the units": rows[:, half],
        "first 3 PCs": left[:, :3] * values[:3],
        "all PCs, whitened": left[:, values > values[0] * 1e-9],
        "with noise": rows + noise,
        "matched Gaussian": synthetic.matched_gaussian_of(rows, seed),
    }


def _compare(
    session: Session, reference: Reference, candidates: dict[str, Floats]
) -> Comparison:
    measures = list(_MEASURES)
    scores = session.client.score(
        reference.name, candidates, measures, device=session.device
    )
    baselines = session.client.baselines(
        reference.name,
        measures,
        draws=_DRAWS,
        seed=session.seed,
        device=session.device,
    )
    print(f"  {reference.title}\n{scores}", flush=True)
    return Comparison(reference, scores, baselines)


def _chosen(session: Session, reference: Reference) -> Comparison:
    if session.activations:
        candidates = {
            name: references.load_array(path)
            for name, path in session.activations.items()
        }
    elif session.reference is not None:
        array = references.load_array(session.reference)
        candidates = _stand_ins(array.astype(np.float64), session.seed)
    else:
        raise ValueError("figure 2 on a registered dataset needs --activations")
    return _compare(session, reference, candidates)


def _built_in(session: Session) -> Iterable[Comparison]:
    networks = references.image_network(session)
    if networks is not None:
        reference, array, other = networks
        candidates = {"other network": other, **_stand_ins(array, session.seed)}
        yield _compare(session, reference, candidates)
    recording = references.motor_cortex(session)
    if recording is not None:
        array, kinematics = references.motor_cortex_arrays(session)
        candidates = {"hand and arm": kinematics, **_stand_ins(array, session.seed)}
        yield _compare(session, recording, candidates)
    if networks is None and recording is None:
        made = synthetic.ultrametric(session.seed).array
        tree = references.ultrametric(session)
        yield _compare(session, tree, _stand_ins(made, session.seed))


def _draw(axes: Axes, comparison: Comparison) -> None:
    names = list(comparison.scores)
    width = 0.8 / len(names)
    from matplotlib import colormaps

    for index, name in enumerate(names):
        values = [comparison.scores[name][measure] for measure in _MEASURES]
        x = np.arange(len(_MEASURES)) + (index - (len(names) - 1) / 2) * width
        color = colormaps["viridis"](0.1 + 0.8 * index / max(1, len(names) - 1))
        axes.bar(x, values, width * 0.92, color=color, label=name)
    for place, measure in enumerate(_MEASURES):
        for kind, (line, title) in _LANDMARKS.items():
            landmark = comparison.baselines.get(measure, {}).get(kind)
            if landmark is not None:
                axes.hlines(
                    landmark.value,
                    place - 0.45,
                    place + 0.45,
                    colors="black",
                    linestyles=line,
                    linewidth=1.1,
                    label=title if place == 0 else "_",
                )
    least = min(
        score for scores in comparison.scores.values() for score in scores.values()
    )
    lowest = max(_LOWEST_SHOWN, min(0.0, 1.1 * least))
    axes.set_xticks(
        range(len(_MEASURES)), [style.name_of(m) for m in _MEASURES], rotation=20
    )
    axes.set(title=comparison.reference.title, ylabel="score", ylim=(lowest, 1.05))
    axes.axhline(0, color="black", linewidth=0.6)
    axes.legend(ncols=2, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _rows(comparison: Comparison) -> Iterable[dict[str, Any]]:
    title = comparison.reference.title
    for name, scores in comparison.scores.items():
        for measure, score in scores.items():
            yield {
                "dataset": title,
                "what": "candidate",
                "name": name,
                "measure": measure,
                "score": float(score),
            }
    for measure, landmarks in comparison.baselines.items():
        for kind, landmark in landmarks.items():
            yield {
                "dataset": title,
                "what": "baseline",
                "name": kind,
                "measure": measure,
                "score": landmark.value,
                "sd": landmark.sd,
            }


def run(session: Session) -> None:
    """Runs the experiment and writes fig2.png and fig2.csv."""
    chosen = references.given(session)
    comparisons = [_chosen(session, chosen)] if chosen else list(_built_in(session))
    figure, axes = style.panels(len(comparisons), 1, width=11, height=3.4)
    for row, comparison in enumerate(comparisons):
        _draw(axes[row, 0], comparison)
    figure.suptitle("Scores of candidates and of the reference's own baselines")
    style.save(figure, session.out / "fig2.png")
    session.write_csv("fig2", (row for found in comparisons for row in _rows(found)))
