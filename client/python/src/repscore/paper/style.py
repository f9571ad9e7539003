"""How the figures look."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from repscore.paper.session import (
    ANGULAR_CKA,
    CKA,
    DEBIASED_CKA,
    LINEAR,
    MEASURES,
    NBS,
    PROCRUSTES,
    RIDGE,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colours, which the colour-blind can tell apart.
COLORS = {
    CKA: "#D55E00",
    ANGULAR_CKA: "#E69F00",
    DEBIASED_CKA: "#CC79A7",
    NBS: "#56B4E9",
    PROCRUSTES: "#0072B2",
    LINEAR: "#009E73",
    RIDGE: "#555555",
}
_DPI = 110


def name_of(measure: str) -> str:
    """For axes and legends."""
    return MEASURES.get(measure, measure)


def color_of(measure: str) -> str:
    """The colour of a measure in all figures."""
    return COLORS.get(measure, "#000000")


def prepare() -> None:
    """Chooses a renderer without a screen, and the looks.

    Raises:
        SystemExit: matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise SystemExit(
            "figures need matplotlib: pip install 'repscore[paper]'"
        ) from None
    matplotlib.use("Agg")
    matplotlib.rcParams.update(
        {
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.labelsize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.fontsize": 8,
            "legend.frameon": False,
            "lines.linewidth": 1.6,
            "figure.titlesize": 12,
        }
    )


def panels(rows: int, columns: int, width: float = 3.3, height: float = 2.9) -> Any:
    """A figure and its [rows x columns] axes."""
    import matplotlib.pyplot as plt

    return plt.subplots(
        rows,
        columns,
        figsize=(width * columns, height * rows),
        squeeze=False,
        layout="constrained",
    )


def legend_below(figure: Figure, axes: Axes, columns: int = 7) -> None:
    """One legend for all panels, from the entries of one of them."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=min(columns, len(labels))
    )


def plain_numbers(axes: Axes) -> None:
    """1, 10, 100 instead of powers of ten on a logarithmic x axis."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def save(figure: Figure, path: Path) -> Path:
    """Writes a PNG file and forgets the figure."""
    import matplotlib.pyplot as plt

    figure.savefig(path, dpi=_DPI)
    plt.close(figure)
    return path
