"""Tables for terminals and notebooks."""

from __future__ import annotations

import html as _html
from collections.abc import Sequence


def text(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns padded to their widest cell; empty columns are left out."""
    kept = [
        index
        for index in range(len(header))
        if not rows or any(row[index] for row in rows)
    ]
    table = [[row[index] for index in kept] for row in [header, *rows]]
    widths = [max(len(row[column]) for row in table) for column in range(len(kept))]
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

    body = "".join(line(row, "td") for row in rows)
    return f"<table><thead>{line(header, 'th')}</thead><tbody>{body}</tbody></table>"
