"""Nouns and sentences, as every report writes them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_UNUSUAL: Final = re.compile(r"[^\n\t -~]")
_COMMAND: Final = re.compile(r"(?<=#)#(?=[\w.-]*\[)|(?<!\S:)(?<=:):")
"""What makes a command for a CI server of a text in a log: `::error::` at the start of a line, `##[error]` anywhere."""


def plural(noun: str) -> str:
    """Return the plural of an organisation's noun: `CCGs`, `practices`, `surgeries`."""
    last = noun[-1:]
    if not last.islower():
        return f"{noun}s" if noun else "rows"  # an abbreviation: ICSs
    if last == "y" and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Write a count with its noun: `1 CCG`, `211 CCGs`."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def inside(label: str) -> str:
    """Write a label inside a sentence: `historic spend`, but `GP IT spend`."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def sentence(text: str) -> str:
    """Begin a text with a capital letter."""
    return text[:1].upper() + text[1:]


def joined(texts: Sequence[str], word: str = "and") -> str:
    """Join texts as a sentence does: `a, b and c`, or with another word before the last."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {word} {texts[-1]}" if texts else ""


def span(years: Sequence[str], whole: Sequence[str] = ()) -> str:
    """Write years: `2014/15`, `2014/15 and 2015/16`, `2014/15 to 2023/24`, or `every year` of a whole."""
    if len(years) > 1 and tuple(years) == tuple(whole):
        return "every year"
    firsts = [int(year[:4]) for year in years]
    follow_on = firsts == list(range(firsts[0], firsts[0] + len(firsts))) if firsts else False
    return f"{years[0]} to {years[-1]}" if follow_on and len(years) > 2 else joined(years)


def listed(texts: Sequence[str], most: int = 12) -> str:
    """Join texts as `joined` does; the rest of a long list is counted: `a, b and 7 more`; an empty one is `none`."""
    rest = [f"{len(texts) - most:,} more"] if len(texts) > most else []
    return joined([*texts[:most], *rest]) or "none"


def option(name: str, heading: str, value: str) -> str:
    """Return an option about a heading as it has to be typed: in double quotes where the heading has an apostrophe."""
    quote = '"' if "'" in heading else "'"
    return f"{name} {quote}{heading}={value}{quote}"


def near_names(name: str, known: Iterable[str], most: int = 3) -> list[str]:
    """Return the known names that are nearest to a name, the nearest first; none if none is near."""
    pool = sorted({other for other in known if other.isprintable() and other != name})  # a disk's may hold line ends
    folded = {candidate.casefold(): candidate for candidate in pool}
    return [folded[hit] for hit in difflib.get_close_matches(name.casefold(), list(folded), n=most, cutoff=0.6)]


def nearest(name: str, known: Iterable[str], count: int = 3) -> str:
    """Say which known names are nearest: `; did you mean a or b?`, or an empty text if none is near."""
    names = near_names(name, known, count)
    return f"; did you mean {' or '.join(names)}?" if names else ""


def nearest_of(name: str, known: Iterable[str]) -> str:
    """Return the nearest of the known names, or an empty text if none is near."""
    return "".join(near_names(name, known, most=1))


def is_money(unit: str | None) -> bool:
    """Say whether to write a value as pounds; what a scheme gives no unit is taken for money."""
    return unit in ("£", None)


def visible(text: str) -> str:
    r"""Return a text of which nothing is hidden, or acts on a terminal or a CI server; its lines stay lines.

    Escape codes, signs that turn the line round, halves of a character and all else that cannot be seen are
    written as JSON and TOML write them: `\u001b`. So a JSON document stays the document that it is.
    """
    return _COMMAND.sub(_escaped, _UNUSUAL.sub(_if_unseen, text))


def _if_unseen(match: re.Match[str]) -> str:
    return match[0] if match[0].isprintable() or unicodedata.category(match[0]) == "Zs" else _escaped(match)


def _escaped(match: re.Match[str]) -> str:
    return re.sub("(....)", r"\\u\1", match[0].encode("utf-16-be", "surrogatepass").hex())


def one_line(text: object, longest: int | None = 80) -> str:
    """Return a text as `visible` does, on one line, with one space where there were several; cut where it is longer."""
    line = visible(" ".join(str(text).split()))
    return line if longest is None or len(line) <= longest else f"{line[: longest - 1]}…"
