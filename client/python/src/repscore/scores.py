"""Scores: numbers that know where they come from, and tables of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from repscore import _tables
from repscore.calibration import CalibrationReading
from repscore.context import Ceiling, Interval, NullDistribution


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
    """What the server saw of one side of a comparison.

    Attributes:
        effective_dimensionality: Participation ratio of the variances of the
            principal components, 1 to `features`.
    """

    rows: int
    features: int
    effective_dimensionality: float


@dataclass(frozen=True)
class ScoreContext:
    """What `Context` asked for. Parts that were not asked for are None.

    Attributes:
        ceiling: Agreement of the reference with itself.
        ceiled: The score normalised by the ceiling, cut to [0, 1] with `clip`.
        unclipped: The ceiled score before it was cut.
        interval: Confidence interval of the score.
        null: Scores of permuted rows, with the p-value.
        baseline: Score of the reference's own average over conditions.
        companion: Score of the debiased measure.
        calibration: What noise that was optimised to this score captures.
        notes: Why a part that was asked for is not there.
    """

    ceiling: Ceiling | None = None
    ceiled: float | None = None
    unclipped: float | None = None
    interval: Interval | None = None
    null: NullDistribution | None = None
    baseline: float | None = None
    companion: Score | None = None
    notes: tuple[Warning, ...] = ()
    calibration: CalibrationReading | None = None


_NO_CONTEXT = ScoreContext()


class Score(float):
    """A number that knows where it comes from. It is a float.

    Attributes:
        measure: Canonical specification with every parameter written out.
        warnings: What to know before trusting the number.
        fold_digest: SHA-256 (hex) of the fold assignment; empty without folds.
        space: "feature" or "sample": where it was computed.
        error: Standard error over splits, for measures that average over them;
            None for others.
        context: What was asked for beside the score; empty when nothing was.
    """

    measure: str
    warnings: tuple[Warning, ...]
    fold_digest: str
    space: str
    error: float | None
    context: ScoreContext

    def __new__(
        cls,
        value: float,
        measure: str,
        warnings: tuple[Warning, ...] = (),
        fold_digest: str = "",
        space: str = "",
        error: float | None = None,
        context: ScoreContext = _NO_CONTEXT,
    ) -> Score:
        """Makes a score of a value."""
        score = super().__new__(cls, value)
        score.measure = measure
        score.warnings = warnings
        score.fold_digest = fold_digest
        score.space = space
        score.error = error
        score.context = context
        return score

    def __reduce__(self) -> tuple[Any, ...]:
        return (
            Score,
            (
                float(self),
                self.measure,
                self.warnings,
                self.fold_digest,
                self.space,
                self.error,
                self.context,
            ),
        )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _cells(score: Score) -> dict[str, str]:
    """Everything about a score by the name of its column; empty where unknown."""
    context = score.context
    interval, null = context.interval, context.null
    return {
        "value": _number(score),
        "error": _number(score.error),
        "interval": (
            f"[{interval.lower:.6f}, {interval.upper:.6f}]" if interval else ""
        ),
        "p": f"{null.p_value:.4g}" if null else "",
        "ceiling": _number(context.ceiling.value if context.ceiling else None),
        "ceiled": _number(context.ceiled),
        "baseline": _number(context.baseline),
        "companion": _number(context.companion),
        "warnings": ", ".join(w.reason for w in (*score.warnings, *context.notes)),
    }


_COLUMNS = tuple(_cells(Score(0.0, "")))


class Scores(Mapping[str, Score]):
    """Scores of one candidate by measure, in the order asked for.

    Keys are the specifications as asked for; the canonical ones find the same
    scores. Shows itself as a table in terminals and notebooks, with a column
    for every part of the context that is there, and the calibrations below.

    Attributes:
        provenance: What the scores were computed from and by.
        candidate: What the server saw of the candidate.
        reference: What it compared with, repetitions averaged.
    """

    def __init__(
        self,
        scores: Mapping[str, Score],
        provenance: Provenance | None = None,
        candidate: Candidate | None = None,
        reference: Candidate | None = None,
    ) -> None:
        self._scores = dict(scores)
        self._canonical = {score.measure: score for score in scores.values()}
        self.provenance = provenance
        self.candidate = candidate
        self.reference = reference

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

    def _table(self) -> tuple[list[str], list[list[str]]]:
        rows = [[key, *_cells(score).values()] for key, score in self.items()]
        return ["measure", *_COLUMNS], rows

    def _readings(self) -> list[str]:
        readings = [score.context.calibration for score in self.values()]
        return [reading.statement for reading in readings if reading]

    def __repr__(self) -> str:
        return "\n".join([_tables.text(*self._table()), *self._readings()])

    def _repr_html_(self) -> str:
        paragraphs = "".join(map(_tables.paragraph, self._readings()))
        return _tables.html(*self._table()) + paragraphs


class ScoreTable(dict[str, Scores]):
    """Scores of several candidates by name; shows itself as a table.

    Beside every measure stand the interval, the p-value and the ceiled score
    where they are there.
    """

    _BESIDE = ("interval", "p", "ceiling", "ceiled")

    def _table(self) -> tuple[list[str], list[list[str]]]:
        measures = list(next(iter(self.values()), Scores({})))
        header, rows = ["candidate"], [[str(name)] for name in self]
        for measure in measures:
            header += [measure, *(f"{measure} {column}" for column in self._BESIDE)]
            for row, scores in zip(rows, self.values()):
                cells = _cells(scores[measure])
                row += [cells["value"], *(cells[column] for column in self._BESIDE)]
        return header, rows

    def to_dict(self) -> dict[str, dict[str, float]]:
        """Plain numbers by candidate and measure."""
        return {name: scores.to_dict() for name, scores in self.items()}

    def __repr__(self) -> str:
        return _tables.text(*self._table())

    def _repr_html_(self) -> str:
        return _tables.html(*self._table())
