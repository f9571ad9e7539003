"""Scores of the server as scores of Brain-Score."""

from __future__ import annotations

from typing import Any

from brainscore_core.metrics import Score as BrainScore

from repscore.scores import Score, Scores


def _plain(value: float, error: float | None = None) -> Any:
    score = BrainScore(value)
    if error is not None:
        score.attrs["error"] = error
    return score


def package(scores: Scores, measure: str) -> Any:
    """As Brain-Score keeps one: value, raw, ceiling, error, and what it is of."""
    score: Score = scores[measure]
    context = score.context
    ceiled = context.ceiled if context.unclipped is None else context.unclipped
    result = _plain(float(score) if ceiled is None else ceiled, score.error)
    result.attrs["raw"] = _plain(float(score), score.error)
    if context.ceiling is not None:
        result.attrs["ceiling"] = _ceiling(context.ceiling.value, context.ceiling.error)
    notes = [warning.message for warning in (*score.warnings, *context.notes)]
    result.attrs["comment"] = "; ".join([score.measure, *notes])
    result.attrs["measure"] = score.measure
    result.attrs["fold_digest"] = score.fold_digest
    result.attrs["provenance"] = scores.provenance
    return result


def _ceiling(value: float, error: float | None) -> Any:
    ceiling = _plain(value, error)
    ceiling.attrs["raw"] = _plain(value, error)
    return ceiling
