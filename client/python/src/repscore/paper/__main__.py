"""Lets `python -m repscore.paper` run the command."""

import sys

from repscore.paper.command import run

sys.exit(run())
