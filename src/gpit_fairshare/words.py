"""Nouns, lists and sentences for all texts that users see, and the spellings of years that they may write."""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_NUMBER: Final = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_WORDS: Final = re.compile(r"[\W_]+")
_FIRST_NAME: Final = re.compile(r"\S*\w[._/]\w")
"""A text that begins with a name of a file or column."""
_LOOK_ALIKE: Final = str.maketrans("oil", "011")
_FINANCIAL_YEAR: Final = re.compile(
    r"(?:FY\s*)?((?:19|20)[0-9]{2})\s*[/–-]?\s*([0-9]{2}|(?:19|20)[0-9]{2})", re.IGNORECASE
)
_UNUSUAL: Final = re.compile(r"[^\n\t -~]")
_COMMAND: Final = re.compile(r"(?<=#)#(?=[\w.-]*\[)|(?<!\S:)(?<=:):")
"""Text that a CI server takes as a command in a log: `::error::` at the start of a line, `##[error]` anywhere."""


def plural(noun: str) -> str:
    """Return the plural of an organisation's noun: `CCGs`, `practices`, `surgeries`; `rows` for an empty noun."""
    last = noun[-1:]
    if not last.islower():
        return f"{noun}s" if noun else "rows"  # an abbreviation: ICSs
    if last == "y" and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "z", "ch", "sh")) else f"{noun}s"


def counted(number: int, noun: str) -> str:
    """Write a count with its noun: `1 CCG`, `211 CCGs`."""
    return f"{number:,} {noun if number == 1 else plural(noun)}"


def numbers_in(text: str) -> list[str]:
    """Return the numbers in a text, without commas and zeros at the end of decimals.

    Two versions of a message with the same numbers say the same in other words.
    """
    numbers = [number.replace(",", "") for number in _NUMBER.findall(text)]
    return [number.rstrip("0").rstrip(".") if "." in number else number for number in numbers]


def inside(label: str) -> str:
    """Return a label as written inside a sentence, with a small first letter: `historic spend`, but `GP IT spend`."""
    return label[:1].lower() + label[1:] if label[1:2].islower() else label


def sentence(text: str) -> str:
    """Return a text with a capital first letter, as at the start of a sentence; a name such as `a.csv` is unchanged."""
    return text if _FIRST_NAME.match(text) else text[:1].upper() + text[1:]


def joined(texts: Sequence[str], word: str = "and") -> str:
    """Join texts as in a sentence, with `and` or another word before the last: `a, b and c`; empty if none."""
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} {word} {texts[-1]}" if texts else ""


def span(years: Sequence[str], whole: Sequence[str] = ()) -> str:
    """Write years: `2014/15`, `2014/15 and 2015/16`, `2014/15 to 2023/24`, or `every year` if they are all in `whole`.

    `to` is used for three or more years without a gap; `every year` for two or more that equal `whole`.
    """
    if len(years) > 1 and tuple(years) == tuple(whole):
        return "every year"
    firsts = [int(year[:4]) for year in years]
    follow_on = firsts == list(range(firsts[0], firsts[0] + len(firsts))) if firsts else False
    return f"{years[0]} to {years[-1]}" if follow_on and len(years) > 2 else joined(years)


def listed(texts: Sequence[str], most: int = 12) -> str:
    """Join texts as `joined` does; of a long list, count the others: `a, b and 7 more`; an empty list is `none`."""
    more = [f"{len(texts) - most:,} more"] if len(texts) > most else []
    return joined([*texts[:most], *more]) or "none"


def quoted_option(name: str, heading: str, value: str) -> str:
    """Return an option about a heading as it must be typed, with double quotes if the heading has an apostrophe."""
    quote = '"' if "'" in heading else "'"
    return f"{name} {quote}{heading}={value}{quote}"


