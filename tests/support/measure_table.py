"""The README's table of measures, as the registry describes them.

    repscore --json measures | build/venv/bin/python tests/support/measure_table.py

prints the table; a test holds the README to it.
"""

from __future__ import annotations

import json
import math
import sys
from typing import Any

HEADER = "| id | range | kind | gradient | candidate invariances | source |"
RULE = "|---|---|---|---|---|---|"
SHORT = {
    "orthogonal": "O",
    "permutation": "P",
    "scale": "S",
    "translation": "T",
    "invertible": "L",
}


def _number(value: float) -> str:
    if math.isclose(value, math.pi / 2):
        return "pi/2"
    if math.isclose(value, math.pi):
        return "pi"
    return f"{value:g}"


def _range(lowest: float, highest: float) -> str:
    if math.isinf(lowest) and math.isinf(highest):
        return "any"
    if math.isinf(highest):
        return f"at least {_number(lowest)}"
    if math.isinf(lowest):
        return f"at most {_number(highest)}"
    return f"[{_number(lowest)}, {_number(highest)}]"


def row(measure: dict[str, Any]) -> str:
    """One line of the table from one MeasureDescription as JSON."""
    kind = "distance" if "DISTANCE" in str(measure["orientation"]).upper() else "score"
    if measure.get("metric"):
        kind += ", metric"
    if not measure.get("symmetric"):
        kind += ", directed"
    claims = measure.get("invariances", [])
    invariances = " ".join(letter for name, letter in SHORT.items() if name in claims)
    cells = [
        f"`{measure['id']}`",
        _range(float(measure.get("lowest", 0.0)), float(measure.get("highest", 0.0))),
        kind,
        "yes" if measure.get("differentiable") else "-",
        invariances or "-",
        measure["source"].replace("|", "/"),
    ]
    return f"| {' | '.join(cells)} |"


def table(measures: list[dict[str, Any]]) -> str:
    """The whole table, with its header."""
    return "\n".join([HEADER, RULE, *(row(measure) for measure in measures)]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table(json.load(sys.stdin)["measures"]))
