"""Units stated by headings, cells, titles and names: `£'000`, `(£k)`, `£m`.

A unit is applied only if it is stated. In a heading that is read as £ or people, every text that may be a unit must be
understood, or known not to change figures; otherwise it is refused. The words are data in `units.toml`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from importlib.resources import files
from typing import TYPE_CHECKING, Literal, NamedTuple

from gpit_fairshare.structured_texts import parse_toml

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

Measure = Literal["£", "people", "%", "ratio", ""]
RATES = ("%", "ratio")
CELL = "cell next to the heading"

_FACTORS = {"thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_TABLE = parse_toml(files(__package__).joinpath("units.toml").read_text(encoding="utf-8"))


def _factor_by_word(table: dict[str, list[str]]) -> dict[str, int]:
    """Return the factor of each word for a scale: 1,000 for `k`."""
    return {word: _FACTORS[scale] for scale, words in table.items() for word in words}


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern for any of the words that does not end inside a longer word."""
    ordered = sorted(words, key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word).replace("\\ ", r"\s+") for word in ordered) + r")(?![\w£])"


_SCALES = _factor_by_word(_TABLE["scales"])
_SCALES_AFTER_POUNDS = _SCALES | _factor_by_word(_TABLE["scales_after_pounds"])
_HARMLESS = frozenset(_TABLE["words"]["harmless"])
_OTHER_UNITS = frozenset(_TABLE["words"]["other_units"])
_PER_HARMLESS = frozenset(_TABLE["words"]["per"])

_SCALE = rf"(?P<scale>{_any_of(_SCALES_AFTER_POUNDS)})"
_POUND_WORDS = _any_of(_TABLE["words"]["pounds"])
_PEOPLE = _any_of(_TABLE["words"]["people"])
_FIGURES = _any_of(_TABLE["words"]["figures"])
_AFTER_POUNDS = rf"\s*(?:in\s+)?(?:'?\s*{_SCALE}(?:'s)?\.?)?(?![\w£]|,[0-9])"
_POUND_SIGN = rf"(?P<pounds>£(?:'?s\b)?|GBP){_AFTER_POUNDS}"
_POUNDS = rf"(?P<pounds>£(?:'?s\b)?|GBP|{_POUND_WORDS}){_AFTER_POUNDS}"
_COUNTS = (
    rf"(?:in\s+)?'?(?P<count>{_any_of(_SCALES)})"
    rf"(?:\s+(?:of\s+)?(?:(?P<of_pounds>{_POUND_WORDS})|(?P<of_people>{_PEOPLE})))?(?!\s*£)"
)
_UNIT = rf"(?:in\s+)?(?:{_POUNDS})|{_COUNTS}|(?P<people>{_PEOPLE})"
"""A unit in brackets or after the last comma."""
_UNIT_WORDS = (*_SCALES, *_TABLE["words"]["pounds"], *_TABLE["words"]["people"])
"""Every such unit has one of these."""
_PLAIN_COUNTS = r"(?:in\s+)?(?P<count>'000s?|000s|thousands|millions)"
"""Scales that are clear without £ or brackets."""
_UNIT_OUTSIDE = rf"(?:in\s+)?(?:{_POUNDS})|{_PLAIN_COUNTS}\s*$"
_POSSIBLE_UNIT = re.compile(r"£|GBP|'000|000s|thousands|millions", re.IGNORECASE)
"""What every unit has in a heading outside its words, alone in brackets, or in a title. Few texts have it, so the long
patterns are compiled when they are used."""
_BRACKETED = rf"[\(\[]\s*(?:in\s+)?(?:{_POUND_SIGN}|{_PLAIN_COUNTS})\s*[\)\]]"
_AT_END = rf"(?:^|[\s,:–-])(?:in\s+)?(?:{_POUND_SIGN}|{_PLAIN_COUNTS})\s*$"
_AT_START = rf"^(?:{_POUND_SIGN})\s+(?=\w)"

