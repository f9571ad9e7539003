"""What the server says of datasets, measures and itself, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


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
        row_ids: Identity of every condition (or sample) as registered; empty
            when there is none. Equal ids are repetitions.
        scored_rows: Rows that are compared: `rows` with repetitions averaged.
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
    row_ids: tuple[str, ...] = ()
    scored_rows: int = 0

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
        minimum_rows: Fewest rows with a defined value.
        exact_at_equality: Equal rows give exactly 1 (a score) or 0 (a distance).
        cost: Leading cost in rows n, candidate features p, reference features q.
        known_as: Where the same number is published, "package: name".
        examples: Specifications whose parameters change the formula.
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
    minimum_rows: int = 2
    exact_at_equality: bool = True
    cost: str = ""
    known_as: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()


@dataclass(frozen=True)
class MemoryItem:
    """One matrix that a score holds.

    Attributes:
        what: For instance "kernel n x n".
        bytes: Its size.
    """

    what: str
    bytes: int


@dataclass(frozen=True)
class Estimate:
    """Time and memory of a score before its data are sent.

    Attributes:
        space: "feature" or "sample": where it will be computed.
        streams: The candidate is reduced to moments while it arrives; its rows
            are not kept.
        memory: Every matrix that is held.
        peak_bytes: Most bytes held at once.
        limit_bytes: What one request may take.
        fits: The server will take it.
        flops: Floating-point operations.
        seconds: At the server's measured speed, without the time to send it.
        device: Where it would run, for instance "cpu".
    """

    space: str
    streams: bool
    memory: tuple[MemoryItem, ...]
    peak_bytes: int
    limit_bytes: int
    fits: bool
    flops: float
    seconds: float
    device: str = ""

    def __str__(self) -> str:
        fits = "fits" if self.fits else "does not fit"
        return (
            f"{self.seconds:.3g} s, {self.peak_bytes / 2**20:.1f} MiB of "
            f"{self.limit_bytes / 2**20:.0f} MiB ({fits}), in {self.space} space"
        )


@dataclass(frozen=True)
class SelfTestCheck:
    """One golden value and what a device gave for it.

    Attributes:
        measure: Canonical specification.
        step: Steps of Adam that the candidate has taken before; 0: none.
        passed: |actual - expected| <= tolerance.
        actual: None where there is no value, with the reason in `error`.
    """

    measure: str
    step: int
    passed: bool
    expected: float
    actual: float | None
    tolerance: float
    error: str = ""


@dataclass(frozen=True)
class DeviceSelfTest:
    """What one device computes.

    Attributes:
        device: For instance "cuda:0".
        passed: Every check did.
        error: Why the device could not be tested; empty when it was.
    """

    device: str
    passed: bool
    checks: tuple[SelfTestCheck, ...]
    error: str = ""

    @property
    def failed(self) -> tuple[SelfTestCheck, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True)
class SelfTest:
    """Golden values computed again on every device.

    Attributes:
        passed: Every device did.
    """

    passed: bool
    devices: tuple[DeviceSelfTest, ...]

    def __str__(self) -> str:
        return "\n".join(
            f"{device.device}: {_verdict(device)}" for device in self.devices
        )

    def to_dict(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def _verdict(device: DeviceSelfTest) -> str:
    if device.error:
        return f"not tested, {device.error}"
    if device.passed:
        return f"passed {len(device.checks)} checks"
    first = device.failed[0]
    got = first.error if first.actual is None else repr(first.actual)
    return (
        f"failed {len(device.failed)} of {len(device.checks)} checks, first "
        f"{first.measure}: expected {first.expected!r}, got {got}"
    )


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
