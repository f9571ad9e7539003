"""Specifications beside the oracles that compute the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

import numpy as np
import oracle_table_more
import oracle_table_prediction
import oracles
import oracles_cca as cca
import oracles_kernels as kernels
import oracles_neighbours as neighbours
import oracles_rsa as rsa
import oracles_shape as shape
import oracles_spectra as spectra
import oracles_topology as topology
from oracle_case import CLOSE, LOOSE, Case, few_pairs, full_rank, no_ties, units


def _kernel_cases() -> Iterable[Case]:
    yield Case("cka", oracles.cka)
    yield Case("cka.angular", lambda x, y: oracles.angle(oracles.cka(x, y)), LOOSE)
    yield Case(
        "cka.angular_score",
        lambda x, y: oracles.angular_score(oracles.cka(x, y)),
        LOOSE,
    )
    yield Case("cka.debiased", oracles.cka_debiased)
    yield Case("cka.lange", kernels.cka_lange)
    for name, oracle, kernel in (
        ("rbf", kernels.cka_rbf, kernels.rbf_kernel),
        ("laplace", kernels.cka_laplace, kernels.laplace_kernel),
    ):
        yield Case(f"cka.{name}", oracle)
        for rule, value in (
            ("median_all", 0.7),
            ("median_offdiagonal", 1.3),
            ("absolute", 4),
        ):
            yield Case(
                f"hsic(kernel={name}({rule}({value})))",
                lambda x, y, kernel=kernel, options=(rule, value): kernels.hsic(
                    kernel(x, *options), kernel(y, *options)
                ),
            )
            for bias in ("biased", "unbiased", "lange"):
                yield Case(
                    f"cka.{name}(bandwidth={rule}({value}),bias={bias})",
                    lambda x, y, oracle=oracle, options=(rule, value, bias): oracle(
                        x, y, *options
                    ),
                )
    for bias in ("biased", "unbiased"):
        yield Case(
            f"hsic(bias={bias})",
            lambda x, y, bias=bias: kernels.hsic(
                kernels.linear_kernel(x), kernels.linear_kernel(y), bias
            ),
        )
    yield Case(
        "hsic(bias=unbiased,kernel=rbf(median_all(1)))",
        lambda x, y: kernels.hsic(
            kernels.rbf_kernel(x), kernels.rbf_kernel(y), "unbiased"
        ),
    )
    yield Case("cka.minibatch", kernels.cka_minibatch)
    for batch in (4, 7, 20):
        yield Case(
            f"cka.minibatch(batch={batch})",
            partial(kernels.cka_minibatch, batch=batch),
        )
    yield Case("dcor", kernels.dcor)
    yield Case("dcor.unbiased", kernels.dcor_unbiased)


def _spectrum_cases() -> Iterable[Case]:
    yield Case("gulp", spectra.gulp)
    for scale in ("unit_trace", "raw"):
        yield Case(
            f"gulp(lambda=0.02,scale={scale})",
            partial(spectra.gulp, penalty=0.02, scale=scale),
        )
        yield Case(
            f"gulp(form=distance,lambda=0.3,scale={scale})",
            lambda x, y, scale=scale: np.sqrt(spectra.gulp(x, y, 0.3, scale)),
        )
    yield Case("gulp(lambda=0)", partial(spectra.gulp, penalty=0), 1e-8, full_rank)
    yield Case("ensd", spectra.ensd)
    yield Case("participation_ratio", spectra.participation_ratio_difference)
    yield Case("eigenspace_overlap", spectra.eigenspace_overlap)
    yield Case(
        "eigenspace_overlap(centring=column)",
        partial(spectra.eigenspace_overlap, centring="column"),
    )
    yield Case("magnitude", spectra.magnitude)
    yield Case("concentricity", spectra.concentricity)
    yield Case("uniformity", spectra.uniformity)
    yield Case(
        "uniformity(rows=raw,t=0.01)",
        partial(spectra.uniformity, rows="raw", t=0.01),
    )


def _shape_cases() -> Iterable[Case]:
    yield Case("nbs", shape.nbs)
    yield Case("procrustes.angle", lambda x, y: oracles.angle(shape.nbs(x, y)), LOOSE)
    yield Case(
        "procrustes.angular_score",
        lambda x, y: oracles.angular_score(shape.nbs(x, y)),
        LOOSE,
    )
    yield Case("procrustes.size_shape", shape.size_shape)
    for form in ("distance", "squared", "squared_per_sample"):
        yield Case(
            f"procrustes.size_shape(form={form})", partial(shape.size_shape, form=form)
        )
    yield Case("procrustes.chord", shape.chord)
    for form in ("chord", "squared", "one_minus"):
        yield Case(f"procrustes.chord(form={form})", partial(shape.chord, form=form))
    yield Case("shape.angular", partial(shape.shape_angular, alpha=0.5), LOOSE)
    for alpha in (0, 0.25, 0.9, 1):
        for scale in ("unit_norm", "raw"):
            yield Case(
                f"shape.angular(alpha={alpha},scale={scale})",
                partial(shape.shape_angular, alpha=alpha, scale=scale),
                LOOSE,
            )
    yield Case(
        "shape.angular(alpha=0.1,eigen_floor=0.02)",
        partial(shape.shape_angular, alpha=0.1, floor=0.02),
        LOOSE,
    )
    yield Case("shape.permutation", shape.shape_permutation)
    for form in ("angle", "cosine", "euclidean"):
        yield Case(
            f"shape.permutation(form={form})",
            partial(shape.shape_permutation, form=form),
        )
    for layout in ("channels_last", "channels_first"):
        yield Case(
            f"shape.convolutional(height=2,layout={layout},width=3)",
            partial(shape.shape_convolutional, height=2, width=3, layout=layout),
            LOOSE,
            units(6),
        )
    for alpha in (0.3, 1, 2):
        yield Case(
            f"shape.stochastic(alpha={alpha},folds=rows_contiguous(4))",
            lambda x, y, alpha=alpha: shape.shape_stochastic(
                x, y, np.array_split(np.arange(len(x)), 4), alpha
            ),
            LOOSE,
            lambda problem: problem.name == "two-units",
        )
    yield Case("match.hard", shape.match_hard)
    yield Case("match.hard(absolute=yes)", partial(shape.match_hard, absolute=True))
    yield Case("match.soft_mean_max", shape.match_soft_mean_max)
    for direction in ("mean", "candidate_to_reference", "reference_to_candidate"):
        yield Case(
            f"match.soft_mean_max(direction={direction})",
            partial(shape.match_soft_mean_max, direction=direction),
        )
    yield Case("match.transport", shape.match_transport, LOOSE)
    yield Case(
        "match.transport(form=squared)",
        partial(shape.match_transport, form="squared"),
        LOOSE,
    )


def _cca_cases() -> Iterable[Case]:
    yield Case("cca", cca.cca)
    for centring in ("column", "none"):
        for statistic in ("mean_rho", "mean_rho2"):
            yield Case(
                f"cca(centring={centring},statistic={statistic})",
                partial(cca.cca, centring=centring, statistic=statistic),
            )
    yield Case("svcca", cca.svcca)
    for components in (0.9, 0.6, 1, 5):
        kept = components if isinstance(components, int) else f"variance({components})"
        for normaliser in ("min", "geometric_mean", "max"):
            for statistic in ("rho", "rho2"):
                yield Case(
                    f"svcca(components={kept},normaliser={normaliser},"
                    f"statistic={statistic})",
                    partial(
                        cca.svcca,
                        components=components,
                        normaliser=normaliser,
                        statistic=statistic,
                    ),
                    applies=units(components if isinstance(components, int) else 1),
                )
    yield Case("pwcca", cca.pwcca, 1e-8, no_ties)
    # Of more pairs than n - 1 the rest are 0 by definition; how many count is
    # not the same in every publication.
    yield Case("rcca", cca.rcca, applies=few_pairs)
    for kappa in (0.003, 0.5):
        for statistic in ("rho", "rho2"):
            yield Case(
                f"rcca(kappa={kappa},statistic={statistic})",
                partial(cca.rcca, kappa=kappa, statistic=statistic),
                applies=few_pairs,
            )


def _repeated(
    dissimilarities: Callable[..., np.ndarray], folds: int
) -> Callable[..., float]:
    """Pearson of RDMs from contiguous blocks that repeat the conditions."""

    def oracle(x: np.ndarray, y: np.ndarray) -> float:
        rows = np.array_split(np.arange(len(x)), folds)
        return rsa.COMPARATORS["pearson"](
            dissimilarities(x, rows), dissimilarities(y, rows)
        )

    return oracle


def _rsa_cases() -> Iterable[Case]:
    yield Case("rsa", rsa.rsa)
    for kind in ("sq_euclidean", "euclidean", "correlation", "cosine"):
        for compare in rsa.COMPARATORS:
            yield Case(
                f"rsa(compare={compare},rdm={kind})",
                partial(rsa.rsa, kind=kind, compare=compare),
                LOOSE if compare == "bures" else CLOSE,
                # Correlation distances of two units are 0 or 2.
                units(3 if kind == "correlation" else 2),
            )
    yield Case(
        "rsa(folds=rows_contiguous(4),rdm=crossnobis)", _repeated(rsa.crossnobis, 4)
    )
    yield Case(
        "rsa(folds=rows_contiguous(2),rdm=crossnobis(0.3))",
        _repeated(
            lambda x, rows: rsa.crossnobis(x, rows, rsa.noise_precision(x, rows, 0.3)),
            2,
        ),
    )
    yield Case(
        "rsa(folds=rows_contiguous(4),rdm=mahalanobis(0.3))",
        _repeated(lambda x, rows: rsa.mahalanobis(x, rows, 0.3), 4),
    )
    yield Case("rsm_difference", rsa.rsm_difference)
    for kind in ("euclidean", "correlation"):
        yield Case(
            f"rsm_difference(rdm={kind})",
            partial(rsa.rsm_difference, kind=kind),
            applies=units(3 if kind == "correlation" else 1),
        )


def _neighbour_cases() -> Iterable[Case]:
    for name in ("mutual", "jaccard", "rank", "cknna"):
        oracle = getattr(neighbours, name)
        yield Case(f"knn.{name}", oracle, applies=units(2))
        for metric in ("euclidean", "cosine", "inner"):
            for rows in ("raw", "centred"):
                yield Case(
                    f"knn.{name}(k=6,metric={metric},rows={rows})",
                    partial(oracle, k=6, metric=metric, rows=rows),
                    applies=units(1 if metric == "euclidean" else 2),
                )
    yield Case("imd", neighbours.imd)
    yield Case("imd(k=2)", partial(neighbours.imd, k=2))
    yield Case("rtd", topology.rtd)
    for direction in ("candidate_to_reference", "reference_to_candidate"):
        yield Case(
            f"rtd(direction={direction})", partial(topology.rtd, direction=direction)
        )
    for rows in ("raw", "centred"):
        yield Case(
            f"knn.second_order_cosine(k=4,rows={rows})",
            partial(neighbours.second_order_cosine, k=4, rows=rows),
            applies=units(2),
        )


CASES = [
    *_kernel_cases(),
    *_spectrum_cases(),
    *_shape_cases(),
    *_cca_cases(),
    *_rsa_cases(),
    *_neighbour_cases(),
    *oracle_table_prediction.cases(),
    *oracle_table_more.cases(),
]

# Measures of the registry that no oracle computes, and why.
WITHOUT_ORACLE: dict[str, str] = {}
