"""Run many cases one after the other: choose them, collect their verdicts and count them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.cases.comparing import FigureDifference, figure_text
from gpit_fairshare.cases.discovery import DiscoveredFile, find_cases, readable_text, unused_files
from gpit_fairshare.cases.reading import expected_paths, read_model
from gpit_fairshare.cases.running import CaseVerdict, run_case
from gpit_fairshare.cases.shape import ORIGINS
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.files import follow_links
from gpit_fairshare.words import counted, nearest, one_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gpit_fairshare.cases.updating import Update

JSON_SCHEMA: Final = "gpit-test/1"


@dataclass
class Suite:
    """The outcome of all cases."""

    verdicts: list[CaseVerdict]
    """In the order of the run."""
    unused: tuple[str, ...]
    """Files of expected figures that no case uses."""
    not_selected: int
    not_run: int
    """Cases after the first that is not ok, with `--stop`."""
    update: Update | None = None

    def count(self, outcome: str, origin: str | None = None) -> int:
        """Count the cases with an outcome, of one origin or of all."""
        return sum(verdict.outcome == outcome and origin in (None, verdict.origin) for verdict in self.verdicts)

    @property
    def exit_code(self) -> int:
        """Return the exit code of `gpit test`: 2, 1 or 0.

        2 if a case has an error or an update was refused; else 1 if a case failed or a file of expected figures is not
        used.
        """
        if self.count("fault") or (self.update and self.update.refused):
            return 2
        return 1 if self.count("failed") or self.unused else 0

    def document(self) -> dict[str, Any]:
        """Return all verdicts and their counts with stable keys, for JSON; figures are texts, to keep every digit."""
        return {
            "schema": JSON_SCHEMA,
            "agrees": self.exit_code == 0,
            "counts": {
                "cases": len(self.verdicts),
                **{key: self.count(outcome) for key, outcome in _COUNTED.items()},
                "unused": len(self.unused),
                "not_selected": self.not_selected,
                "not_run": self.not_run,
            },
            "origins": [
                {
                    "origin": origin,
                    "cases": sum(verdict.origin == origin for verdict in self.verdicts),
                    **{key: self.count(outcome, origin) for key, outcome in _COUNTED.items()},
                }
                for origin in ORIGINS
            ],
            "cases": [_verdict_entry(verdict) for verdict in self.verdicts],
            "unused": list(self.unused),
            "update": self.update.entry() if self.update else None,
        }


_COUNTED: Final = {"ok": "ok", "failed": "failed", "faults": "fault"}


def run_all(
    paths: Sequence[str],
    *,
    keep: str = "",
    stop: bool = False,
    may_lack: bool = False,
    advance: Callable[[float, float], None] = lambda _done, _total: None,
) -> Suite:
    """Find and run cases, and return their verdicts.

    Args:
        paths: Case files, and folders to be searched for them.
        keep: Run only the cases whose id or title has this text; `not`, `and` and `or` may join texts. It also
            selects the names of unused files.
        stop: Stop at the first case that is not ok.
        may_lack: Whether a file of expected figures may be missing, since it is written later.
        advance: Called with the number of cases done and the number of all cases.

    Raises:
        UsageError: A path does not exist, or there is no case to run.
    """
    discovery = find_cases(paths)
    texts, used, broken = _read_cases(discovery.cases)
    chosen = [case_file for case_file in discovery.cases if _is_selected(keep, texts[case_file.name])]
    if not chosen:
        words = {word for text in texts.values() for word in re.findall(r"\w+", text)}
        matches = f"no match in the id or title of {counted(len(discovery.cases), 'case')}"
        raise UsageError(f"-k {one_line(keep)}: {matches}{nearest(keep, words)}")
    verdicts: list[CaseVerdict] = []
    for number, case_file in enumerate(chosen):
        advance(number, len(chosen))
        verdicts.append(run_case(case_file, may_lack=may_lack))
        if stop and verdicts[-1].outcome != "ok":
            break
    unused = tuple(
        file.name for file in unused_files(discovery.expected, used, broken) if _is_selected(keep, file.name)
    )
    return Suite(verdicts, unused, len(discovery.cases) - len(chosen), len(chosen) - len(verdicts))


def _read_cases(cases: Sequence[DiscoveredFile]) -> tuple[dict[str, str], frozenset[Path], list[str]]:
    """Read the case files, without the files of expected figures.

    Returns:
        The text of each case that `-k` searches, by its name: file, name and title, or only the file if it cannot be
        read; the files of expected figures that cases name; and the texts of the cases that cannot be read.
    """
    texts: dict[str, str] = {}
    used: set[Path] = set()
    broken: list[str] = []
    for case_file in cases:
        try:
            model = read_model(case_file)
        except GpitError:
            texts[case_file.name] = case_file.name
            broken.append(readable_text(case_file.path))
        else:
            texts[case_file.name] = f"{case_file.name}::{model.case.name} {model.case.title}"
            used.update(follow_links(path) for path in expected_paths(case_file, model))
    return texts, frozenset(used), broken


def _is_selected(keep: str, text: str) -> bool:
    """Return whether `-k` selects a text: whether it contains the texts in `keep`, in any capitals.

    `and` binds before `or`, and `not` applies to one text. An empty `keep` selects everything.
    """
    if not keep.strip():
        return True
    text = text.casefold()

    def has_text(part: str) -> bool:
        part = part.strip().casefold()
        return part[4:].strip() not in text if part.startswith("not ") else part in text

    return any(all(has_text(part) for part in alternative.split(" and ")) for alternative in keep.split(" or "))


def _verdict_entry(verdict: CaseVerdict) -> dict[str, Any]:
    """Return the verdict on a case with stable keys, for JSON."""
    return {
        "id": verdict.id,
        "file": verdict.file,
        "name": verdict.name,
        "title": verdict.title,
        "origin": verdict.origin,
        "source": verdict.source,
        "verdict": verdict.outcome,
        "said": list(verdict.reasons),
        "figures": verdict.figures,
        "rows": verdict.rows,
        "looked_at": verdict.looked_at,
        "there": verdict.rows_in_result,
        "differences": [_difference_entry(difference) for difference in verdict.differences],
    }


def _difference_entry(difference: FigureDifference) -> dict[str, Any]:
    """Return a figure that is not as expected with stable keys, for JSON."""
    return {
        "what": difference.kind,
        **difference.place,
        "expected": difference.expected,
        "got": difference.got,
        "difference": figure_text(difference.difference),
        "allowed": figure_text(difference.allowed),
    }
