"""Brain-Score's metrics and benchmarks, computed by a repscore server.

Needs `brainscore-core` (`pip install 'repscore[brainscore]'`); nothing else of
repscore imports this package.

    metric = ServerMetric(client, "brainscore.vision.ridge(folds=explicit)")
    NeuralBenchmark(..., similarity_metric=metric)

A metric can be passed where Brain-Score takes one, be put into a registry
(`metric_registry["ridge-repscore"] = lambda: metric`), or be generated into a
library's tree, see `write_plugin`.
"""

try:
    import brainscore_core  # noqa: F401
    import sklearn  # noqa: F401
except ImportError as error:
    raise ImportError(
        "repscore.brainscore needs brainscore-core and scikit-learn: "
        "pip install 'repscore[brainscore]'"
    ) from error

from repscore.brainscore._assemblies import register_assembly
from repscore.brainscore.benchmarks import Experiment, ServerBenchmark
from repscore.brainscore.cross_validation import CrossValidation
from repscore.brainscore.metrics import ServerMetric, SplitServerMetric
from repscore.brainscore.plugins import write_plugin

__all__ = [
    "CrossValidation",
    "Experiment",
    "ServerBenchmark",
    "ServerMetric",
    "SplitServerMetric",
    "register_assembly",
    "write_plugin",
]
