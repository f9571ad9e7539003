"""Specifications of predictivity beside their oracles."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import oracles_brainscore as brainscore
import oracles_prediction as prediction
from oracle_case import POWER_ITERATION, Case, Rule, units

Score = Callable[..., float]

DIRECTIONS = ("candidate_to_reference", "reference_to_candidate", "symmetric_mean")
_FOLDS = {
    "none": prediction.in_sample,
    "rows_contiguous(4)": partial(prediction.contiguous, folds=4),
    "loo": prediction.leave_one_out,
}


def _predicted(
    family: str,
    parameters: dict[str, object],
    regressor: prediction.Regressor,
    *,
    folds: str = "explicit",
    direction: str = DIRECTIONS[0],
    tolerance: float = 1e-9,
    applies: Rule = lambda problem: True,
    **options: str,
) -> Case:
    """A case of linear_r2, ridge_r and their like; options go to the score."""
    score: Score = prediction.r2 if family.endswith("2") else prediction.r

    def oracle(x: np.ndarray, y: np.ndarray, explicit: list[prediction.Fold]) -> float:
        used = explicit if folds == "explicit" else _FOLDS[folds](len(x))
        return prediction.directed(
            lambda a, b: score(a, b, used, regressor, **options), x, y, direction
        )

    written = {**parameters, **options, "folds": folds, "direction": direction}
    text = ",".join(f"{name}={written[name]}" for name in sorted(written))
    return Case(f"{family}({text})", oracle, tolerance, applies, folded=True)


def _score_variants(family: str) -> Iterable[dict[str, str]]:
    """Every pooling with every aggregation, folds and directions in turn."""
    r2 = family.endswith("2")
    kinds = (
        ("variance_weighted", "uniform", "median")
        if r2
        else (
            "median",
            "mean",
            "flat",
        )
    )
    for aggregation in kinds:
        for pooling in ("mean_of_folds", "median_of_folds", "pooled"):
            yield {"aggregation": aggregation, "pooling": pooling}
        if r2:
            yield {"aggregation": aggregation, "denominator": "validation_mean"}
        yield {"aggregation": aggregation, "folds": "rows_contiguous(4)"}
        yield {"aggregation": aggregation, "folds": "none"}
        yield {"aggregation": aggregation, "folds": "loo", "pooling": "pooled"}
    for direction in DIRECTIONS[1:]:
        yield {"direction": direction}


def _prediction_cases() -> Iterable[Case]:
    for family in ("linear_r2", "linear_r"):
        for options in _score_variants(family):
            yield _predicted(
                family, {}, prediction.least_squares, tolerance=1e-8, **options
            )
    for family in ("ridge_r2", "ridge_r"):
        for options in _score_variants(family):
            yield _predicted(family, {"lambda": 3}, prediction.ridge(3), **options)
        for scale in ("raw", "per_sample"):
            yield _predicted(
                family,
                {"lambda": 0.2, "lambda_scale": scale},
                prediction.ridge(0.2, scale),
            )
        grid = [0.1, 5, 80, 2000]
        written = f"grid({','.join(map(str, grid))})"
        yield _predicted(family, {"lambda": written}, prediction.ridge_grid(grid))
        yield _predicted(
            family,
            {"lambda": "log_grid(-1,3,5)"},
            prediction.ridge_grid(10.0 ** np.arange(-1, 4)),
        )
        yield _predicted(
            family,
            {"lambda": written, "per_target": "yes"},
            prediction.ridge_grid(grid, per_target=True),
        )
        for per_target in (False, True):
            yield _predicted(
                family,
                {
                    "lambda": written,
                    "per_target": "yes" if per_target else "no",
                    "selection": "inner_folds(3)",
                },
                prediction.ridge_grid(grid, per_target, 3),
            )
    for family in ("pls_r2", "pls_r"):
        for options in _score_variants(family):
            yield _predicted(
                family,
                {"components": 2},
                prediction.pls_svd(2),
                tolerance=1e-8,
                applies=units(2),
                **options,
            )
        yield _predicted(
            family,
            {"components": 5},
            prediction.pls_svd(5),
            tolerance=1e-8,
            applies=units(5),
        )
        yield _predicted(
            family,
            {"components": 4, "solver": "nipals"},
            prediction.pls_nipals(4),
            tolerance=POWER_ITERATION,
            applies=units(4),
        )


def _brain_score_cases() -> Iterable[Case]:
    for name, oracle in (
        ("vision.ridge", brainscore.vision_ridge),
        ("vision.ridgecv", brainscore.vision_ridgecv),
        ("vision.linear", brainscore.vision_linear),
        ("vision.neuron_to_neuron", brainscore.vision_neuron_to_neuron),
        ("language.ridge", brainscore.language_ridge),
        ("language.linear", brainscore.language_linear),
    ):
        yield Case(f"brainscore.{name}(folds=explicit)", oracle, 1e-8, folded=True)
    for name, oracle in (
        ("pls", brainscore.vision_pls),
        ("reverse_pls", brainscore.vision_reverse_pls),
    ):
        yield Case(
            f"brainscore.vision.{name}(components=3,folds=explicit)",
            partial(oracle, components=3),
            POWER_ITERATION,
            units(3),
            folded=True,
        )
    yield Case("brainscore.vision.cka", brainscore.vision_cka)
    yield Case("brainscore.vision.cka_biased", brainscore.vision_cka_biased)
    yield Case("brainscore.vision.rdm", brainscore.vision_rdm, applies=units(3))
    for name, score in (
        ("vision.cka_cv", brainscore.vision_cka),
        ("vision.rdm_cv", brainscore.vision_rdm),
        ("language.cka", brainscore.vision_cka_biased),
        ("language.rdm", brainscore.vision_rdm),
    ):
        yield Case(
            f"brainscore.{name}(folds=explicit)",
            partial(brainscore.subsampled, score),
            applies=units(3),
            folded=True,
        )


def cases() -> Iterable[Case]:
    yield from _prediction_cases()
    yield from _brain_score_cases()
