"""The program `gpit`, also `python -m gpit_fairshare`."""

from __future__ import annotations

import gc
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Load the command line and run it; Ctrl-C may come before it is loaded."""
    # A run makes many objects and drops few. Looking for cycles as often as usual takes a fifth of it.
    gc.set_threshold(200_000)
    try:
        from gpit_fairshare.cli import main as run  # noqa: PLC0415  # it takes most of the time until --help

        run()
    except KeyboardInterrupt:
        print("gpit: stopped; no incomplete file is left", file=sys.stderr)  # noqa: T201  # typer may not be loaded
        sys.exit(130)


if __name__ == "__main__":
    main()
