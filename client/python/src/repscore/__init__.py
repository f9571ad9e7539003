"""Scores of neural representations by a repscore server: NumPy in, scores out.

>>> import numpy, repscore
>>> with repscore.Client("localhost:50051") as client:
...     client.register("m1", recording)                    # [time, condition, unit]
...     client.score("m1", activations, ["cka", "nbs"])     # rows match the recording
...     client.compare(activations, others, "nbs")          # nothing is stored
...     for point in client.optimize("m1", "cka"):
...         print(point.step, point.score)
"""

from repscore.client import Client
from repscore.comparisons import Aggregation, Embedding, FrechetMean, Pairwise
from repscore.context import Ceiling, Context, Interval, NullDistribution
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
    Dataset,
    Estimate,
    Measure,
    MeasureParameter,
    MemoryItem,
    ServerInfo,
)
from repscore.runs import Run
from repscore.scores import (
    Candidate,
    Provenance,
    Score,
    ScoreContext,
    Scores,
    ScoreTable,
    Warning,
)
from repscore.trace import GoalVerdict, RunInfo, RunResult, TracePoint

__version__ = "0.1.0"

__all__ = [
    "Aggregation",
    "Axis",
    "Busy",
    "Cancelled",
    "Candidate",
    "Ceiling",
    "Client",
    "Context",
    "CorruptData",
    "Dataset",
    "Embedding",
    "Estimate",
    "FieldViolation",
    "FrechetMean",
    "GoalVerdict",
    "Interval",
    "InvalidInput",
    "LimitExceeded",
    "Measure",
    "MeasureParameter",
    "MemoryItem",
    "NotFound",
    "NullDistribution",
    "Pairwise",
    "PreconditionFailed",
    "Provenance",
    "RepscoreError",
    "Run",
    "RunFailed",
    "RunInfo",
    "RunResult",
    "Score",
    "ScoreContext",
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
