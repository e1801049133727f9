"""The program `gpit`, also `python -m gpit_fairshare`."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Load the command line and run it; Ctrl-C may come before it is loaded."""
    gc.set_threshold(50_000)  # a run makes much and drops little: looking for cycles all the time takes a twentieth
    try:
        from gpit_fairshare.cli import main as run  # noqa: PLC0415  # it takes most of the time until --help

        run()
    except KeyboardInterrupt:
        print("gpit: stopped; no incomplete file is left", file=sys.stderr)  # noqa: T201  # typer may not be loaded
        sys.exit(130)


if __name__ == "__main__":
    main()
