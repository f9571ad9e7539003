"""Folds that the caller gives, as row lists of the wire."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Callable

import numpy as np
import numpy.typing as npt

from repscore.v1 import types_pb2

Folds = Iterable[Any]


@dataclass(frozen=True)
class FoldLists:
    """Rows of every fold. Without training, a fold trains on all other rows."""

    validation: tuple[types_pb2.RowIndices, ...] = ()
    training: tuple[types_pb2.RowIndices, ...] = ()


def _lists(rows: Iterable[npt.NDArray[Any]]) -> tuple[types_pb2.RowIndices, ...]:
    return tuple(types_pb2.RowIndices(rows=part.tolist()) for part in rows)


def _is_pair(fold: Any) -> bool:
    return isinstance(fold, tuple) and len(fold) == 2 and np.ndim(fold[0]) == 1


def _is_partition(
    training: list[npt.NDArray[Any]], validation: list[npt.NDArray[Any]], rows: int
) -> bool:
    """Every fold trains on all rows outside it, and no two folds share a row."""
    every = np.arange(rows)
    tested = np.concatenate(validation)
    return np.unique(tested).size == tested.size and all(
        np.array_equal(np.sort(np.concatenate(pair)), every)
        for pair in zip(training, validation)
    )


def fold_lists(
    folds: Folds | None, measures: Iterable[str], count_rows: Callable[[], int]
) -> FoldLists:
    """Row lists for the measures that say folds=explicit.

    Args:
        folds: Validation rows of every fold, or (training, validation) pairs.
        measures: Specifications of the call.
        count_rows: Rows that are compared; asked for with pairs only.

    Raises:
        ValueError: There are folds, but no measure asks for them; or only some
            of them are pairs.
    """
    if folds is None:
        return FoldLists()
    if not any("explicit" in id for id in measures):
        raise ValueError("folds: no measure says folds=explicit")
    folds = list(folds)
    pairs = [_is_pair(fold) for fold in folds]
    if not any(pairs):
        return FoldLists(_lists(np.asarray(fold) for fold in folds))
    if not all(pairs):
        raise ValueError("folds: give all of them as (training, validation), or none")
    training = [np.asarray(fold[0]) for fold in folds]
    validation = [np.asarray(fold[1]) for fold in folds]
    # One split alone is none of a partition: its rows would be all there are.
    if len(folds) > 1 and _is_partition(training, validation, count_rows()):
        return FoldLists(_lists(validation))
    return FoldLists(_lists(validation), _lists(training))


def measure_specs(ids: Iterable[str], folds: FoldLists) -> list[types_pb2.MeasureSpec]:
    """Specifications with the explicit folds where they ask for them."""
    return [
        types_pb2.MeasureSpec(
            id=id,
            explicit_folds=folds.validation if "explicit" in id else (),
            explicit_training=folds.training if "explicit" in id else (),
        )
        for id in ids
    ]