_YEAR = r"(?:19|20)[0-9]{2}"
_MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sept?|oct|nov|dec)[a-z]*"
_DATE = (
    rf"(?:fye?\s*)?(?:{_YEAR}\s*(?:[/–-]\s*(?:{_YEAR}|[0-9]{{2}}))?|[0-9]{{2}}\s*[/–-]\s*[0-9]{{2}})(?![\w/-])"
    rf"|(?:[0-9]{{1,2}}[/.-][0-9]{{1,2}}[/.-](?:{_YEAR}|[0-9]{{2}})|{_YEAR}-[0-9]{{2}}-[0-9]{{2}})(?!\w)"
    rf"|(?:[0-9]{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?)?{_MONTH}(?:[\s-]+(?:{_YEAR}|[0-9]{{2}}))?(?!\w)"
    r"|(?:m|month\s+)12(?!\w)"
)
_OTHERS = rf"[\s,;:./–—-]+|{_DATE}|(?P<word>[^\s;:()\[\]/,]+(?:,[0-9]+)*|[()\[\]])"
"""Everything except units: word separators, dates and other words."""
_TOKEN = rf"(?P<unit>{_UNIT})|{_OTHERS}"
_TOKEN_OUTSIDE = rf"(?P<unit>{_UNIT_OUTSIDE})|{_OTHERS}"
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_LAST_COMMA = re.compile(r",(?![0-9])(?=[^,]*(?:,[0-9][^,]*)*$)")
_PER = re.compile(
    r"\bper\s+([\w,]+)|(?:\ba\s+|/\s*)((?:weighted\s+)?(?:head|patient|person|capita|1,?000))\b", re.IGNORECASE
)

_ODD_UNIT = (
    # An amount or another measure after £; part of a year.
    r"£\s*[0-9][0-9.,]*\s*(?:k|m|bn)\b|£\s*/\s*\w*|(?<![\w.,])[0-9][0-9.,]*(?:k|bn)\b"
    rf"|(?<!\w){_MONTH}(?:\s+{_YEAR})?\s*(?:-|–|to)\s*(?!mar){_MONTH}(?!\w)"
)
_ODD_SCALE = re.compile(r"[(\[]?\s*[x×]?\s*£?\s*[,']?\s*(?:000s?|1,?000s?|1,?000,?000s?|k|m)\s*[)\]]?", re.IGNORECASE)

_SCALE_IN_TITLE = rf"(?<![\w£])(?:£|GBP\s?)(?:\s*in\s+)?\s*'?\s*{_SCALE}(?!')"
_TITLE_STATES = (
    rf"(?:.*[\s,;:(\[–-])?(?:£|GBP\s?)\s*(?:in\s+)?'?\s*{_any_of(_SCALES_AFTER_POUNDS)}\s*[)\].]?"
    r"(?:[\s,;:(–-]+(?:(?:19|20)[0-9]{2}(?:\s?[/–-]\s?[0-9]{2,4})?|draft|final)\)?)*"
    rf"|(?:(?:all|the)\s+)?{_FIGURES}[\w\s,]*?(?:£|GBP)\s*'?{_any_of(_SCALES_AFTER_POUNDS)}.*"
)
"""A title that ends with the unit, or begins with the figures that are in this unit."""
_OTHER_SENSE = re.compile(
    r"\b(?:nearest|round\w*|previous\w*|former\w*|not|was|were|until|unless|except|but)\b", re.IGNORECASE
)
_WORD_SCALE = r"(?:'000s?|000s?|thousands?|millions?)(?!\w)"
_SCALE_BESIDE_FIGURES = (
    rf"\bin\s+{_WORD_SCALE}|(?<!\w){_FIGURES}[\s,(\[:–-]+(?:(?:is|are|in)\s+)*{_WORD_SCALE}"
    rf"|(?<![0-9.,]\s)(?<![\w.,])(?:'?000s|thousands|millions)\s+of\s+{_FIGURES}"
)
_OTHER_UNIT_OF_FIGURES = (
    rf"(?<!\w){_FIGURES}\s+(?:(?:is|are|shown|given)\s+)*in\s+(?:pence|pennies|euros?|€|dollars|hundreds|£00s?|k|m)(?!\w)"
    rf"|(?<!\w)(?:units?|currency)\s*[:=].*?(?:{_WORD_SCALE}|\b1,?000\b|\b[km]\b|pence|€|euros?|\$|hundreds)"
)
"""A title that states a unit other than pounds or people."""
_POSSIBLE_SCALE = re.compile(r"£|GBP|000|thousand|million|\bin\s|unit|currency", re.IGNORECASE)
"""What every text has in which one of the three patterns above finds a scale or another unit."""
_PERCENT_SIGN = re.compile(r"(?<![0-9])(?<![0-9]\s)%")
"""The sign as a unit; in `Top 10% of areas` it belongs to a number."""
_COUNT_WORDS = ("number", "no.", "no", "#")
_NO_AMOUNT = ("%", "(%)", "text", "ratio", "yes/no", "£ per head")


