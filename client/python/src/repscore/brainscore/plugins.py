"""Plug-in folders for Brain-Score's libraries."""

from __future__ import annotations

from pathlib import Path

_PLUGIN = '''"""{measure}, computed by a repscore server."""

import repscore
from brainscore_{library} import metric_registry
from repscore.brainscore import ServerMetric

metric_registry['{identifier}'] = lambda: ServerMetric(
    repscore.Client({server!r}), {measure!r}
)
'''

_PLUGIN_TEST = """from brainscore_{library} import load_metric


def test_is_registered():
    assert load_metric('{identifier}') is not None
"""


def write_plugin(
    metrics: str | Path,
    identifier: str,
    server: str,
    measure: str,
    *,
    library: str = "vision",
) -> Path:
    """Writes a metric plug-in into a Brain-Score library's tree.

    Args:
        metrics: The library's folder of metrics, for instance
            "brainscore_vision/metrics".
        identifier: For `load_metric`.
        server: Address as in `repscore.Client`.
        measure: As in `ServerMetric`.
        library: "vision" or "language".

    Returns:
        The new folder, named after the identifier.

    Raises:
        ValueError: The identifier is no plain name.
        FileExistsError: The folder is there already.
    """
    name = identifier.replace("-", "_").replace(".", "_").lower()
    if not name.isidentifier():
        raise ValueError(f"identifier: {identifier} is not letters, digits, - and .")
    folder = Path(metrics) / name
    folder.mkdir(parents=True)
    facts = {
        "identifier": identifier,
        "server": server,
        "measure": measure,
        "library": library,
    }
    (folder / "__init__.py").write_text(_PLUGIN.format(**facts))
    (folder / "test.py").write_text(_PLUGIN_TEST.format(**facts))
    return folder
