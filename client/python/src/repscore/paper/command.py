"""The command line of `repscore-paper`."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from repscore.errors import RepscoreError
from repscore.paper import fig2, fig3, fig4, fig5, fig6, serving, style
from repscore.paper.session import InapplicableError, Session

_ERRORS = (RepscoreError, OSError, ValueError, RuntimeError)
FIGURES: dict[str, Callable[[Session], None]] = {
    "fig2": fig2.run,
    "fig3": fig3.run,
    "fig4": fig4.run,
    "fig5": fig5.run,
    "fig6": fig6.run,
}


def _named_file(text: str) -> tuple[str, Path]:
    name, equals, file = text.rpartition("=")
    path = Path(file)
    return (name if equals else path.stem, path)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="repscore-paper",
        description="Runs experiments of Cloos et al. 2024 (arXiv 2407.07059) "
        "through a repscore server and draws them: a PNG and CSV files per figure.",
    )
    parser.add_argument("figure", choices=[*FIGURES, "all"])
    parser.add_argument(
        "--address",
        default=None,
        help='of a running server; "embedded" (default) starts one for this command',
    )
    parser.add_argument("--server", metavar="PATH", help="repscored to start")
    parser.add_argument(
        "--data", type=Path, help="folder of public recordings and published tables"
    )
    parser.add_argument("--out", type=Path, default=Path("repscore-paper"))
    parser.add_argument(
        "--quick", action="store_true", help="less of everything, seconds each"
    )
    parser.add_argument("--seed", type=int, default=0, help="of all noise")
    parser.add_argument("--device", default="", help='"auto", "cpu", "cuda:0"')
    parser.add_argument("--dataset", default="", help="a registered reference")
    parser.add_argument("--reference", type=Path, help="a reference, .npy or .npz")
    parser.add_argument(
        "--labels", type=Path, help="CSV of --reference: a column per label"
    )
    parser.add_argument(
        "--activations",
        metavar="NAME=FILE",
        nargs="+",
        type=_named_file,
        help="candidates of figure 2, .npy or .npz, with the reference's rows",
    )
    return parser


def run() -> int:
    """Runs the command; a server that it started ends with it, also on SIGTERM."""
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    return main()


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the exit status.

    Args:
        arguments: Of the command line; default: the process's.
    """
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.dataset and chosen.reference:
        parser.error("--dataset and --reference exclude each other")
    if chosen.data is not None and not chosen.data.is_dir():
        parser.error(f"--data: {chosen.data} is not a folder")
    style.prepare()
    figures = list(FIGURES) if chosen.figure == "all" else [chosen.figure]
    try:
        chosen.out.mkdir(parents=True, exist_ok=True)
        with serving.connect(chosen.address, chosen.server) as client:
            session = Session(
                client=client,
                data=chosen.data,
                out=chosen.out,
                quick=chosen.quick,
                seed=chosen.seed,
                device=chosen.device,
                dataset=chosen.dataset,
                reference=chosen.reference,
                labels=chosen.labels,
                activations=dict(chosen.activations or []),
                all_figures=chosen.figure == "all",
            )
            drawn = [_draw(figure, session) for figure in figures]
    except _ERRORS as error:
        print(f"repscore-paper: {error}", file=sys.stderr)
        return 1
    return 0 if all(drawn) else 1


def _draw(figure: str, session: Session) -> bool:
    """False, with what went wrong on stderr, where a figure fails.

    One that the reference has nothing for is left out, which is no failure among
    all figures.
    """
    start = time.perf_counter()
    print(figure, flush=True)
    try:
        FIGURES[figure](session)
    except InapplicableError as reason:
        print(f"  left out: {reason}", file=sys.stderr)
        return session.all_figures
    except _ERRORS as error:
        print(f"repscore-paper: {error}", file=sys.stderr)
        return False
    seconds = time.perf_counter() - start
    print(f"  {session.out / figure}.png ({seconds:.0f} s)", flush=True)
    return True