class StatedUnit(NamedTuple):
    """A unit stated by a text."""

    factor: int
    """The factor that turns figures into pounds or people: 1,000 for `£'000`."""
    text: str
    """The unit as it is written."""
    measure: Measure
    """What the figures measure; empty if the text states only a scale, such as `000s`."""
    stated_by: str = ""
    """Source of a column's unit, as named in `column_units`."""

    def __str__(self) -> str:
        return f"{self.text} ({self.stated_by})"

    def reads_like(self, other: StatedUnit) -> bool:
        """Return whether figures have the same value in both units."""
        rates = {unit.measure if unit.measure in RATES else "" for unit in (self, other)}
        return self.factor == other.factor and len(rates) == 1


def split_unit(heading: str) -> tuple[str, StatedUnit | None]:
    """Return a heading without the unit in brackets, at its end or at its start, and the unit or None.

    Only units with £, and clear scales such as `000s`, are found; a heading that has nothing else stays unchanged.
    """
    text = _repair_signs(heading)
    for pattern in (_BRACKETED, _AT_END, _AT_START) if _POSSIBLE_UNIT.search(text) else ():
        if match := re.search(pattern, text, re.IGNORECASE):
            words = " ".join(f"{text[: match.start()]} {text[match.end() :]}".split()).rstrip(" ,:–-")
            return words or heading, _matched_unit(match)
    return heading, None


def heading_unit(heading: str, known_words: Collection[str] = ()) -> tuple[StatedUnit | None, str]:
    """Return the unit in a heading of £ or people, or None, and the first text in it that may be another unit.

    Texts in brackets and after the last comma must be units, dates or words that do not change figures. In the rest of
    the heading, only texts next to £ and words for units and scales are checked. The whole heading is checked in this
    second way if one pair of brackets has only a unit: 'Pay deal, all grades (£k)'.

    Args:
        heading: a heading without footnote marks.
        known_words: words of well-known headings, in small letters; they do not change figures.
    """
    return _read_unit(heading, _TOKEN_OUTSIDE, _is_harmless_outside, known_words)


def cell_unit(text: str) -> tuple[StatedUnit | None, str]:
    """Return the unit of a cell above or below a heading, or None, and the first text in it that is not understood.

    The whole cell must be units, dates or words that do not change figures: `£000`, `k`, `£000, net of VAT`. A text
    that means no amount, such as `%` or `ratio`, counts as not understood.
    """
    alone = unit_alone(text)
    if alone and text.strip().casefold() in _NO_AMOUNT:
        return None, text.strip()
    return (alone, "") if alone else _read_unit(text, _TOKEN, _HARMLESS.__contains__)


def is_possible_unit(text: str) -> bool:
    """Return whether a cell seems to state a unit, understood or not: `£000`, `pence`, `x1000`."""
    unit, unknown = cell_unit(text)
    if unit or unit_alone(text):
        return True
    # Without its brackets: inside them, any unknown word would look like a unit.
    bare = re.sub(r"[()\[\],]", " ", text)
    return bool(unknown and any(heading_unit(bare))) or bool(_ODD_SCALE.fullmatch(text.strip()))


