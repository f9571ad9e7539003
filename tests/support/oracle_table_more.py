"""Oracles of measures between sets, of measures, of bands, of noise and time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import oracles
import oracles_cca as cca
import oracles_dynamics as dynamics
import oracles_kernels as kernels
import oracles_prediction as prediction
import oracles_rsa as rsa
from oracle_case import CLOSE, LOOSE, Case, Problem, no_ties, units


def _one_space(problem: Problem) -> bool:
    return problem.sizes[1] == problem.sizes[2]


def _discrepancy_cases() -> Iterable[Case]:
    yield Case("mmd", kernels.mmd, LOOSE, _one_space)
    for kernel in ("linear", "rbf", "laplace"):
        rules = (("median_offdiagonal", 0.8), ("absolute", 2))
        for rule, value in rules[: 1 if kernel == "linear" else 2]:
            for bias, form in (
                ("biased", "distance"),
                ("biased", "squared"),
                ("unbiased", "squared"),
            ):
                written = (
                    "linear" if kernel == "linear" else f"{kernel}({rule}({value}))"
                )
                yield Case(
                    f"mmd(bias={bias},form={form},kernel={written})",
                    partial(
                        kernels.mmd,
                        kernel=kernel,
                        bandwidth=(rule, value),
                        bias=bias,
                        form=form,
                    ),
                    CLOSE,
                    _one_space,
                )


def _wrapper_cases() -> Iterable[Case]:
    def both(one: Callable[..., float]) -> Callable[..., float]:
        return lambda x, y: (one(x, y) + one(y, x)) / 2

    ridge = partial(oracles.ridge_r2, penalty=2)
    yield Case("bidirectional", both(oracles.linear_r2), 1e-8)
    yield Case("bidirectional(ridge_r2(folds=none,lambda=2))", both(ridge), 1e-9)
    yield Case("bidirectional(measure=pwcca)", both(cca.pwcca), 1e-8, no_ties)
    yield Case("bidirectional(cka)", oracles.cka)
    corrections: dict[str, Callable[[float], float]] = {
        "none": lambda r: r,
        "r/c": lambda r: r / 0.6,
        "r2/c": lambda r: r**2 / 0.6,
        "r2/c2": lambda r: r**2 / 0.36,
    }
    for name, correct in corrections.items():
        for clip in ("none", "unit_interval"):
            yield Case(
                f"noise_corrected(cka.debiased,ceiling=0.6,clip={clip},"
                f"normalisation={name})",
                lambda x, y, correct=correct, clip=clip: float(
                    np.clip(correct(oracles.cka_debiased(x, y)), 0, 1)
                    if clip == "unit_interval"
                    else correct(oracles.cka_debiased(x, y))
                ),
            )
    yield Case(
        "noise_corrected(bidirectional(ridge_r2(folds=none,lambda=2)),ceiling=0.5,"
        "normalisation=r/c)",
        lambda x, y: both(ridge)(x, y) / 0.5,
        1e-9,
    )


def _banded(
    columns: int,
    text: str,
    weights: list[tuple[float, ...]],
    penalties: list[float],
    selection: int | None = None,
    per_target: bool = True,
    **options: str,
) -> Case:
    """Bands of the first two columns and the rest of `columns`."""

    def oracle(x: np.ndarray, y: np.ndarray, folds: list[prediction.Fold]) -> float:
        regressor = prediction.banded_ridge(
            [2, columns - 2], weights, penalties, per_target, selection
        )
        return prediction.r2(x, y, folds, regressor, **options)

    written = {
        "bands": f"ranges(0-1,2-{columns - 1})",
        "folds": "explicit",
        "lambda": f"grid({','.join(map(str, penalties))})"
        if len(penalties) > 1
        else str(penalties[0]),
        "per_target": "yes" if per_target else "no",
        "weights": text,
        **options,
    }
    if selection is not None:
        written["selection"] = f"inner_folds({selection})"
    arguments = ",".join(f"{key}={written[key]}" for key in sorted(written))
    return Case(
        f"banded_ridge({arguments})",
        oracle,
        1e-9,
        lambda problem: problem.sizes[1] == columns,
        folded=True,
    )


def _banded_cases() -> Iterable[Case]:
    deltas = [(float(np.exp(-1)), float(np.exp(0.5)))]
    lattice = prediction.simplex(3, 2)
    variants = [
        ("deltas(-1,0.5)", deltas, [2.0], None, True, {}),
        ("deltas(-1,0.5)", deltas, [2.0], None, True, {"aggregation": "uniform"}),
        ("deltas(-1,0.5)", deltas, [2.0, 30.0], None, False, {"pooling": "pooled"}),
        ("simplex(3)", lattice, [1.0, 20.0], None, True, {}),
        ("simplex(3)", lattice, [1.0, 20.0], 3, True, {"aggregation": "median"}),
        ("simplex(3)", lattice, [5.0], 2, False, {}),
        ("random(1,9)", [(0.5, 0.5)], [1.0, 20.0], None, True, {}),
    ]
    for columns in (6, 12):
        for text, weights, penalties, selection, per_target, options in variants:
            yield _banded(
                columns, text, weights, penalties, selection, per_target, **options
            )


def _noise_cases() -> Iterable[Case]:
    """RDMs of four blocks of rows that repeat the conditions."""

    def repeated(kind: str, compare: str, shrinkage: float) -> Callable[..., float]:
        def oracle(x: np.ndarray, y: np.ndarray) -> float:
            rows = np.array_split(np.arange(len(x)), 4)
            if kind == "crossnobis":
                vectors = [rsa.crossnobis(side, rows) for side in (x, y)]
                sigma = rsa.condition_noise(y, rows, shrinkage)
            else:
                vectors = [rsa.mahalanobis(side, rows, 0.3) for side in (x, y)]
                precision = rsa.noise_precision(y, rows, 0.3)
                sigma = rsa.condition_noise(y, rows, shrinkage, precision)
            return rsa.COMPARATORS[compare](*vectors, sigma)

        return oracle

    for kind, written in (("crossnobis", "crossnobis"), ("m", "mahalanobis(0.3)")):
        for compare in ("whitened_cosine", "whitened_pearson"):
            for shrinkage in (0.1, 0.7):
                yield Case(
                    f"rsa(compare={compare},folds=rows_contiguous(4),"
                    f"noise=repetitions({shrinkage}),rdm={written})",
                    repeated(kind, compare, shrinkage),
                    1e-9,
                    units(2),
                )
    variances = 1 + np.arange(36) % 5
    diagonal = f"diagonal({','.join(map(str, variances))})"
    for kind in ("sq_euclidean", "euclidean"):
        for compare in ("whitened_cosine", "whitened_pearson"):
            yield Case(
                f"rsa(compare={compare},noise={diagonal},rdm={kind})",
                lambda x, y, kind=kind, compare=compare: rsa.COMPARATORS[compare](
                    rsa.rdm(x, kind), rsa.rdm(y, kind), np.diag(variances.astype(float))
                ),
                1e-9,
                lambda problem: problem.sizes[0] == 36,
            )


def _dynamics_cases() -> Iterable[Case]:
    for rank in (2, 3):
        for form in ("angular", "euclidean"):
            yield Case(
                f"dsa(form={form},rank={rank})",
                partial(dynamics.dsa, rank=rank, form=form),
                LOOSE,
                timed=True,
            )
    for rank in (2, 5):
        for form in ("transport", "transport_squared"):
            yield Case(
                f"dsa(form={form},rank={rank})",
                partial(dynamics.dsa, rank=rank, form=form),
                1e-8,
                timed=True,
            )
    yield Case(
        "dsa(centring=none,delays=2,interval=3,lambda=0.2,rank=3)",
        partial(
            dynamics.dsa, rank=3, delays=2, interval=3, penalty=0.2, centring="none"
        ),
        LOOSE,
        timed=True,
    )


def cases() -> Iterable[Case]:
    yield from _discrepancy_cases()
    yield from _wrapper_cases()
    yield from _banded_cases()
    yield from _noise_cases()
    yield from _dynamics_cases()
