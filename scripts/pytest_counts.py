#!/usr/bin/env python3
"""Add up the closing lines of runs of pytest, and print `N passed, N failed, N skipped`; errors count as failed.

    python3 scripts/pytest_counts.py LOG...

Exit code 2 if a log has no closing line: that run did not finish.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from pathlib import Path

CLOSING = re.compile(r"(?m)^=*\s*((?:\d+ [a-z]+(?:, )?)+) in \d+\.\d+s(?: \([\d:]+\))?\s*=*$")
COUNTED_AS = {"passed": "passed", "failed": "failed", "error": "failed", "errors": "failed", "skipped": "skipped"}


class NoClosingLineError(Exception):
    """A log has no closing line with the counts of pytest."""


def counts(log: str) -> Counter[str]:
    """Return the tests that passed, failed and were skipped, from the last closing line of a log.

    Raises:
        NoClosingLineError: the log has no such line.
    """
    lines = CLOSING.findall(log)
    if not lines:
        raise NoClosingLineError
    totals: Counter[str] = Counter()
    for number, word in re.findall(r"(\d+) ([a-z]+)", lines[-1]):
        if word in COUNTED_AS:
            totals[COUNTED_AS[word]] += int(number)
    return totals


def main(logs: list[str]) -> int:
    """Print the sums over all logs; an error goes to standard error, as one line."""
    totals: Counter[str] = Counter()
    for log in logs:
        try:
            totals += counts(Path(log).read_text(encoding="utf-8", errors="replace"))
        except NoClosingLineError:
            sys.stderr.write(f"{log}: pytest printed no closing line\n")
            return 2
    sys.stdout.write(f"{totals['passed']} passed, {totals['failed']} failed, {totals['skipped']} skipped\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
