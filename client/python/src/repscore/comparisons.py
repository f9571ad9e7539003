"""What becomes of many systems: matrices, maps, means and rankings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from repscore import _tables
from repscore.models import Measure
from repscore.scores import Provenance

Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

# Scores that are 1 - (2 / pi) times an angle, which is a distance.
_ANGULAR_SCORE = ".angular_score"


@dataclass(frozen=True, eq=False, repr=False)
class Pairwise:
    """Scores of all pairs of systems.

    Attributes:
        names: The k systems in the order of rows and columns.
        matrices: A symmetric [k x k] matrix for every measure as asked for;
            its diagonal compares a system with itself.
        measures: What every measure claims of itself, by the same keys.
        provenance: What the matrices were computed by.
    """

    names: tuple[str, ...]
    matrices: Mapping[str, Floats]
    measures: Mapping[str, Measure]
    provenance: Provenance | None = None

    def _key(self, measure: str | None) -> str:
        if measure is None:
            if len(self.matrices) == 1:
                return next(iter(self.matrices))
            raise ValueError(f"measure: choose one of {', '.join(self.matrices)}")
        if measure in self.matrices:
            return measure
        for key, info in self.measures.items():
            if info.canonical == measure:
                return key
        raise KeyError(f"no {measure!r}: there are {', '.join(self.matrices)}")

    def __getitem__(self, measure: str) -> Floats:
        """The matrix of a measure, as asked for or canonical."""
        return self.matrices[self._key(measure)]

    def distances(self, measure: str | None = None) -> Floats:
        """A matrix of distances [k x k] for `Client.embed`.

        A measure whose orientation is "distance" is taken as it is. An angular
        score s, 1 - (2 / pi) times an angle, gives back that angle,
        (pi / 2) (1 - s), in [0, pi]. The result is symmetric, its diagonal is
        zero and rounding below zero is cut.

        Args:
            measure: As asked for or canonical. Default: the only one.

        Raises:
            ValueError: The measure is a similarity: ask for a distance, for
                instance "cka.angular" or "procrustes.angle".
            KeyError: There is no such measure here.
        """
        key = self._key(measure)
        info, values = self.measures[key], self.matrices[key]
        if info.id.endswith(_ANGULAR_SCORE):
            values = math.pi / 2 * (1 - values)
        elif info.orientation != "distance":
            raise ValueError(
                f"{key} is a similarity, not a distance: compare by a distance, for "
                "instance cka.angular or procrustes.angle"
            )
        values = np.maximum((values + values.T) / 2, 0.0)
        np.fill_diagonal(values, 0.0)
        return values

    def __repr__(self) -> str:
        parts = []
        for measure, matrix in self.matrices.items():
            rows = [
                [name, *(f"{value:.6f}" for value in row)]
                for name, row in zip(self.names, matrix)
            ]
            parts.append(_tables.text([measure, *self.names], rows))
        return "\n\n".join(parts)


@dataclass(frozen=True, eq=False)
class Embedding:
    """Geometry of a matrix of distances between k systems.

    Attributes:
        points: [k x dimensions], axes by falling variance.
        stress: Kruskal's stress-1, in [0, 1].
        distortion: Largest stretch times largest shrink of a pair, at least 1;
            1 is isometric, inf where a distance vanished.
        explained: Share of the positive eigenvalues that the points hold.
        non_euclidean: Share of negative eigenvalues; 0 for Euclidean distances.
        iterations: Of the method.
        frechet_medoid: Index of the system with the least sum of squared
            distances.
        medoids: Indices of the clusters' medoids, ascending; empty without
            clusters.
        assignment: [k] positions in `medoids`; empty without clusters.
        silhouette: Mean silhouette width in [-1, 1], or None without clusters.
        nearest: [k x neighbors] indices of the nearest others, nearest first.
    """

    points: Floats
    stress: float
    distortion: float
    explained: float
    non_euclidean: float
    iterations: int
    frechet_medoid: int
    medoids: Indices
    assignment: Indices
    silhouette: float | None
    nearest: Indices


@dataclass(frozen=True, eq=False)
class FrechetMean:
    """The mean of several representations under the Procrustes distance.

    Attributes:
        mean: [n x p], columns centred; p is the largest number of features.
        distances: Procrustes distance of every system from the mean.
        variance: Mean squared distance.
        iterations: Of generalised Procrustes analysis.
        converged: The variance stopped falling before `max_iterations`.
    """

    mean: Floats
    distances: Mapping[str, float]
    variance: float
    iterations: int
    converged: bool


@dataclass(frozen=True, eq=False, repr=False)
class Aggregation:
    """One ranking from several measures of several systems.

    Distances are negated first, so that more is better everywhere.

    Attributes:
        systems: In the order given.
        measures: In the order given.
        arithmetic_mean: Mean over measures of every system; NaN where the
            system was left out.
        z_score_mean: Mean of z-scores over systems.
        mean_rank: Mean rank, 1 is best.
        kendall: [measures x measures] rank correlations tau-b over systems; NaN
            with fewer than two, or for a measure that is constant.
        spearman: [measures x measures] rank correlations rho, likewise.
        systems_left_out: Number of systems with missing scores.
    """

    systems: tuple[str, ...]
    measures: tuple[str, ...]
    arithmetic_mean: Mapping[str, float]
    z_score_mean: Mapping[str, float]
    mean_rank: Mapping[str, float]
    kendall: Floats
    spearman: Floats
    systems_left_out: int

    @property
    def ranking(self) -> tuple[str, ...]:
        """Systems by mean rank, best first, without those that were left out."""
        ranked = [name for name in self.systems if not math.isnan(self.mean_rank[name])]
        return tuple(sorted(ranked, key=lambda name: self.mean_rank[name]))

    def _table(self) -> tuple[list[str], list[list[str]]]:
        rows = [
            [
                name,
                f"{self.mean_rank[name]:.2f}",
                f"{self.z_score_mean[name]:.6f}",
                f"{self.arithmetic_mean[name]:.6f}",
            ]
            for name in self.ranking
        ]
        return ["system", "mean rank", "mean z-score", "mean"], rows

    def __repr__(self) -> str:
        return _tables.text(*self._table())

    def _repr_html_(self) -> str:
        return _tables.html(*self._table())
