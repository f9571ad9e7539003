"""What goes wrong, as exceptions.

Every exception of this package is a `RepscoreError`. Servers say why a call
failed with a stable reason and, for bad input, the field at fault; both are
attributes. `str(error)` is the server's sentence.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

_TOO_LARGE = re.compile(r"larger than max \((\d+) vs\. (\d+)\)")
_DETAILS_KEY = "grpc-status-details-bin"
_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


@dataclass(frozen=True)
class FieldViolation:
    """One field of a request and what is wrong with it."""

    field: str
    description: str


class RepscoreError(Exception):
    """Base of all errors.

    Attributes:
        message: The server's sentence.
        code: Canonical status code, for instance "INVALID_ARGUMENT".
        reason: Stable machine-readable reason, for instance "SHAPE_MISMATCH";
            empty when the server gave none.
        metadata: Figures of the message, for instance row counts.
        retry_after: Seconds after which a repetition can succeed, or None.
        violations: Fields at fault.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        retry_after: float | None = None,
        violations: tuple[FieldViolation, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.metadata = dict(metadata or {})
        self.retry_after = retry_after
        self.violations = violations

    @property
    def field(self) -> str:
        """Path of the first field at fault, empty when the server named none."""
        return self.violations[0].field if self.violations else ""


class InvalidInput(RepscoreError, ValueError):  # noqa: N818
    """The request cannot be served as it is; `field` says what to change."""


class NotFound(RepscoreError, LookupError):  # noqa: N818
    """There is no such dataset, measure or run."""


class Busy(RepscoreError):  # noqa: N818
    """The server is full; try again after `retry_after` seconds."""


class LimitExceeded(RepscoreError):  # noqa: N818
    """The request is larger than the server can ever serve."""


class PreconditionFailed(RepscoreError):  # noqa: N818
    """The state of the server or of the resource does not allow the call."""


class CorruptData(RepscoreError):  # noqa: N818
    """Bytes arrived that do not match their checksum."""


class Unavailable(RepscoreError, ConnectionError):  # noqa: N818
    """The server cannot be reached, or is shutting down."""


class TimedOut(RepscoreError, TimeoutError):  # noqa: N818
    """The call took longer than its timeout."""


class Cancelled(RepscoreError):  # noqa: N818
    """The call was cancelled on either side."""


class Unsupported(RepscoreError):  # noqa: N818
    """The server does not know this call or measure."""


class ServerError(RepscoreError):
    """The server failed; the request was not at fault."""


class RunFailed(RepscoreError):  # noqa: N818
    """A stored run ended with an error; its code and field are the server's."""


_BY_CODE: dict[str, type[RepscoreError]] = {
    "INVALID_ARGUMENT": InvalidInput,
    "OUT_OF_RANGE": InvalidInput,
    "NOT_FOUND": NotFound,
    "RESOURCE_EXHAUSTED": LimitExceeded,
    "FAILED_PRECONDITION": PreconditionFailed,
    "ABORTED": PreconditionFailed,
    "DATA_LOSS": CorruptData,
    "UNAVAILABLE": Unavailable,
    "DEADLINE_EXCEEDED": TimedOut,
    "CANCELLED": Cancelled,
    "UNIMPLEMENTED": Unsupported,
    "INTERNAL": ServerError,
    "UNKNOWN": ServerError,
}


def _details(status: status_pb2.Status) -> dict[str, Any]:
    """Attributes of an exception from google.rpc details."""
    keywords: dict[str, Any] = {}
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            keywords["reason"] = info.reason
            keywords["metadata"] = dict(info.metadata)
        elif detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR):
            retry = error_details_pb2.RetryInfo()
            detail.Unpack(retry)
            delay = retry.retry_delay
            keywords["retry_after"] = delay.seconds + delay.nanos / 1e9
        elif detail.Is(error_details_pb2.BadRequest.DESCRIPTOR):
            request = error_details_pb2.BadRequest()
            detail.Unpack(request)
            keywords["violations"] = tuple(
                FieldViolation(violation.field, violation.description)
                for violation in request.field_violations
            )
    return keywords


def run_failed(run: str, status: status_pb2.Status) -> RunFailed:
    """The exception for a stored run that ended with an error."""
    code = _CODE_NAMES.get(status.code, "UNKNOWN")
    message = f"{run}: {status.message or 'failed'}"
    return RunFailed(message, code=code, **_details(status))


def _in_our_words(details: str) -> str:
    """What gRPC itself says of a message that is too large, with what to do."""
    found = _TOO_LARGE.search(details)
    if not found:
        return details
    size, limit = (int(number) / 2**20 for number in found.groups())
    return (
        f"the arrays make a message of {size:.1f} MiB, the server takes"
        f" {limit:.1f} MiB (max_message_bytes): register large arrays as datasets"
        " and name them, or send fewer or float32 columns"
    )


def from_rpc_error(error: grpc.RpcError) -> RepscoreError:
    """The exception for a failed call."""
    if not isinstance(error, grpc.Call):
        return RepscoreError(str(error))
    status: status_pb2.Status | None = None
    for key, value in error.trailing_metadata() or ():
        if key == _DETAILS_KEY and isinstance(value, bytes):
            try:
                status = status_pb2.Status.FromString(value)
            except DecodeError:
                status = None
    code = error.code().name
    keywords = {} if status is None else _details(status)
    kind = _BY_CODE.get(code, RepscoreError)
    if kind is LimitExceeded and "retry_after" in keywords:
        kind = Busy
    return kind(_in_our_words(error.details() or ""), code=code, **keywords)
