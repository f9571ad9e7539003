"""Tables for terminals and notebooks. Columns without any entry are left out."""

from __future__ import annotations

import html as _html
from collections.abc import Sequence


def _filled(
    header: Sequence[str], rows: Sequence[Sequence[str]]
) -> list[Sequence[str]]:
    """Header and rows without empty columns."""
    kept = [
        index
        for index in range(len(header))
        if not rows or any(row[index] for row in rows)
    ]
    return [[row[index] for index in kept] for row in [header, *rows]]


def text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell."""
    table = _filled(header, rows)
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in table
    ]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def html(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """An HTML table."""

    def line(cells: Sequence[str], tag: str) -> str:
        inner = "".join(f"<{tag}>{_html.escape(cell)}</{tag}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    head, *kept = _filled(header, rows)
    body = "".join(line(row, "td") for row in kept)
    return f"<table><thead>{line(head, 'th')}</thead><tbody>{body}</tbody></table>"


def paragraph(sentence: str) -> str:
    """A sentence in HTML."""
    return f"<p>{_html.escape(sentence)}</p>"
