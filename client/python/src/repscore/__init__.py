"""Scores of neural representations by a repscore server: NumPy in, scores out.

>>> import numpy, repscore
>>> with repscore.Client("localhost:50051") as client:
...     client.register("m1", recording)                    # [time, condition, unit]
...     client.score("m1", activations, ["cka", "nbs"])     # rows match the recording
...     client.compare(activations, others, "nbs")          # nothing is stored
...     for point in client.optimize("m1", "cka"):
...         print(point.step, point.score)
"""

from repscore.analyses import Baselines, Decodings, Perturbations
from repscore.calibration import (
    CalibratedAccuracy,
    Calibration,
    CalibrationPoint,
    CalibrationReading,
    ComponentPerturbation,
    ComponentThreshold,
    Landmark,
    MeasureCalibration,
)
from repscore.client import Client
from repscore.comparisons import Aggregation, Embedding, FrechetMean, Pairwise
from repscore.context import Ceiling, Context, Interval, NullDistribution
from repscore.decoding import DecodedLabel, Decoding, LabelDecoding
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
    DeviceSelfTest,
    Estimate,
    Measure,
    MeasureParameter,
    MemoryItem,
    SelfTest,
    SelfTestCheck,
    ServerInfo,
)
from repscore.optimizers import Constant, Cosine, Exponential, Grid, Lbfgs
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
from repscore.trace import (
    AllowedRange,
    Bound,
    GoalVerdict,
    MemberResult,
    MemberStart,
    RunInfo,
    RunResult,
    Snapshot,
    TracePoint,
)

__version__ = "0.1.0"

__all__ = [
    "Aggregation",
    "AllowedRange",
    "Axis",
    "Baselines",
    "Bound",
    "Busy",
    "CalibratedAccuracy",
    "Calibration",
    "CalibrationPoint",
    "CalibrationReading",
    "Cancelled",
    "Candidate",
    "Ceiling",
    "Client",
    "ComponentPerturbation",
    "ComponentThreshold",
    "Constant",
    "Context",
    "CorruptData",
    "Cosine",
    "Dataset",
    "DecodedLabel",
    "Decoding",
    "Decodings",
    "DeviceSelfTest",
    "Embedding",
    "Estimate",
    "Exponential",
    "FieldViolation",
    "FrechetMean",
    "GoalVerdict",
    "Grid",
    "Interval",
    "InvalidInput",
    "LabelDecoding",
    "Landmark",
    "Lbfgs",
    "LimitExceeded",
    "Measure",
    "MeasureCalibration",
    "MeasureParameter",
    "MemberResult",
    "MemberStart",
    "MemoryItem",
    "NotFound",
    "NullDistribution",
    "Pairwise",
    "Perturbations",
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
    "SelfTest",
    "SelfTestCheck",
    "ServerError",
    "ServerInfo",
    "Snapshot",
    "TimedOut",
    "TracePoint",
    "Unavailable",
    "Unsupported",
    "Warning",
]
