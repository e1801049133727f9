"""Which column each heading of a file stands for."""

from __future__ import annotations

import keyword
import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from gpit_fairshare.errors import UsageError, nearest
from gpit_fairshare.inputs.findings import About, Where, listed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from gpit_fairshare.inputs.findings import Findings
    from gpit_fairshare.inputs.model import Kind, Request, Role
    from gpit_fairshare.inputs.reading import Sheet

STRUCTURE = ("org_code", "org_name", "year", "practice_code")
"""Columns that say whose and when a row is."""
LINE_WORDS = ("category", "cost_type", "committed", "basis")
"""Columns that say what a line of cost is."""
PARENT = {"org_code": "parent_code", "org_name": "parent_name"}
"""Where practices are the rows, the organisation that they belong to."""


@dataclass(frozen=True)
class Standard:
    """A column that the headings file knows."""

    kind: Kind
    aliases: frozenset[str]
    weak: frozenset[str]
    unit: str = ""
    option: str = ""
    only: str = ""


@cache
def standard_columns() -> Mapping[str, Standard]:
    """Return the columns of the headings file by name; read once."""
    text = files(__package__).joinpath("headings.toml").read_text(encoding="utf-8")
    return {
        name: Standard(
            kind=entry["kind"],
            aliases=frozenset(folded(alias) for alias in [name, *entry["aliases"]]),
            weak=frozenset(folded(alias) for alias in entry.get("weak", ())),
            unit=entry.get("unit", ""),
            option=entry.get("option", ""),
            only=entry.get("only", ""),
        )
        for name, entry in tomllib.loads(text).items()
    }


def folded(heading: str) -> str:
    """Return a heading without capital letters, spaces and punctuation, for comparison."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    return "".join(character for character in text if character.isalnum())


def plain_name(heading: str) -> str:
    """Return the name that a heading gets if nothing else is known of it: `Area Team` → `area_team`."""
    # Python reads names in formulas in this normal form, so that the column must have it too.
    text = unicodedata.normalize("NFKC", heading).lower()
    return re.sub(r"[\W_]+", "_", text).strip("_")


def check_mapping(request: Request) -> None:
    """Refuse names that the user gave to headings but that no formula could use.

    Raises:
        UsageError: a name is not a name, or is a word of the formula language.
    """
    for heading, column in request.mapping.items():
        if not column.isidentifier() or keyword.iskeyword(column):
            raise UsageError(
                f"--map '{heading}={column}': '{column}' cannot be the name of a column; "
                "use letters, digits and _, such as need_index"
            )


def check_mapped_headings(request: Request, sheets: Iterable[Sheet]) -> None:
    """Refuse a heading that the user named but that no file has.

    Raises:
        UsageError: with the nearest headings that there are.
    """
    headings = [heading for sheet in sheets for heading in sheet.headings if heading]
    there = {folded(heading) for heading in headings}
    for heading, column in request.mapping.items():
        if folded(heading) not in there:
            raise UsageError(
                f"--map '{heading}={column}': no file has the heading '{heading}'"
                f"{nearest(heading, headings) or f'; the headings are {listed(headings)}'}"
            )


class Headings:
    """The headings of one file, matched to columns in order of how surely they are meant."""

    def __init__(self, sheet: Sheet, role: Role, request: Request) -> None:
        self.sheet = sheet
        self.role = role
        self.request = request
        wanted = {need.name for need in request.needs} | set(request.keep_text)
        self.used = wanted | set(standard_columns()) | set(request.counts)
        self.columns: dict[str, int] = {}
        self.repeats: dict[str, list[int]] = {}
        self._names: dict[int, str] = {}
        self._match(wanted)

    @property
    def matched(self) -> tuple[tuple[str, str], ...]:
        """Headings that were read as a column, from left to right."""
        pairs = sorted((index, name) for name, index in self.columns.items())
        return tuple((self.sheet.headings[index], name) for index, name in pairs)

    def title(self, column: str) -> str:
        """Return the heading of a column as it stands in the file."""
        return self.sheet.headings[self.columns[column]]

    def _match(self, wanted: Collection[str]) -> None:
        known = {name: standard for name, standard in standard_columns().items() if standard.only in ("", self.role)}
        mapping = {folded(heading): column for heading, column in self.request.mapping.items()}
        own = {f"{self.request.organisation} {part}": f"org_{part}" for part in ("code", "name")}
        practices = dict.fromkeys(known["practice_code"].aliases, "org_code")
        practices |= dict.fromkeys(known["practice_name"].aliases, "org_name")
        exact = {*known, *wanted, *self.request.counts}
        self._claim(lambda heading: mapping.get(folded(heading)))
        if self.request.by_practice:
            self._claim(lambda heading: practices.get(folded(heading)))
        self._claim(lambda heading: name if (name := plain_name(heading)) in exact else None)
        self._claim({folded(heading): column for heading, column in own.items()}.get, fold=True)
        self._claim({alias: name for name, entry in known.items() for alias in entry.aliases}.get, fold=True)
        self._claim({alias: name for name, entry in known.items() for alias in entry.weak}.get, fold=True)
        self._claim(self._leftover)

    def _claim(self, read: Callable[[str], str | None], *, fold: bool = False) -> None:
        """Let each heading without a column claim one, unless a surer heading has claimed it before."""
        claims: dict[str, list[int]] = {}
        for index, heading in enumerate(self.sheet.headings):
            if index in self._names or not heading:
                continue
            column = read(folded(heading) if fold else heading)
            if column and column not in self.columns:
                claims.setdefault(column, []).append(index)
        for column, indices in claims.items():
            self.columns.setdefault(column, indices[0])
            self._names.update(dict.fromkeys(indices, column))
            if len(indices) > 1:
                self.repeats[column] = indices

    def _leftover(self, heading: str) -> str | None:
        """Name a heading that means no known column; None if its own name is taken by a surer heading."""
        name = plain_name(heading)
        if name not in self.columns:
            return name or None
        return PARENT.get(name) if self.request.by_practice else None

    def report(self, findings: Findings) -> None:
        """Add what is to be said about the headings: repeated, unusable, or read under another name."""
        where = Where(self.sheet.name)
        for column, indices in self.repeats.items():
            titles = [f"'{self.sheet.headings[index]}' ({self.sheet.column(index)})" for index in indices]
            if column in self.used:
                findings.error(
                    About.DUPLICATE_HEADING,
                    where,
                    f"{listed(titles)} would all be {column}",
                    remedy=f"Name the right one with --map 'HEADING={column}', or rename the others",
                )
            else:
                findings.warning(
                    About.DUPLICATE_HEADING, where, f"{listed(titles)} have the same name; neither is used"
                )
        for heading, column in self.matched:
            if keyword.iskeyword(column):
                findings.warning(
                    About.KEYWORD,
                    where,
                    f"the heading '{heading}' becomes {column}, a word that no formula can use",
                    remedy=f"Rename it with --map '{heading}=ANOTHER_NAME'",
                )
        renamed = [
            f"'{heading}' as {column}" for heading, column in self.matched if column in self.used and heading != column
        ]
        if renamed:
            findings.note(About.HEADING, where, f"read {listed(renamed, most=40)}")