def _read_unit(
    heading: str,
    token_outside: str,
    is_harmless_outside: Callable[[str], bool],
    known_words: Collection[str] = (),
) -> tuple[StatedUnit | None, str]:
    """Return the unit in a text, or None, and its first word that is not a unit, a date or harmless, or an empty text.

    If units contradict each other, or the text has a phrase such as `£5k` or `per head`, there is no unit, and these
    are the second text.

    Args:
        heading: the text.
        token_outside: pattern for units and words outside brackets and before the last comma.
        is_harmless_outside: returns whether a word there does not change figures.
        known_words: words that change no figures in brackets and after the last comma.
    """
    text = _repair_signs(heading)
    if odd := re.search(_ODD_UNIT, text, re.IGNORECASE):
        return None, odd[0]
    for per in _PER.finditer(text):
        if per[2] or per[1].casefold() not in _PER_HARMLESS:
            return None, per[0]
    text = _PER.sub(" ", text)
    texts = (match[1] or match[2] or "" for match in _BRACKETS.finditer(text))
    # A small number in brackets tells headings apart, or refers to a note: Patients (2).
    fragments = [fragment for fragment in texts if not re.fullmatch(r"\s*[0-9]{1,2}\s*", fragment)]
    outside = _BRACKETS.sub(" ", text)
    if comma := _LAST_COMMA.search(outside):
        fragments.append(outside[comma.end() :])
        outside = outside[: comma.start()]
    is_known: Callable[[str], bool] = _HARMLESS.union(known_words).__contains__
    is_harmless = _is_harmless_outside if any(map(parse_unit, fragments)) else is_known
    parts = [(fragment, _TOKEN, is_harmless) for fragment in fragments]
    # A dash or _ separates words here: spend_k, spend-gbp.
    parts.append((re.sub(r"[_–—-]", " ", outside), token_outside, is_harmless_outside))
    units = []
    for part, token, is_harmless_here in parts:
        for match in re.finditer(token, part, re.IGNORECASE):
            word = match["word"]
            if match["unit"]:
                units.append(_matched_unit(match))
            elif word and not is_harmless_here(word.casefold().strip("'\".")):
                return None, word
    return _combine_units(units)


def parse_unit(text: str) -> StatedUnit | None:
    """Read a unit given by the user: `£`, `£000`, `£m`, `people`, `000 people`; return None for anything else."""
    folded = text.casefold()
    if text.isascii() and not any(word in folded for word in _UNIT_WORDS):
        return None
    match = re.fullmatch(_UNIT, _repair_signs(text).strip(), re.IGNORECASE)
    unit = _matched_unit(match)._replace(text=text.strip()) if match else None
    return unit if unit and unit.measure else None


def rate_unit(text: str) -> StatedUnit | None:
    """Return the unit of rates that a text states, with or without brackets: `%` or `ratio`; None for anything else."""
    bare = text.strip().strip("()[] ")
    return StatedUnit(1, bare, "%" if bare == "%" else "ratio") if bare in RATES else None


def has_percent_sign(heading: str) -> bool:
    """Return whether a heading states the unit %: `Growth (%)`, `% of pupils`."""
    return _PERCENT_SIGN.search(heading) is not None


def unit_alone(text: str) -> StatedUnit | None:
    """Return the unit in a cell above or below a heading, if the cell has nothing else; otherwise None.

    A unit that does not change figures, such as `%` or `people`, has the factor 1.
    """
    text = text.strip()
    bracketed = text if text[:1] in ("(", "[") and text[-1:] in (")", "]") else f"({text})"
    repaired = _repair_signs(bracketed)
    if _POSSIBLE_UNIT.search(repaired) and (match := re.fullmatch(_BRACKETED, repaired, re.IGNORECASE)):
        return _matched_unit(match)
    if unit := parse_unit(text.strip("()[] ")):
        return unit._replace(text=text)
    return StatedUnit(1, text, "") if text.casefold() in (*_COUNT_WORDS, *_NO_AMOUNT) else None


