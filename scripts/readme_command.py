#!/usr/bin/env python3
"""Print the command under a marker in README.md, so that scripts run exactly the command in README.md.

    python3 scripts/readme_command.py "test command" [README.md]

The marker is a comment, `<!-- test command -->`, alone on its line, directly above a fenced block of one line.
Exit code 2 if it is not.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


class NoCommandError(Exception):
    """The marker does not have exactly one command below it."""


def command(text: str, marker: str) -> str:
    """Return the one line in the fenced block below the marker.

    Raises:
        NoCommandError: no such marker, more than one, or no block of one line directly below it.
    """
    comment = f"<!-- {marker} -->"
    parts = re.split(rf"(?m)^[ ]*{re.escape(comment)}[ \t]*$", text)
    if len(parts) != 2:
        raise NoCommandError(f"{comment} should be once alone on a line, but was found {len(parts) - 1} times")
    block = re.match(
        r"\s*^(?P<fence>`{3,})[^\n`]*\n(?P<lines>.*?)^(?P=fence)[ \t]*$", parts[1], re.MULTILINE | re.DOTALL
    )
    if block is None:
        raise NoCommandError(f"{comment} has no fenced block directly below it")
    lines = [line.strip() for line in block["lines"].splitlines() if line.strip()]
    if len(lines) != 1:
        raise NoCommandError(f"the block under {comment} should have one line, but has {len(lines)}")
    return lines[0]


def main(arguments: list[str]) -> int:
    """Print the command; an error goes to standard error, as one line."""
    if len(arguments) not in {1, 2}:
        sys.stderr.write("usage: readme_command.py MARKER [README.md]\n")
        return 2
    readme = Path(arguments[1]) if len(arguments) == 2 else README
    try:
        line = command(readme.read_text(encoding="utf-8"), arguments[0])
    except (OSError, NoCommandError) as error:
        sys.stderr.write(f"{readme.name}: {error}\n")
        return 2
    sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