def near_names(name: str, known_names: Iterable[str], most: int = 3, similarity: float = 0.6) -> list[str]:
    """Return the known names most similar to a name, best first, at most `most`; empty if none is similar.

    `similarity` is the least that counts, from 0 to 1. Capital and small letters count as the same, and so do O and 0,
    and I, l and 1. If no name is similar, those with the name as one of their words are returned. The name itself, and
    names with invisible characters, are left out.
    """
    # Names of files may contain line ends.
    pool = sorted({other for other in known_names if other.isprintable() and other != name})
    folded = {_as_seen(candidate): candidate for candidate in pool}
    similar = difflib.get_close_matches(_as_seen(name), list(folded), n=most, cutoff=similarity)
    with_word = [text for text in folded if len(name) > 2 and _as_seen(name) in _WORDS.split(text)]
    return [folded[hit] for hit in similar or with_word[:most]]


def _as_seen(name: str) -> str:
    """Return a name without the differences that are hard to see: capitals, O and 0, I, l and 1."""
    return name.casefold().translate(_LOOK_ALIKE)


def nearest(name: str, known_names: Iterable[str], count: int = 3) -> str:
    """Return a question with the known names most like a name: `; did you mean a or b?`; empty if none is similar."""
    names = near_names(name, known_names, count)
    return f"; did you mean {' or '.join(names)}?" if names else ""


def nearest_of(name: str, known_names: Iterable[str]) -> str:
    """Return the most similar of the known names; empty if none is similar."""
    return "".join(near_names(name, known_names, most=1))


def parse_year(text: Any) -> str | None:
    """Read a financial year in any of its spellings as `2014/15`; return None for anything else.

    `2014/15`, `2014-15`, `2014/2015`, `201415` (also as a number) and `FY2014-15` are read. The second part must be
    the year after the first: `2014/16` and `2014` are not financial years.
    """
    if isinstance(text, bool) or not isinstance(text, str | int):
        return None
    match = _FINANCIAL_YEAR.fullmatch(str(text).strip())
    if not match:
        return None
    first, second = match.groups()
    after = str(int(first) + 1)
    return f"{first}/{after[2:]}" if second in (after, after[2:]) else None


def is_money(unit: str | None) -> bool:
    """Return whether a value is written as pounds; a value without a unit counts as money."""
    return unit in ("£", None)


def visible(text: str) -> str:
    r"""Return a text that hides nothing and that no terminal or CI server takes as a command; its lines are kept.

    Escape codes, characters that reverse the line, halves of a character and all other invisible characters are
    written as in JSON and TOML: `\u001b`. The contents of a JSON document stay the same.
    """
    return _COMMAND.sub(_escape, _UNUSUAL.sub(_escape_if_unseen, text))


def _escape_if_unseen(match: re.Match[str]) -> str:
    """Return a matched character unchanged if it is visible or a space, else as an escape."""
    return match[0] if match[0].isprintable() or unicodedata.category(match[0]) == "Zs" else _escape(match)


def _escape(match: re.Match[str]) -> str:
    r"""Return the matched characters as escapes of JSON: `\u001b`."""
    return re.sub("(....)", r"\\u\1", match[0].encode("utf-16-be", "surrogatepass").hex())


def with_caret(text: str, position: int, width: int = 72) -> str:
    """Return the line of a text that holds a character, counted from 1, and a line with a caret below that character.

    Of a longer line, only `width` characters around it are shown.
    """
    start = text.rfind("\n", 0, position - 1) + 1
    before, after = (visible(part.replace("\t", " ")) for part in (text[start : position - 1], text[position - 1 :]))
    line, caret = f"{before}{after}".split("\n")[0].rstrip(), len(before)
    first = max(0, min(caret - width // 2, len(line) - width))
    shown = line[first : first + width]
    if first:
        shown = f"…{shown[1:]}"
    if first + width < len(line):
        shown = f"{shown[:-1]}…"
    return f"{shown}\n{' ' * (caret - first)}^"


def one_line(text: object, longest: int | None = 80) -> str:
    """Return a text as `visible` does, on one line with single spaces, cut to `longest` characters if given."""
    line = visible(" ".join(str(text).split()))
    return line if longest is None or len(line) <= longest else f"{line[: longest - 1]}…"


def ordinal(number: int) -> str:
    """Return a number in an order: `1st`, `2nd`, `11th`, `1,003rd`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def do_not_quote(heading: str) -> str:
    """Return the caution about figures marked illustrative, such as `Illustrative spend`."""
    return f"{heading}: do not quote any figure that uses {'it' if heading.endswith('spend') else 'them'}"
