"""References of the figures: recordings where they are, else made ones.

A folder of data has the layout of the project's public reference data:
`hatsopoulos2007-m1/activity.npy`, `zhang-desimone-it/trials_50ms_counts.npy`,
`svcca-model-activations/`, and `diffscore-published-results/` with the spectra
that the authors published.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from repscore import synthetic
from repscore.models import Dataset
from repscore.paper.session import Session

# Rows that the published recordings had.
PUBLISHED_ROWS = {"Mante2013": 1080, "Hatsopoulos2007": 3800, "MajajHong2015": 3200}
_PUBLISHED = "diffscore-published-results"
_M1 = "hatsopoulos2007-m1"
_IT = "zhang-desimone-it"
# The first bin that starts 100 ms after the stimulus.
_IT_FIRST_BIN = 12
_IT_TIMES_MS = (150.0, 250.0)


@dataclass(frozen=True)
class Reference:
    """A registered reference.

    Attributes:
        name: Of the dataset on the server.
        title: For figures.
        published: The published recording that it stands for, or "".
        has_time: It has a time axis, hence a condition average.
        labelled: It has labels.
    """

    name: str
    title: str
    published: str = ""
    has_time: bool = False
    labelled: bool = False


def _register(
    session: Session,
    name: str,
    title: str,
    array: npt.ArrayLike,
    *,
    labels: Mapping[str, Iterable[Any]] | None = None,
    published: str = "",
    time_ms: Iterable[float] | None = None,
) -> Reference:
    values = np.asarray(array)
    session.client.register(
        name, values, labels=labels, time_ms=time_ms, display_name=title
    )
    return Reference(name, title, published, values.ndim == 3, bool(labels))


def load_array(path: Path) -> npt.NDArray[Any]:
    """The array of an .npy file, or the only one of an .npz file.

    Raises:
        ValueError: An .npz file holds several.
    """
    loaded = np.load(path)
    if isinstance(loaded, np.ndarray):
        return loaded
    if len(loaded.files) != 1:
        raise ValueError(f"{path} holds {', '.join(loaded.files)}: give one array")
    only: npt.NDArray[Any] = loaded[loaded.files[0]]
    return only


def _read_columns(path: Path) -> dict[str, list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no CSV text") from None
    if any(None in row or None in row.values() for row in rows):
        raise ValueError(f"{path}: a line has other columns than the first")
    return {key: [row[key] for row in rows] for key in (rows[0] if rows else {})}


def _of_dataset(dataset: Dataset) -> Reference:
    kinds = [axis.kind for axis in dataset.axes]
    return Reference(
        dataset.name, dataset.id, "", "time" in kinds, bool(dataset.labels)
    )


def given(session: Session) -> Reference | None:
    """The reference that the caller names, or None."""
    if session.dataset:
        return _of_dataset(session.client.dataset(session.dataset))
    if session.reference is None:
        return None
    labels = _read_columns(session.labels) if session.labels else None
    name = "paper-" + "".join(
        letter if letter.isalnum() else "-" for letter in session.reference.stem.lower()
    )
    array = load_array(session.reference)
    return _register(session, name, session.reference.stem, array, labels=labels)


def toy(session: Session, second_share: float | None = None) -> Reference:
    """Two-dimensional toy of figure 4."""
    made = synthetic.toy2d(second_share=second_share)
    name, title = "paper-toy2d", "2-D toy"
    if second_share is not None:
        name += f"-{round(100 * second_share)}"
        title = f"PC 2 / PC 1 = {second_share:g}"
    return _register(session, name, title, made.array, labels=made.labels)


def ultrametric(session: Session) -> Reference:
    """Binary codes on a tree, 100 x 50."""
    made = synthetic.ultrametric(session.seed)
    return _register(
        session,
        "paper-ultrametric",
        "ultrametric tree",
        made.array,
        labels=made.labels,
        published="ultrametric",
    )


def _file(session: Session, *parts: str) -> Path | None:
    path = session.data.joinpath(*parts) if session.data else None
    return path if path is not None and path.is_file() else None


def motor_cortex(session: Session) -> Reference | None:
    """Condition averages of monkey M1, [time x direction x neuron], spikes/s."""
    path = _file(session, _M1, "activity.npy")
    if path is None:
        return None
    times = np.load(path.with_name("time_ms.npy"))
    return _register(
        session, "paper-m1", "M1, reach averages", np.load(path), time_ms=times
    )


def motor_cortex_arrays(
    session: Session,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Activity of M1 and hand and arm kinematics, both time x direction x value.

    Raises:
        FileNotFoundError: The recording is not there.
    """
    path = _file(session, _M1, "activity.npy")
    if path is None:
        raise FileNotFoundError(f"no {_M1}/activity.npy in {session.data}")
    return np.load(path), np.load(path.with_name("kinematics.npy"))


