"""Experiments on one dataset: decoding, baselines, perturbations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from repscore import _tables
from repscore.calibration import ComponentPerturbation, Landmark
from repscore.decoding import LabelDecoding
from repscore.scores import Provenance, Warning


class Decodings(Mapping[str, LabelDecoding]):
    """Accuracies by label; shows itself as a table.

    Attributes:
        notes: Labels that cannot be decoded, and why.
        provenance: What they were computed from and by.
    """

    def __init__(
        self,
        labels: Mapping[str, LabelDecoding],
        notes: tuple[Warning, ...] = (),
        provenance: Provenance | None = None,
    ) -> None:
        self._labels = dict(labels)
        self.notes = notes
        self.provenance = provenance

    def __getitem__(self, label: str) -> LabelDecoding:
        return self._labels[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._labels)

    def __len__(self) -> int:
        return len(self._labels)

    def __repr__(self) -> str:
        header = ["label", "classes", "chance", "recording", "accuracy", "sd"]
        rows = [
            [
                name,
                str(found.label.classes),
                f"{found.label.chance:.3f}",
                f"{found.label.reference_accuracy:.3f}",
                f"{found.accuracy:.3f}",
                f"{found.sd:.3f}",
            ]
            for name, found in self.items()
        ]
        return _tables.text(header, rows)


class Baselines(Mapping[str, Mapping[str, Landmark]]):
    """Landmarks by measure and kind; shows itself as a table.

    Keys are the specifications as asked for.

    Attributes:
        notes: Why a kind is not there.
        provenance: What they were computed from and by.
        stored: They were computed before.
    """

    def __init__(
        self,
        measures: Mapping[str, Mapping[str, Landmark]],
        notes: tuple[Warning, ...] = (),
        provenance: Provenance | None = None,
        stored: bool = False,
    ) -> None:
        self._measures = dict(measures)
        self.notes = notes
        self.provenance = provenance
        self.stored = stored

    def __getitem__(self, measure: str) -> Mapping[str, Landmark]:
        return self._measures[measure]

    def __iter__(self) -> Iterator[str]:
        return iter(self._measures)

    def __len__(self) -> int:
        return len(self._measures)

    def __repr__(self) -> str:
        kinds = list(dict.fromkeys(kind for row in self.values() for kind in row))
        rows = [
            [measure, *(f"{row[k].value:.6f}" if k in row else "" for k in kinds)]
            for measure, row in self.items()
        ]
        return _tables.text(["measure", *kinds], rows)


class Perturbations(Mapping[str, tuple[ComponentPerturbation, ...]]):
    """Cost of every leading component by measure; shows itself as a table.

    Keys are the specifications as asked for.

    Attributes:
        provenance: What they were computed from and by.
        stored: They were computed before.
    """

    def __init__(
        self,
        measures: Mapping[str, tuple[ComponentPerturbation, ...]],
        provenance: Provenance | None = None,
        stored: bool = False,
    ) -> None:
        self._measures = dict(measures)
        self.provenance = provenance
        self.stored = stored

    def __getitem__(self, measure: str) -> tuple[ComponentPerturbation, ...]:
        return self._measures[measure]

    def __iter__(self) -> Iterator[str]:
        return iter(self._measures)

    def __len__(self) -> int:
        return len(self._measures)

    def __repr__(self) -> str:
        header = ["measure", "component", "variance", "simulation", "sd", "theory"]
        rows = [
            [
                measure,
                str(found.component),
                f"{found.variance_share:.6f}",
                f"{found.mean:.6f}",
                f"{found.sd:.6f}",
                "" if found.theory is None else f"{found.theory:.6f}",
            ]
            for measure, components in self.items()
            for found in components
        ]
        return _tables.text(header, rows)
