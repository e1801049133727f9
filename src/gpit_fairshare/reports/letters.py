"""A letter to each organisation: a text with names in braces, filled in with its figures and the sentences on them.

There are no loops or conditions: a template is a text, and each name in braces is one value of the result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gpit_fairshare.errors import UsageError
from gpit_fairshare.explanation.organisation import became
from gpit_fairshare.explanation.summary import YearSummary, year_summaries
from gpit_fairshare.files import read_regular, reading_problem
from gpit_fairshare.numbers import megabytes, or_dash, percentage_change, signed
from gpit_fairshare.reports.allocation_opening import Opening
from gpit_fairshare.reports.document import Document, Paragraph, Title
from gpit_fairshare.reports.formats import rendered
from gpit_fairshare.reports.formats.md import in_markdown
from gpit_fairshare.results.writing import rows_as_csv
from gpit_fairshare.scheme.outcomes import PLACEHOLDER, figure_in_sentence
from gpit_fairshare.templates import LETTER, file_content
from gpit_fairshare.words import joined, nearest, one_line, parse_year, span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from gpit_fairshare.engine import Result
    from gpit_fairshare.engine.organisation_years import OrganisationYear

_SENTENCES: Final = "sentences"
FIXED_NAMES: Final = ("org_code", "org_name", "organisation", "title", "years")
"""Names that are the same in every year; all others may have a year: `{allocation@2015/16}`."""
_COMPARED: Final[Mapping[str, Callable[[OrganisationYear], str]]] = {
    "change": lambda row: or_dash(row.change, signed),
    "change_percent": lambda row: or_dash(row.change_ratio, percentage_change),
    "outcome": lambda row: row.outcome or "–",
}
"""Names of what the screen says of an organisation in a year: its change on the opening baseline, and its outcome."""
_BRACES: Final = re.compile(rf"\{{\{{|\}}\}}|{PLACEHOLDER.pattern}|[{{}}]")
"""A literal brace, written twice; a name in braces; or a single brace, which is an error."""
_LITERALS: Final = {"{{": "{", "}}": "}"}
_LARGEST: Final = 100_000
"""Bytes of a template; a page has about 3,000."""
_DIVIDER: Final = "\n* * *\n\n"
"""A rule between two letters; three hyphens would begin a table of metadata in some programs."""


@dataclass(frozen=True, slots=True)
class LetterTemplate:
    """The text of a letter; each name in braces is replaced by a value."""

    text: str
    file: str = LETTER
    """Its name, for messages."""

    def placeholders(self) -> dict[str, str]:
        """Return the names in braces, in order, each with its place for messages.

        Raises:
            UsageError: The text is blank, or a brace has no partner.
        """
        if not self.text.strip():
            raise UsageError(f"{self.file}: is empty; write the text of a letter, such as {LETTER} of gpit init")
        places: dict[str, str] = {}
        for match in _BRACES.finditer(self.text):
            where = f"{self.file} line {self.text.count(chr(10), 0, match.start()) + 1}"
            if match[0] in ("{", "}"):
                remedy = "write a name as {org_name}, and a brace of the text twice, as {{ or }}"
                raise UsageError(f"{where}: the brace {match[0]} has no partner; {remedy}")
            if match[0] not in _LITERALS:
                places.setdefault(match[1], where)
        return places

    def filled(self, values: Mapping[str, str], write: Callable[[str], str] = str) -> str:
        """Return the text with a value, as `write` returns it, for each name, and single braces for double ones."""
        return _BRACES.sub(lambda match: _LITERALS.get(match[0]) or write(values[match[1]]), self.text).strip()


@dataclass(frozen=True, slots=True)
class Letter:
    """The letter to one organisation; `str` returns its plain text."""

    org_code: str
    org_name: str
    """Its code if it has no name."""
    limits: tuple[Paragraph, ...]
    """What limits the use of the figures, which every letter begins with; empty if nothing does."""
    values: Mapping[str, str]
    """The value of each name, as the template writes the name."""
    template: LetterTemplate

    def __str__(self) -> str:
        return "\n\n".join([*(limit.text for limit in self.limits), self.template.filled(self.values)])

    def markdown(self) -> str:
        """Return the letter as Markdown, below a heading with name and code; values are never read as markup."""
        name = self.org_code if self.org_name == self.org_code else f"{self.org_name} ({self.org_code})"
        opening = rendered(Document([Title([name]), *self.limits]), ".md")
        return f"{opening}\n{self.template.filled(self.values, _paragraphs_in_markdown)}\n"


def read_template(path: Path | None) -> LetterTemplate:
    """Return the template of a file in UTF-8, or that of `gpit init` if there is no path; its braces are checked.

    Raises:
        UsageError: The file cannot be read, is not UTF-8, too large or blank, or a brace has no partner.
    """
    if path is None:
        return LetterTemplate(file_content(LETTER).decode())
    try:
        size = path.stat().st_size
        if size > _LARGEST:
            limit = f"the text of a letter has {megabytes(_LARGEST)} at most"
            raise UsageError(f"--letter-template {path.name}: has {megabytes(size)}; {limit}; shorten it")
        template = LetterTemplate(read_regular(path).decode("utf-8-sig").replace("\r\n", "\n"), path.name)
    except UnicodeDecodeError as fault:
        problem = f"byte {fault.start + 1} is not UTF-8; give a text file, saved as UTF-8"
        raise UsageError(f"--letter-template {path.name}: {problem}") from None
    except OSError as fault:
        raise UsageError(f"--letter-template {path}: {reading_problem(path, fault)}") from None
    template.placeholders()
    return template


def letters_of(result: Result, template: LetterTemplate) -> list[Letter]:
    """Return a letter to each organisation of any year, by code.

    Raises:
        UsageError: The template is blank, a brace has no partner, or a name in braces is no value of the result.
    """  # noqa: DOC502 - raised by what it calls
    names = {
        placeholder: _name_and_year(placeholder, result, where)
        for placeholder, where in template.placeholders().items()
    }
    limits = tuple(Opening(result, full=True).limits_of_use())
    organisations: dict[str, dict[str, YearSummary]] = {}
    for year in result.years:
        for code, summary in year_summaries(result, year).items():
            organisations.setdefault(code, {})[year] = summary
    return [_letter(result, template, names, limits, code, years) for code, years in sorted(organisations.items())]


def _letter(
    result: Result,
    template: LetterTemplate,
    names: Mapping[str, tuple[str, str]],
    limits: tuple[Paragraph, ...],
    code: str,
    years: Mapping[str, YearSummary],
) -> Letter:
    """Return the letter to the organisation of a code, given its name and year by placeholder, and its summaries."""
    scheme = result.scheme
    org_name = next((summary.row.name for summary in reversed([*years.values()]) if summary.row.name), code)
    fixed = dict(zip(FIXED_NAMES, (code, org_name, scheme.organisation, scheme.title, span([*years])), strict=True))
    fixed = {name: one_line(text, None) for name, text in fixed.items()}
    values = {}
    for placeholder, (name, year) in names.items():
        if name in fixed:
            values[placeholder] = fixed[name]
        elif name == _SENTENCES:
            values[placeholder] = "\n\n".join(_paragraphs(result, code, years, year))
        else:
            summary = years.get(year)
            figures = summary.figures if summary else {}
            if name in _COMPARED and name not in scheme.symbols:
                values[placeholder] = _COMPARED[name](summary.row) if summary else "–"
            else:
                values[placeholder] = figure_in_sentence(scheme, name, figures, year)
    return Letter(code, fixed["org_name"], limits, values, template)


def _paragraphs(result: Result, code: str, years: Mapping[str, YearSummary], year: str) -> Iterator[str]:
    """Yield the sentences of each year, or of one, and what became of an organisation that is not there in all."""
    for summary_year, summary in years.items():
        if year in ("", summary_year):
            yield " ".join(summary.sentences())
    if len(years) < len(result.years):
        yield from (f"{sentence}." for sentence in became(result, code))


def _name_and_year(placeholder: str, result: Result, where: str) -> tuple[str, str]:
    """Return the name and the year of a name in braces; no year for a fixed name, and for sentences on all years.

    Raises:
        UsageError: There is no such name or year, or a year is missing or not needed.
    """
    name, at_sign, year = placeholder.partition("@")
    years = [*result.years]
    names = [
        *FIXED_NAMES,
        _SENTENCES,
        *_COMPARED,
        *result.rows.columns[1:],
        *result.scheme.parameters,
    ]  # the first is the year
    if name not in names:
        hint = nearest(name, names) or f"; the names are {one_line(', '.join(dict.fromkeys(names)), 300)}"
        raise UsageError(f"{where}: there is no {{{one_line(placeholder)}}} in this result{hint}")
    if name in FIXED_NAMES:
        if at_sign:
            raise UsageError(f"{where}: {{{one_line(placeholder)}}} has a year; write {{{name}}}, which needs none")
        return name, ""
    if not at_sign:
        if len(years) > 1 and name != _SENTENCES:
            choices = joined([f"{{{name}@{choice}}}" for choice in years], "or")
            raise UsageError(f"{where}: {{{name}}} has no year, and the scheme has several; write {choices}")
        return name, "" if name == _SENTENCES else years[0]
    if (parse_year(year) or year) not in years:
        raise UsageError(f"{where}: {{{one_line(placeholder)}}}: the scheme has the years {', '.join(years)}")
    return name, parse_year(year) or year


def _paragraphs_in_markdown(text: str) -> str:
    """Return a value as Markdown, each of its paragraphs apart."""
    return "\n\n".join(map(in_markdown, text.split("\n\n")))


def write_letters(letters: Sequence[Letter], ending: str, path: Path) -> None:
    """Write letters to one file: `.md`, one below the other, or `.csv`, a row each with the values, for a mail merge.

    The columns are code, name, what limits the use of the figures, each further name of the template, and the letter.
    """
    if ending == ".md":
        with path.open("w", encoding="utf-8", newline="\n") as stream:
            for number, letter in enumerate(letters):
                stream.write(f"{_DIVIDER if number else ''}{letter.markdown()}")
        return
    names = [name for name in letters[0].values if name not in ("org_code", "org_name")]
    rows = [
        [letter.org_code, letter.org_name, " ".join(limit.text for limit in letter.limits)]
        + [letter.values[name] for name in names]
        + [str(letter)]
        for letter in letters
    ]
    path.write_bytes(rows_as_csv([["org_code", "org_name", "basis", *names, "letter"], *rows], str).encode())
