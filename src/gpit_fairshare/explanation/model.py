"""Data classes of an explanation: its lines, for the screen, Markdown and JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic_core import to_jsonable_python

from gpit_fairshare.presentation import cut, short_repr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.results.agreement import OffRule

JSON_SCHEMA: Final = "gpit-explanation/1"

Kind = Literal["input", "parameter", "figure", "previous", "step", "check"]


@dataclass(frozen=True, slots=True)
class Test:
    """One comparison in a formula: both sides with their values, and whether it is true."""

    __test__ = False  # not a pytest test

    left: str
    relation: str
    """A comparison of the language, or `is` before `given`."""
    right: str
    passed: bool

    def __str__(self) -> str:
        return f"{self.left} {self.relation} {self.right}: {'yes' if self.passed else 'no'}"


@short_repr
@dataclass(frozen=True, slots=True)
class ExplanationLine:
    """One number, and everything needed to calculate it again.

    People and programs can read texts such as `numbers` and `result`: see docs/explain.md.
    """

    number: int
    """Counts from 1 through all years."""
    kind: Kind
    name: str
    """The name that formulas use; for a figure its text, such as `total(fair_share)`; for a check its title."""
    label: str
    of: str
    """Whose value it is: an organisation's code, `nation`, or a group such as `region North`."""
    unit: str | None
    value: float | bool | str | None
    """In full precision; None for a blank, where that is allowed."""
    result: str
    """The value as it is printed."""
    formula: str = ""
    """As the scheme writes it; empty for inputs, parameters and figures."""
    arithmetic: str = ""
    """The arithmetic of `share_out`, `rounded` or a figure in plain operators, with names of lines."""
    numbers: str = ""
    """The formula, or the arithmetic, with numbers instead of names."""
    tests: tuple[Test, ...] = ()
    origin: str = ""
    """File and row or cell, source or assumption, or details of a figure."""
    rows: Mapping[str, str] = field(default_factory=dict)
    """The rows of a table that a figure uses, each with its source or assumption."""
    notes: tuple[str, ...] = ()
    share: str = ""
    """For money that is shared out: this value divided by the national total, and the result in %."""
    answer: bool = False
    uses: tuple[int, ...] = ()
    """Numbers of the lines that it is calculated from."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One step of a ladder: an amount, or the change from one amount to the next."""

    label: str
    kind: Literal["amount", "change"]
    amount: float
    """£; of a change above 0 if it adds money."""
    start: float
    """£: where a change starts; 0 for an amount."""
    text: str
    """The amount as it is printed; of a change with its sign."""


@short_repr
@dataclass(frozen=True, slots=True)
class YearLines:
    """One year: sentences, ladder and lines; the checks are the last of the lines."""

    year: str
    certainty: str
    """`firm` or `indicative`."""
    answer: str
    """The answer as it is printed."""
    answer_line: int | None
    """None if the line of the answer is not included."""
    sentences: tuple[str, ...]
    """What the organisation gets and why, for people."""
    ladder: tuple[Rung, ...]
    """From the opening baseline over the fair share to the answer; empty if it is not money."""
    lines: tuple[ExplanationLine, ...]


@dataclass(frozen=True, slots=True)
class ExplainedLines:
    """The arithmetic of one organisation, line by line."""

    code: str
    """The organisation's code."""
    name: str
    """Its name in the last year that has one."""
    organisation: str
    """The noun for a row: `CCG`."""
    scheme: str
    """Name of the scheme."""
    title: str
    """Title of the scheme."""
    label: str
    """Label of the answer."""
    origin: str
    """Name of the result file; empty for a run."""
    area: str
    """The group that the scheme reports by: `Area team: Durham, Darlington and Tees`; empty if there is none."""
    step: str
    """The step that was asked for; empty for all."""
    agrees: bool
    """Whether every check passes, for all organisations."""
    illustrative: tuple[str, ...]
    """A sentence for each file whose figures are marked illustrative: do not quote them."""
    illustrative_heading: str
    """What is illustrative: `Illustrative spend`, or `Illustrative figures` if other figures are; empty if none is."""
    draft: tuple[str, ...]
    """Parameters whose values have neither source nor assumption."""
    settings: tuple[str, ...]
    """Values set for the run, a sentence each."""
    changed: tuple[str, ...]
    """Values changed in a workbook since its run, a sentence each."""
    became: tuple[str, ...]
    """If it does not exist in every year: what it became, or what it was made from."""
    differences: tuple[OffRule, ...]
    """Figures in this organisation's rows of a file that differ from the file's rule."""
    others_differ: tuple[OffRule, ...]
    """Figures in other organisations' rows only that differ from the file's rule."""
    years: tuple[YearLines, ...]
    """Each year with its answer, sentences, ladder and lines."""

    @property
    def lines(self) -> Sequence[ExplanationLine]:
        """Return the lines of all years in one list."""
        return [line for year in self.years for line in year.lines]

    @property
    def sentences(self) -> Sequence[str]:
        """Return the sentences of all years in one list."""
        return [text for year in self.years for text in year.sentences]

    @property
    def sound(self) -> bool:
        """Return whether every check passes and every figure of the file is what its rule gives."""
        return self.agrees and not self.differences and not self.others_differ

    def document(self) -> dict[str, Any]:
        """Return the explanation with stable keys, for JSON; each comparison also has its text."""
        values = to_jsonable_python(self, exclude={"illustrative_heading"})
        document = {"schema": JSON_SCHEMA, "sound": self.sound, **values}
        entries = [entry for year in document["years"] for entry in year["lines"]]
        for entry, line in zip(entries, self.lines, strict=True):
            entry["tests"] = [{**asdict(test), "text": str(test)} for test in line.tests]
        for key in ("differences", "others_differ"):
            document[key] = [figure.document() for figure in getattr(self, key)]
        return document

    def __repr__(self) -> str:
        answers = ", ".join(f"{year.answer} in {year.year}" for year in self.years)
        methods = ".sentences, .lines, .markdown(), .document()"
        return cut(f"<Explanation of {self.code}: {answers}; {len(self.lines)} lines; see {methods}>")
