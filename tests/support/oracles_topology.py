"""Representation topology divergence by GUDHI, and by a matrix reduction."""

from __future__ import annotations

from itertools import combinations

import gudhi
import numpy as np
from scipy.spatial.distance import cdist


def doubled(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Barannikov et al. 2022: the distances whose loops `second` closes."""
    r1, r2 = (cdist(side, side) for side in (first, second))
    r1 = r1 / np.quantile(r1, 0.9)
    r2 = r2 / np.quantile(r2, 0.9)
    distances = np.block([[np.zeros_like(r1), r1.T], [r1, np.minimum(r1, r2)]])
    distances[distances < 1e-6 * r1.mean()] = 0
    return distances


def loops(distances: np.ndarray) -> float:
    """Sum of the lengths of all bars of H1 of a Vietoris-Rips filtration."""
    tree = gudhi.RipsComplex(distance_matrix=distances).create_simplex_tree(
        max_dimension=2
    )
    tree.compute_persistence(homology_coeff_field=2)
    bars = tree.persistence_intervals_in_dimension(1)
    return float(np.sum(bars[:, 1] - bars[:, 0])) if len(bars) else 0.0


def loops_by_reduction(distances: np.ndarray) -> float:
    """The same from the boundary matrix, column by column; small sizes only."""
    size = len(distances)
    diameter = {
        simplex: max(
            (distances[pair] for pair in combinations(simplex, 2)), default=0.0
        )
        for count in (1, 2, 3)
        for simplex in combinations(range(size), count)
    }
    order = sorted(diameter, key=lambda simplex: (diameter[simplex], len(simplex)))
    place = {simplex: at for at, simplex in enumerate(order)}
    columns: dict[int, set[int]] = {}
    total = 0.0
    for simplex in order:
        faces = combinations(simplex, len(simplex) - 1) if len(simplex) > 1 else ()
        column = {place[face] for face in faces}
        while column and max(column) in columns:
            column ^= columns[max(column)]
        if column:
            columns[max(column)] = column
            begun = order[max(column)]
            if len(begun) == 2:
                total += diameter[simplex] - diameter[begun]
    return float(total)


def rtd(x: np.ndarray, y: np.ndarray, direction: str = "both") -> float:
    """Barannikov et al. 2022, of all rows."""
    one_way = {
        "candidate_to_reference": lambda: loops(doubled(x, y)),
        "reference_to_candidate": lambda: loops(doubled(y, x)),
    }
    if direction == "both":
        return float(np.mean([value() for value in one_way.values()]))
    return one_way[direction]()
