"""Scores of neural representations by a repscore server: NumPy in, scores out.

>>> import numpy, repscore
>>> with repscore.Client("localhost:50051") as client:
...     client.register("m1", recording)                    # [time, condition, unit]
...     client.score("m1", activations, ["cka", "nbs"])     # rows match the recording
...     for point in client.optimize("m1", "cka"):
...         print(point.step, point.score)
"""

from repscore.client import Client
from repscore.errors import (
    Busy,
    Cancelled,
    CorruptData,
    FieldViolation,
    InvalidInput,
    LimitExceeded,
    NotFound,
    PreconditionFailed,
    RepscoreError,
    RunFailed,
    ServerError,
    TimedOut,
    Unavailable,
    Unsupported,
)
from repscore.models import (
    Axis,
    Candidate,
    Dataset,
    Measure,
    MeasureParameter,
    Provenance,
    Score,
    Scores,
    ScoreTable,
    ServerInfo,
    Warning,
)
from repscore.runs import Run
from repscore.trace import GoalVerdict, RunInfo, RunResult, TracePoint

__version__ = "0.1.0"

__all__ = [
    "Axis",
    "Busy",
    "Cancelled",
    "Candidate",
    "Client",
    "CorruptData",
    "Dataset",
    "FieldViolation",
    "GoalVerdict",
    "InvalidInput",
    "LimitExceeded",
    "Measure",
    "MeasureParameter",
    "NotFound",
    "PreconditionFailed",
    "Provenance",
    "RepscoreError",
    "Run",
    "RunFailed",
    "RunInfo",
    "RunResult",
    "Score",
    "ScoreTable",
    "Scores",
    "ServerError",
    "ServerInfo",
    "TimedOut",
    "TracePoint",
    "Unavailable",
    "Unsupported",
    "Warning",
]
