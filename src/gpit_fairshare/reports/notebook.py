"""What Python callers get of a result: HTML for a notebook, Markdown, and the files of `write`.

The report on an object loads when it is asked for: all of them together take a tenth of a second. So classes are
recognised by their names.
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gpit_fairshare.engine import Result
from gpit_fairshare.errors import UsageError
from gpit_fairshare.files import in_place, read_regular
from gpit_fairshare.reports.allocation import allocation_document, allocation_screen, summary_line
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.formats import FORMATS, rendered
from gpit_fairshare.reports.output_files import (
    COMPARISON_ENDINGS,
    SOLUTION_ENDINGS,
    ResultFiles,
    checked_outputs,
    comparison_writers,
    document_writers,
    missing_for_page,
    page_of,
    solution_writers,
    sweep_writers,
    write_drafts,
)
from gpit_fairshare.results import RESULT_ENDINGS

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from gpit_fairshare.comparison import Comparison
    from gpit_fairshare.presentation import Presented
    from gpit_fairshare.reports.document import Document

_OPTION: Final = "write"
"""What messages name in place of the option `-o`."""


def _ignore(_done: float, _total: float) -> None:
    """Show no progress."""


def html(subject: Presented) -> str:
    """Return the report that a screen shows, as a piece of HTML for a notebook."""
    from gpit_fairshare.reports.formats.html import fragment  # noqa: PLC0415

    return fragment(_report(subject, is_short=True))


def summary(result: Result) -> str:
    """Return a run in one line."""
    return summary_line(Opening(result))


def markdown(subject: Presented, **options: Any) -> str:
    """Return the whole report as Markdown, with the options of the function that makes it."""
    return rendered(_report(subject, **options), ".md")


def page(subject: Result | Comparison) -> tuple[str, str]:
    """Return the page of an object, and what it is about.

    Raises:
        UsageError: The extra for its charts is not installed.
    """
    if missing := missing_for_page([Path("page.html")]):
        raise UsageError(missing)
    if isinstance(subject, Result):
        return page_of(subject), subject.scheme.title
    return page_of(subject), f"the comparison of {subject.old.name} with {subject.new.name}"


def write_page(text: str, path: str | Path) -> Path:
    """Write the text of a page to an HTML file and return its path.

    Raises:
        UsageError: The name is no path.
    """
    if not isinstance(path, str | Path):
        raise UsageError(f"{_OPTION} {path!r}: expected the name of a file, as a text or a path")
    outputs = checked_outputs([Path(path)], [], [".html"], option=_OPTION)
    with in_place(outputs[0]) as draft:
        draft.write_bytes(text.encode())
    return outputs[0]


def write(
    subject: Any,
    paths: Sequence[str | Path],
    *,
    manifest: bool = False,
    by_organisation: bool = False,
    **options: Any,
) -> list[Path]:
    """Write an object, or the report on it, to files, as the command line does; return the files written.

    Args:
        subject: The object, which is `Presented`.
        paths: The files.
        manifest: Of a result: whether tables have their manifest beside them.
        by_organisation: Of a sweep: whether tables have a row for each organisation.
        options: Options of the function that makes the report.

    Raises:
        UsageError: A name is no path, or no name is given.
    """
    if not paths:
        raise UsageError(f"{_OPTION}: expected the name of a file, such as result.html")
    for path in paths:
        if not isinstance(path, str | Path):
            raise UsageError(f"{_OPTION} {path!r}: expected the name of a file, as a text or a path")
    outputs = [Path(path) for path in paths]
    if isinstance(subject, Result):
        digests = {entry["sha256"] for entry in subject.manifest["inputs"]}
        files = ResultFiles(outputs, _inputs_among(outputs, digests), manifest=manifest, option=_OPTION)
        files.write(subject, partial(allocation_document, subject), _ignore, has_page=True).close()
        return files.paths
    match type(subject).__name__:
        case "Sweep":
            from gpit_fairshare.reports.sweep import SweepReport, sweep_document  # noqa: PLC0415

            endings = (*RESULT_ENDINGS, *FORMATS)
            sweep = SweepReport(subject, **options)
            checked_outputs(outputs, _inputs_among(outputs, subject.digests), endings, option=_OPTION)
            report = sweep_document(sweep)
            write_drafts(sweep_writers(sweep, report, outputs, _ignore, by_organisation=by_organisation)).close()
        case "Comparison":
            report = _report(subject)
            compared = [side.name for side in (subject.old, subject.new) if side.kind == "file"]
            compared_paths = [str(path) for path in outputs if path.name in compared]
            checked_outputs(outputs, compared_paths, (*COMPARISON_ENDINGS, *FORMATS), option=_OPTION)
            write_drafts(comparison_writers(subject, report, outputs, _ignore)).close()
        case "Solution":
            report = _report(subject)
            checked_outputs(outputs, [], (*SOLUTION_ENDINGS, *FORMATS), option=_OPTION)
            write_drafts(solution_writers(subject, report, outputs)).close()
        case _:
            report = _report(subject)
            checked_outputs(outputs, [], FORMATS, option=_OPTION)
            write_drafts(document_writers(report, outputs)).close()
    return outputs


def _report(subject: Any, *, is_short: bool = False, **options: Any) -> Document:
    """Return the report on an object, or (`is_short`) what a screen shows of it.

    Raises:
        TypeError: There is no report on objects of this class.
    """
    match type(subject).__name__:
        case "Result":
            return allocation_screen(subject) if is_short else allocation_document(subject)
        case "Comparison":
            from gpit_fairshare.reports.comparison import comparison_document  # noqa: PLC0415

            return comparison_document(subject, details=not is_short, **options)
        case "Explanation":
            from gpit_fairshare.reports.explanation import explanation_document  # noqa: PLC0415

            return explanation_document(subject, **options)
        case "Report":
            from gpit_fairshare.reports.checking import checking_document  # noqa: PLC0415

            return checking_document(subject, details=not is_short)
        case "Verification":
            from gpit_fairshare.reports.verification import verification_document  # noqa: PLC0415

            return verification_document(subject)
        case "Sweep":
            from gpit_fairshare.reports.sweep import SweepReport, sweep_document  # noqa: PLC0415

            return sweep_document(SweepReport(subject, **options), is_short=is_short)
        case "Solution":
            from gpit_fairshare.reports.solving import solution_document  # noqa: PLC0415

            return solution_document(subject)
    raise TypeError(type(subject).__name__)


def _inputs_among(outputs: Sequence[Path], digests: Collection[str]) -> list[str]:
    """Return the outputs that are input files: an object knows their digests, but not their folders."""
    inputs = []
    for path in outputs:
        with suppress(OSError):  # a file that is not there, or cannot be read, is no input
            if hashlib.sha256(read_regular(path)).hexdigest() in digests:
                inputs.append(str(path))
    return inputs
