"""Assemblies of Brain-Score as arrays with stimulus ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from brainscore_core.supported_data_standards.brainio.assemblies import walk_coords

from repscore.client import Client
from repscore.models import Dataset

_PRESENTATION = "presentation"
_NEUROID = "neuroid"
_TIME = "time_bin"
_STIMULUS = "stimulus_id"
_MOST_NAMED = 5


@dataclass(frozen=True)
class Stimuli:
    """One row per stimulus, repetitions averaged, in order of appearance."""

    ids: tuple[str, ...]
    values: npt.NDArray[Any]
    """[stimuli x neuroids] or [time bins x stimuli x neuroids]."""
    first: tuple[int, ...]
    """The presentation that a stimulus appears in first."""


def values_of(assembly: Any, side: str) -> npt.NDArray[Any]:
    """[presentations x neuroids], or with time bins before, if several.

    Raises:
        ValueError: There are other dimensions.
    """
    dims = [str(dim) for dim in assembly.dims]
    if sorted({*dims} - {_TIME}) != [_NEUROID, _PRESENTATION]:
        raise ValueError(
            f"{side}: has dimensions {', '.join(dims)}; needed are "
            f"{_PRESENTATION}, {_NEUROID} and perhaps {_TIME}"
        )
    if _TIME not in dims:
        return np.asarray(assembly.transpose(_PRESENTATION, _NEUROID).values)
    binned = np.asarray(assembly.transpose(_TIME, _PRESENTATION, _NEUROID).values)
    return binned[0] if len(binned) == 1 else binned


def coordinate(assembly: Any, name: str, side: str) -> list[str]:
    """Values of a presentation coordinate, as texts.

    Raises:
        ValueError: There is none of this name.
    """
    for known, dims, values in walk_coords(assembly):
        if known == name and tuple(dims) == (_PRESENTATION,):
            return [str(value) for value in values]
    raise ValueError(f"{side}: has no {_PRESENTATION} coordinate {name}")


def stimuli_of(assembly: Any, side: str) -> Stimuli:
    values = values_of(assembly, side)
    ids = coordinate(assembly, _STIMULUS, side)
    places: dict[str, list[int]] = {}
    for place, id in enumerate(ids):
        places.setdefault(id, []).append(place)
    first = tuple(repeated[0] for repeated in places.values())
    if len(places) == len(ids):
        return Stimuli(tuple(ids), values, first)
    averaged = [values[..., repeated, :].mean(axis=-2) for repeated in places.values()]
    return Stimuli(tuple(places), np.stack(averaged, axis=-2), first)


def check_single_bin(values: npt.NDArray[Any], side: str) -> None:
    """Splits are over stimuli: with several time bins they would miss rows.

    Raises:
        ValueError: There are several.
    """
    if values.ndim > 2:
        raise ValueError(
            f"{side}: has {len(values)} time bins; folds=explicit takes one: "
            "select or average them"
        )


def some(ids: Sequence[str]) -> str:
    named = ", ".join(ids[:_MOST_NAMED])
    return named + (", ..." if len(ids) > _MOST_NAMED else "")


def in_order_of(source: Stimuli, ids: Sequence[str]) -> npt.NDArray[Any]:
    """The source's rows for these stimuli.

    Raises:
        ValueError: A stimulus is on one side only.
    """
    missing = sorted({*ids} - {*source.ids})
    extra = sorted({*source.ids} - {*ids})
    if missing or extra:
        parts = [f"lacks {some(missing)}"] if missing else []
        parts += [f"alone has {some(extra)}"] if extra else []
        raise ValueError(f"source: of {_STIMULUS} it {' and '.join(parts)}")
    place = {id: i for i, id in enumerate(source.ids)}
    return np.asarray(source.values[..., [place[id] for id in ids], :])


def register_assembly(
    client: Client, name: str, assembly: Any, *, citation: str = ""
) -> Dataset:
    """Registers a recording as a dataset, repetitions and all.

    Stimulus ids become row ids, the other presentation coordinates labels.

    Args:
        client: Of the server that will hold it.
        name: As in `Client.register`.
        assembly: (presentation, neuroid), or (time_bin, presentation, neuroid)
            in any order.
        citation: What to cite when using it.

    Raises:
        ValueError: A dimension or coordinate is missing.
        repscore.InvalidInput: The name is no name, or an entry is not finite.
    """
    values = values_of(assembly, "assembly")
    labels = {
        str(label): [str(value) for value in texts]
        for label, dims, texts in walk_coords(assembly)
        if tuple(dims) == (_PRESENTATION,) and label not in (_STIMULUS, "repetition")
    }
    times = None
    if values.ndim == 3:
        starts, ends = (
            np.asarray(assembly[f"{_TIME}_{edge}"].values, dtype=float)
            for edge in ("start", "end")
        )
        times = ((starts + ends) / 2).tolist()
    return client.register(
        name,
        values,
        time_ms=times,
        labels=labels,
        row_ids=coordinate(assembly, _STIMULUS, "assembly"),
        citation=citation,
    )
