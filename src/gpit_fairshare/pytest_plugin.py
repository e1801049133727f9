"""A pytest plug-in: regression cases as tests, with the verdicts of `gpit test`.

pytest loads it for every suite on the machine, so it imports nothing heavy, and reads a file only as far as needed
to see that it is not a case. `-p no:gpit_fairshare` disables it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gpit_fairshare.cases import discovery

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gpit_fairshare.cases.running import CaseVerdict

_UNREADABLE = "cannot be read"
"""Name of the test of a case that has no name."""


class CaseFile(pytest.File):
    """A case file: one test, with the name of the case."""

    used: frozenset[Path] | None = None
    """Files of expected figures that the case names; None if it cannot be read."""

    def collect(self) -> Iterator[CaseItem]:
        """Yield one test, with the name of the case, and store in `used` the files of expected figures that it names.

        If the file cannot be read, `used` stays None, and the test fails and says why.
        """
        # Heavy libraries load here, in suites that have cases.
        from gpit_fairshare.cases.reading import expected_paths, read_model  # noqa: PLC0415
        from gpit_fairshare.errors import GpitError  # noqa: PLC0415
        from gpit_fairshare.files import follow_links  # noqa: PLC0415

        case_file = discovery.DiscoveredFile(self.path, self.nodeid)
        try:
            model = read_model(case_file)
        except GpitError:
            yield CaseItem.from_parent(self, name=_UNREADABLE)  # fails, and says why
            return
        self.used = frozenset(follow_links(path) for path in expected_paths(case_file, model))
        yield CaseItem.from_parent(self, name=model.case.name)


class CaseFailed(Exception):  # noqa: N818  # a verdict, not an error of the program
    """A case that is not ok."""

    def __init__(self, verdict: CaseVerdict) -> None:
        self.verdict = verdict
        super().__init__(" ".join(verdict.reasons))


class CaseItem(pytest.Item):
    """One case."""

    def runtest(self) -> None:
        """Run the case of this test.

        Raises:
            CaseFailed: The case is not ok.
        """
        from gpit_fairshare.cases.running import run_case  # noqa: PLC0415  # heavy

        verdict = run_case(discovery.DiscoveredFile(self.path, self.parent.nodeid if self.parent else ""))
        if verdict.outcome != "ok":
            raise CaseFailed(verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Return the report of `gpit test` on the case; a traceback only for a bug."""
        if isinstance(excinfo.value, CaseFailed):
            from gpit_fairshare.reports.cases import verdict_text  # noqa: PLC0415  # heavy

            return verdict_text(excinfo.value.verdict)
        return str(super().repr_failure(excinfo, style))  # type: ignore[arg-type]  # the styles are pytest's own

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the path of the case, no line, and the name of the test in a report."""
        return self.path, None, f"case {self.name}"


class ExpectedFile(pytest.File):
    """A file of expected figures; it becomes a test if no case uses it, once all cases have been read."""

    def collect(self) -> list[pytest.Item]:
        """Remember the file for later, and return no tests."""
        self.session.stash.setdefault(_EXPECTED, {})[self.nodeid] = self
        return []


class UnusedItem(pytest.Item):
    """A test for a file of expected figures that no case uses."""

    def runtest(self) -> None:
        """Fail: the test exists only if no case uses the file.

        Raises:
            CaseUnused: Always.
        """
        raise CaseUnused

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:
        """Return the message that no case uses the file, as `gpit test` writes it."""
        del excinfo, style  # there is one reason only
        from gpit_fairshare.reports.cases import UNUSED  # noqa: PLC0415  # heavy

        return f"{self.parent.nodeid if self.parent else self.name}: {UNUSED}"

    def reportinfo(self) -> tuple[Path, None, str]:
        """Return the path of the unused file, no line, and the name of the test in a report."""
        return self.path, None, self.name


_EXPECTED = pytest.StashKey[dict[str, ExpectedFile]]()
"""Files of expected figures that were found, by the id of their node."""


class CaseUnused(Exception):  # noqa: N818  # a verdict, not an error of the program
    """A file of expected figures that no case uses."""


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Return a collector for a case file, or for expected figures that were not named themselves; else None."""
    if file_path.name.startswith("."):
        return None
    if file_path.name.endswith(discovery.EXPECTED_ENDING) and not parent.session.isinitpath(file_path):
        return ExpectedFile.from_parent(parent, path=file_path)
    return CaseFile.from_parent(parent, path=file_path) if discovery.is_case(file_path) else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add a test for each file of expected figures that no case uses.

    This runs first, so that selecting some cases makes no file unused. If a suite has no case in a folder or in one
    above it, a file of that name there does not belong to gpit.
    """
    expected = session.stash.get(_EXPECTED, {})
    cases = [item.parent for item in items if isinstance(item.parent, CaseFile)]
    used = frozenset(path for case in cases for path in case.used or ())
    broken = [discovery.readable_text(case.path) for case in cases if case.used is None]
    folders = {case.path.parent for case in cases}
    own_files = [
        discovery.DiscoveredFile(node.path, id_)
        for id_, node in expected.items()
        if not folders.isdisjoint(node.path.parents)
    ]
    for unused_file in discovery.unused_files(own_files, used, broken):
        item = UnusedItem.from_parent(expected[unused_file.name], name="used by a case")
        items.append(item)
        # Reported as pytest reports the items of a file; otherwise its count of collected tests would lack this one.
        report = pytest.CollectReport(unused_file.name, "passed", None, [item])
        session.ihook.pytest_collectreport(report=report)