def image_network(
    session: Session,
) -> tuple[Reference, npt.NDArray[np.float64], npt.NDArray[np.float64]] | None:
    """A hidden layer of a network on images, and of another on the same images."""
    path = _file(session, "svcca-model-activations", "SVHN_model_1_lay06.npy")
    if path is None:
        return None
    array = np.load(path).astype(np.float64)
    other = np.load(path.with_name("SVHN_model_0_lay06.npy")).astype(np.float64)
    reference = _register(session, "paper-svhn", "network on house numbers", array)
    return reference, array, other


def motor_cortex_movement(session: Session) -> Reference | None:
    """Rows of M1 from movement onset on, each labelled with its direction."""
    path = _file(session, _M1, "activity.npy")
    if path is None:
        return None
    moving = np.load(path)[np.load(path.with_name("time_ms.npy")) >= 0]
    times, directions, neurons = moving.shape
    return _register(
        session,
        "paper-m1-movement",
        "M1, movement",
        moving.reshape(-1, neurons),
        labels={"direction": np.tile(np.arange(directions), times).tolist()},
    )


def temporal_cortex(session: Session) -> Reference | None:
    """Trials of monkey IT, [2 time x 399 trial x 132 neuron], counts.

    The times are 100 to 200 and 200 to 300 ms after the stimulus.
    """
    path = _file(session, _IT, "trials_50ms_counts.npy")
    if path is None:
        return None
    columns = _read_columns(path.with_name("trials.csv"))
    counts = np.load(path).astype(np.float64)[_IT_FIRST_BIN : _IT_FIRST_BIN + 4]
    return _register(
        session,
        "paper-it",
        "IT, single trials",
        counts.reshape(2, 2, *counts.shape[1:]).sum(axis=1),
        labels={key: columns[key] for key in ("object", "position")},
        time_ms=_IT_TIMES_MS,
    )


def published_table(session: Session, recording: str) -> Path | None:
    """The published thresholds of a recording, where they are at hand."""
    return _file(session, _PUBLISHED, recording, "scores_at_threshold.csv")


def published_runs(session: Session, recording: str) -> Path | None:
    """The published scores along the optimisation, where they are at hand."""
    return _file(session, _PUBLISHED, recording, "scores_vs_decoding_acc.csv")


def published_spectrum(path: Path) -> npt.NDArray[np.float64]:
    """Shares of variance of the principal components, largest first."""
    columns = _read_columns(path)
    first = columns["measure"][0]
    shares = [
        float(share)
        for share, measure in zip(columns["pc_explained_variance"], columns["measure"])
        if measure == first
    ]
    return np.sort(np.array(shares))[::-1]


def surrogate(session: Session, recording: str) -> Reference | None:
    """Gaussian rows with the published spectrum of a recording."""
    path = published_table(session, recording)
    if path is None:
        return None
    rows = PUBLISHED_ROWS[recording]
    array = synthetic.matched_gaussian(published_spectrum(path), rows, session.seed)
    return _register(
        session,
        f"paper-{recording.lower()}",
        f"{recording}, surrogate",
        array,
        published=recording,
    )


def matched(session: Session, reference: Reference, array: npt.ArrayLike) -> Reference:
    """Gaussian rows with the spectrum of a reference."""
    return _register(
        session,
        f"{reference.name}-matched",
        f"{reference.title}, matched Gaussian",
        synthetic.matched_gaussian_of(array, session.seed),
    )


def present(found: Iterable[Reference | None]) -> list[Reference]:
    """Those that are there."""
    return [reference for reference in found if reference is not None]
