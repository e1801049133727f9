"""Verdicts as JUnit XML, which CI servers show. It holds no clock and no path of the machine.

What no XML document can hold, and what a log would obey, is written as an escape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from lxml import etree

from gpit_fairshare.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable

    from gpit_fairshare.cases.running import Verdict
    from gpit_fairshare.cases.suite import Suite

UNUSED: Final = "No case uses this file of expected figures."


def junit_xml(suite: Suite, table: Callable[[Verdict], str]) -> bytes:
    """Return the verdicts as a document of one test suite.

    Args:
        suite: The cases that ran.
        table: Returns what a person sees below the line of a case.
    """
    counts = {
        "tests": len(suite.verdicts) + len(suite.unused),
        "failures": suite.count("failed") + len(suite.unused),
        "errors": suite.count("fault"),
    }
    numbers = {key: str(number) for key, number in counts.items()}
    root = etree.Element("testsuites", {"name": "gpit test", **numbers})
    tests = etree.SubElement(root, "testsuite", {"name": "gpit test", **numbers})
    for verdict in suite.verdicts:
        entry = _test(tests, verdict.file, verdict.name or verdict.file)
        if verdict.outcome != "ok":
            tag = "failure" if verdict.outcome == "failed" else "error"
            _text(entry, tag, " ".join(verdict.said), verdict.origin or "case", table(verdict))
    for file in suite.unused:
        _text(_test(tests, file, "used by a case"), "failure", UNUSED, "expected figures", UNUSED)
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return document


def _test(tests: etree._Element, file: str, name: str) -> etree._Element:
    return etree.SubElement(tests, "testcase", {"classname": visible(file), "name": visible(name)})


def _text(entry: etree._Element, tag: str, message: str, kind: str, text: str) -> None:
    inner = etree.SubElement(entry, tag, {"message": visible(message), "type": kind})
    inner.text = visible(text)