def unit_in_title(title: str) -> StatedUnit | None:
    """Return the unit in a title for all money below it: `GP IT spend, £000`, `All figures in £m`; else None.

    The title must end with the unit, or begin with the figures in it. With two units, or a word such as `nearest`,
    `previous` or `not`, it states none.
    """
    text = _repair_signs(title).replace("_", " ")
    matches = list(re.finditer(_SCALE_IN_TITLE, text, re.IGNORECASE)) if _POSSIBLE_UNIT.search(text) else []
    if len(matches) != 1 or _OTHER_SENSE.search(text) or not re.fullmatch(_TITLE_STATES, text.strip(), re.IGNORECASE):
        return None
    return StatedUnit(_factor(matches[0]["scale"]), matches[0][0].strip(), "£")


def is_vague(text: str) -> bool:
    """Return whether a title, note or name mentions a scale or another unit, but not which figures are in it.

    `Figures in thousands` and `figures in pence` are vague; a title that `unit_in_title` understands is not.
    """
    text = _repair_signs(text).replace("_", " ")
    patterns = (_SCALE_BESIDE_FIGURES, _SCALE_IN_TITLE, _OTHER_UNIT_OF_FIGURES) if _POSSIBLE_SCALE.search(text) else ()
    is_scale = _ODD_SCALE.fullmatch(text.strip()) or any(
        re.search(pattern, text, re.IGNORECASE) for pattern in patterns
    )
    return bool(is_scale) and not unit_in_title(text)


def scale_figure(number: float, factor: int | Fraction) -> float:
    """Multiply a figure by a factor, exactly in decimals: 4.35 in £k is £4,350, not a fraction of a penny less."""
    return number if factor == 1 else float(Fraction(repr(number)) * factor)


def _is_harmless_outside(word: str) -> bool:
    """Return whether a word outside brackets is not a unit: it is neither a scale nor has a money sign."""
    is_scale = word in _SCALES_AFTER_POUNDS and word != "b"  # Part B
    return not is_scale and word not in _OTHER_UNITS and not any(sign in word for sign in "£€$%‰")


def _combine_units(units: list[StatedUnit]) -> tuple[StatedUnit | None, str]:
    """Return one unit for several, such as `£` and `000s`, or None and their texts if they contradict each other.

    It is the one with the largest factor, with the measure that any of them states; None and an empty text without
    units.
    """
    scales = {unit.factor for unit in units} - {1}
    measures: set[Measure] = {unit.measure for unit in units if unit.measure}
    if len(scales) > 1 or len(measures) > 1:
        return None, " and ".join(unit.text for unit in units)
    largest = max(units, key=lambda unit: unit.factor, default=None)
    return (largest._replace(measure=next(iter(measures), "")) if largest else None), ""


def _matched_unit(match: re.Match[str]) -> StatedUnit:
    """Return the unit that a match of a pattern for units states: its factor, its text and what it measures."""
    parts = match.groupdict()
    measure: Measure = "£" if parts.get("pounds") or parts.get("of_pounds") else ""
    if parts.get("people") or parts.get("of_people"):
        measure = "people"
    return StatedUnit(_factor(parts.get("scale") or parts.get("count") or ""), match[0].strip(" ,:–-()[]"), measure)


def _factor(scale: str) -> int:
    """Return the factor of a word for a scale, such as 1,000 for `k`; 1 for an empty text."""
    return _SCALES_AFTER_POUNDS[scale.casefold().lstrip("'")] if scale else 1


def _repair_signs(text: str) -> str:
    """Return a text with one kind of apostrophe, none before £, and with £ restored from UTF-8 that was misread."""
    if text.isascii() and "`" not in text:
        return text
    return re.sub("['\"](?=£)", "", re.sub("[’‘`´]", "'", text.replace("Â£", "£")))
