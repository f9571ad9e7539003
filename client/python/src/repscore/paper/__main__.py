"""Lets `python -m repscore.paper` run the command."""

import sys

from repscore.paper.command import main

sys.exit(main())
