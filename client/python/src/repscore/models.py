"""What the server says, as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from repscore import _tables


@dataclass(frozen=True)
class Axis:
    """One dimension of a dataset.

    Attributes:
        kind: "time", "condition", "sample" or "feature".
        size: Number of indices; 0 lets the array decide.
        coordinates: One number per index, for instance times; may be empty.
        unit: Unit of the coordinates, for instance "ms".
    """

    kind: str
    size: int = 0
    coordinates: tuple[float, ...] = ()
    unit: str = ""


@dataclass(frozen=True)
class Dataset:
    """A registered reference dataset; immutable on the server.

    Attributes:
        name: "datasets/{id}/versions/{version}".
        digest: SHA-256 (hex) over everything that can change a score.
        rows: Number of rows n after folding time and condition.
        features: Number of columns q.
        labels: A value per condition (or sample) for every label.
        groups: As labels, for partitions such as sessions.
        already_registered: This content was there before this registration.
    """

    name: str
    version: int
    digest: str
    dtype: str
    shape: tuple[int, ...]
    axes: tuple[Axis, ...]
    rows: int
    features: int
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    display_name: str = ""
    description: str = ""
    citation: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    create_time: datetime | None = None
    already_registered: bool = False

    @property
    def id(self) -> str:
        """The part of the name that the owner chose."""
        return self.name.split("/")[1] if "/" in self.name else self.name


@dataclass(frozen=True)
class MeasureParameter:
    """A parameter of a measure's specification."""

    name: str
    default: str
    description: str


@dataclass(frozen=True)
class Measure:
    """What a measure claims of itself.

    Attributes:
        id: What to ask for, for instance "procrustes.angular_score".
        canonical: The full specification with every default.
        orientation: "score" (1 at equality) or "distance" (0 at equality).
        lowest: Lower bound of the value, may be -inf.
        highest: Upper bound of the value, may be inf.
        symmetric: Exchanging the two sides changes nothing.
        metric: The triangle inequality holds.
        differentiable: Can be optimised.
        invariances: Transformations of the candidate that change nothing.
        source: Paper and equation.
    """

    id: str
    canonical: str
    aliases: tuple[str, ...]
    summary: str
    orientation: str
    lowest: float
    highest: float
    symmetric: bool
    metric: bool
    differentiable: bool
    invariances: tuple[str, ...]
    parameters: tuple[MeasureParameter, ...]
    source: str


@dataclass(frozen=True)
class Warning:
    """Something the caller should know about a score.

    Attributes:
        reason: Stable, for instance "SATURATED".
        message: A sentence.
    """

    reason: str
    message: str


@dataclass(frozen=True)
class Provenance:
    """What a result was computed from and by."""

    dataset_version: str
    dataset_digest: str
    server_version: str
    backend: str
    precision: str
    random_algorithm: str


@dataclass(frozen=True)
class Candidate:
    """What the server saw of a candidate.

    Attributes:
        effective_dimensionality: Participation ratio of the variances of the
            principal components, 1 to `features`.
    """

    rows: int
    features: int
    effective_dimensionality: float


class Score(float):
    """A number that knows where it comes from. It is a float.

    Attributes:
        measure: Canonical specification with every parameter written out.
        warnings: What to know before trusting the number.
        fold_digest: SHA-256 (hex) of the fold assignment; empty without folds.
        space: "feature" or "sample": where it was computed.
    """

    measure: str
    warnings: tuple[Warning, ...]
    fold_digest: str
    space: str

    def __new__(
        cls,
        value: float,
        measure: str,
        warnings: tuple[Warning, ...] = (),
        fold_digest: str = "",
        space: str = "",
    ) -> Score:
        """Makes a score of a value."""
        score = super().__new__(cls, value)
        score.measure = measure
        score.warnings = warnings
        score.fold_digest = fold_digest
        score.space = space
        return score

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            Score,
            (float(self), self.measure, self.warnings, self.fold_digest, self.space),
        )


class Scores(Mapping[str, Score]):
    """Scores of one candidate by measure, in the order asked for.

    Keys are the specifications as asked for; the canonical ones find the same
    scores. Shows itself as a table in terminals and notebooks.
    """

    def __init__(
        self,
        scores: Mapping[str, Score],
        provenance: Provenance | None = None,
        candidate: Candidate | None = None,
    ) -> None:
        self._scores = dict(scores)
        self._canonical = {score.measure: score for score in scores.values()}
        self.provenance = provenance
        self.candidate = candidate

    def __getitem__(self, measure: str) -> Score:
        if measure in self._scores:
            return self._scores[measure]
        return self._canonical[measure]

    def __iter__(self) -> Iterator[str]:
        return iter(self._scores)

    def __len__(self) -> int:
        return len(self._scores)

    @property
    def warnings(self) -> dict[str, tuple[Warning, ...]]:
        """Warnings by measure, without the measures that have none."""
        return {key: score.warnings for key, score in self.items() if score.warnings}

    def to_dict(self) -> dict[str, float]:
        """Plain numbers by measure."""
        return {key: float(score) for key, score in self.items()}

    def _rows(self) -> list[list[str]]:
        return [
            [key, f"{score:.6f}", ", ".join(w.reason for w in score.warnings)]
            for key, score in self.items()
        ]

    def __repr__(self) -> str:
        return _tables.text(["measure", "value", "warnings"], self._rows())

    def _repr_html_(self) -> str:
        return _tables.html(["measure", "value", "warnings"], self._rows())


class ScoreTable(dict[str, Scores]):
    """Scores of several candidates by name; shows itself as a table."""

    def _table(self) -> tuple[list[str], list[list[str]]]:
        measures = list(next(iter(self.values()), Scores({})))
        rows = [
            [name, *(f"{scores[measure]:.6f}" for measure in measures)]
            for name, scores in self.items()
        ]
        return ["candidate", *measures], rows

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Plain numbers by candidate and measure."""
        return {name: scores.to_dict() for name, scores in self.items()}

    def __repr__(self) -> str:
        return _tables.text(*self._table())

    def _repr_html_(self) -> str:
        return _tables.html(*self._table())


@dataclass(frozen=True)
class ServerInfo:
    """The server itself."""

    version: str
    devices: tuple[str, ...]
    blas_core: str
    lanes: int
    threads_per_lane: int
    max_message_bytes: int

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)
