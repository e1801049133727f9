#!/usr/bin/env python3
"""Print the command that stands under a marker in README.md, so that what is run is what is written there.

    python3 scripts/readme_command.py "test command" [README.md]

The marker is a comment, `<!-- test command -->`, alone on its line; the next thing below it is a fenced block
of one line. Exit code 2 where that is not so.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


class NoCommandError(Exception):
    """There is not exactly one command under the marker."""


def command(text: str, marker: str) -> str:
    """The one line in the fenced block below the marker.

    Raises:
        NoCommandError: no such marker, more than one, or no block of one line directly below it.
    """
    comment = f"<!-- {marker} -->"
    parts = re.split(rf"(?m)^[ ]*{re.escape(comment)}[ \t]*$", text)
    if len(parts) != 2:
        raise NoCommandError(f"{comment} should stand once on a line of its own, and stands {len(parts) - 1} times")
    block = re.match(
        r"\s*^(?P<fence>`{3,})[^\n`]*\n(?P<lines>.*?)^(?P=fence)[ \t]*$", parts[1], re.MULTILINE | re.DOTALL
    )
    if block is None:
        raise NoCommandError(f"{comment} has no fenced block directly below it")
    lines = [line.strip() for line in block["lines"].splitlines() if line.strip()]
    if len(lines) != 1:
        raise NoCommandError(f"the block under {comment} should hold one line, and holds {len(lines)}")
    return lines[0]


def main(arguments: list[str]) -> int:
    """Print the command; what is wrong goes to standard error, as one line."""
    if len(arguments) not in {1, 2}:
        sys.stderr.write("usage: readme_command.py MARKER [README.md]\n")
        return 2
    readme = Path(arguments[1]) if len(arguments) == 2 else README
    try:
        found = command(readme.read_text(encoding="utf-8"), arguments[0])
    except (OSError, NoCommandError) as error:
        sys.stderr.write(f"{readme.name}: {error}\n")
        return 2
    sys.stdout.write(f"{found}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
