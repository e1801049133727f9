"""Footnote marks in cells: `Patients [note 1]`, `Cedar*`, `120000²`. A mark is not part of a cell's value.

Headings, names and years are read without their marks. Figures and codes with a mark are refused, because 10⁵ may be
a power and `XC3(1)` a code; `has_mark` recognises such codes. The reader of workbooks writes superscripts and
subscripts with special characters (`rich_text`), so the rules here apply to them, too.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN_RAISED = "0123456789abcdefghijklmnoprstuvwxyzABDEGHIJKLMNOPRTUVW+-=()"
_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂ⁺⁻⁼⁽⁾"
_PLAIN_LOWERED = "0123456789aehijklmnoprstuvx+-=()"
_LOWERED = "₀₁₂₃₄₅₆₇₈₉ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ₊₋₌₍₎"
_SIGNS = {
    # Unicode has no superscript C, F, S, X, Y, Z, so the small letter is used. It has no superscript q at all.
    "superscript": str.maketrans(_PLAIN_RAISED + "CFSXYZ", _RAISED + "ᶜᶠˢˣʸᶻ"),
    "subscript": str.maketrans(_PLAIN_LOWERED, _LOWERED),
}
_TO_PLAIN = str.maketrans(_RAISED, _PLAIN_RAISED)
_LETTERS_TO_PLAIN = {
    ord(special): plain
    for special, plain in zip(_RAISED + _LOWERED, _PLAIN_RAISED + _PLAIN_LOWERED, strict=True)
    if plain.isalpha()
}

_SYMBOLS = "*†‡§¶⁂※"
_NUMBER = "(?:[12]?[0-9])"
_WHICH = r"(?:(?:foot)?notes?\s*)?(?:[0-9]{1,2}|[a-z])(?![0-9a-z])"
_AND = r"\s*(?:,|;|&|\band\b|\bto\b|-|–)\s*"
_NOTE = (
    rf"(?:(?:see\s+)?(?:(?:foot)?notes?|fn)\.?\s*{_WHICH}(?:{_AND}{_WHICH})*"
    r"|see\s+(?:foot)?notes?(?:\s+(?:above|below))?)"
)
"""`note 1`, `see notes 2 and 3`, `footnote a`."""
_IN_BRACKETS = rf"[\[({{]\s*{_NOTE}\s*[\])}}]"
_STATUS = r"\[\s*(?:[eruxz]|low)\s*\]"
"""The marks of government statistics, such as `[r]` for revised, without those that may mean thousands (`[k]`) or
females (`[f]`)."""
_RAISED_RUN = rf"[{re.escape(_RAISED)}](?:[{re.escape(_RAISED)}\s,;.&*]*[{re.escape(_RAISED)}])?"
_RAISED_MARK = rf"(?:\[{_RAISED_RUN}\]|\({_RAISED_RUN}\)|{_RAISED_RUN})"
_CARET_MARK = r"\^\s?(?:[0-9]{1,2}|[a-z])(?![0-9a-z])"
_IS_MARK = (
    rf"[\[(]?\s*(?:{_NOTE}"
    r"|(?:[0-9]{1,2}|[a-z])(?:[\s,;.&]+(?:[0-9]{1,2}|[a-z])|(?<=[0-9])[a-z]|(?<=[a-z])[0-9]{1,2})*)[\s*]*[\])]?"
)
"""Superscripts that are a mark: `2`, `1,2`, `a`, `[note 1]`; not the ends of 1st and EMIS™."""
_POWER = r"(?:^|[^0-9A-Za-z£])(?:[kcm]?m|ft|[a-zRχσ])\^?[23²³]$|(?:^|[^0-9])10\^?[0-9⁰¹²³⁴-⁹]+$"
"""A superscript number that is not a mark: m², 10³, R²."""
_POSSIBLE_MARK = re.compile(rf"[\[{{^{_SYMBOLS}{_RAISED}]|note|fn|see", re.IGNORECASE)
"""What every mark of a heading or text has. Few have it, so the long patterns below are compiled when they are used."""
_EDGE = r"(?=\s|$|[()\[\],:;])"
_HEADING_MARK = (
    rf"\s*(?:{_IN_BRACKETS}|{_STATUS}|[\[(]\s*[{_SYMBOLS}]+\s*[\])])"
    rf"|(?<=[^\s(\[])[{_SYMBOLS}]+{_EDGE}|\s+[{_SYMBOLS}]+(?=\s*(?:$|[(\[,;]))|^\s*[{_SYMBOLS}]+\s*(?=\w)"
    rf"|\s*[,;:–-]?\s+{_NOTE}\s*(?=$|[)\]])"
    rf"|(?P<power>\s*(?:{_RAISED_MARK}|{_CARET_MARK}))"
)
_TEXT_MARK = (
    rf"(?:\s*(?:{_IN_BRACKETS}|{_STATUS}|\[\s*{_NUMBER}\s*\]|[,;]\s+{_NOTE})|(?:(?<=\w\w\w)|(?<=[)\]]))\s*[{_SYMBOLS}]+"
    rf"|(?P<power>\s*(?:{_RAISED_MARK}|{_CARET_MARK})))\s*$"
)
"""A mark at the end of a name; `A*` and `5*` may be grades."""
_YEAR_MARK = (
    rf"\s*(?:{_IN_BRACKETS}|[,;]?\s+{_NOTE}|[\[({{]\s*(?:[a-z]|low|{_NUMBER}(?:{_AND}{_NUMBER})*)\s*[\])}}]|[{_SYMBOLS}]+"
    rf"|{_RAISED_MARK}|{_CARET_MARK}|(?:(?<=\s)[0-9]|[a-z])\))\s*$"
)
_CODE_MARK = (
    rf"[{_SYMBOLS}#^~°•\[\]{{}}<>]|[{re.escape(_RAISED + _LOWERED)}ªº]"
    r"|\(\s*(?:[0-9]{1,2}|[a-z]|(?:see\s|(?:foot)?note|fn\b|rev|prov|est).*)\s*\)\s*$|^\(\s*(?:[0-9]{1,2}|[a-z])\s*\)"
    rf"|[\s,;:–-]{_NOTE}\s*$|\s[0-9a-z]\)$"
)
_NUMBER_AT_END = (
    rf"\s*(?:(?P<square>[\[{{]\s*{_NUMBER}(?:{_AND}{_NUMBER})*\s*[\]}}])"
    rf"|\(\s*{_NUMBER}\s*\)|(?P<half>\s{_NUMBER}\)))\s*$"
)
_LONGEST = 300
"""Most characters of a heading; in longer texts no marks are searched for."""
_PLAIN_CODE = re.compile(r"[0-9A-Za-z]+")

_OF_PROGRAMS = "null none nil nan na blank empty noname novalue nodata error undefined"
"""Words that databases, pandas, R, pivot tables and Excel write for a missing value."""
_OF_RETURNS = """
    unknown unk unkn nk notknown notyetknown dk dontknow tbc tba tbd tobeconfirmed tobeadvised tobeagreed tobeallocated
    tobeassigned tobedetermined tofollow codetofollow pending awaited awaiting awaitingcode missing missingcode
    codemissing nocode nocodeyet unknowncode codeunknown codenotknown invalid invalidcode notvalid notapplicable
    notavailable notallocated notassigned notstated notspecified notrecorded notgiven notprovided notsupplied notfound
    notmapped notmatched notcoded nomatch unallocated unassigned unattributed unattributable unmapped unmatched
    unspecified uncoded unregistered unidentified dummy placeholder other others various misc miscellaneous
"""
"""Words for people and money without an organisation, or without one yet."""
_NO_CODES = frozenset(f"{_OF_PROGRAMS} {_OF_RETURNS}".split())
"""Words for a missing code, without capitals, spaces and punctuation. No CCG, ICB, trust or practice has the code NA,
NK or TBC. REF, from Excel's error #REF!, is the code of a trust, so only #REF! is recognised."""
_NO_CODES_BEGIN = ("unknown", "unallocated", "unassigned", "unattributed", "unregistered", "notknown", "notapplicable")
_NO_CODE = re.compile(r"[\[(<{].*[\])>}]|[#\\].*|0|x{2,9}", re.IGNORECASE)
"""`(blank)`, `<NA>`, `[x]`, `#N/A`, `\\N`; the 0 of a formula that refers to a blank cell."""


def rich_text(parts: Sequence[tuple[str, str]]) -> str | None:
    """Return the text of a cell with special characters for superscripts and subscripts; None if it has one kind only.

    calamine joins a superscript 2 to the figure before it, as in `1200002`. Here it becomes `²`, so that `120000²` is
    refused as a figure and the mark does not change the value. A cell that is all normal, or all superscript, has
    nothing to keep apart, and is read without change.

    Args:
        parts: each part and its position: `superscript`, `subscript`, or anything else for normal text.
    """
    positions = {position if position in _SIGNS else "" for text, position in parts if text.strip()}
    if len(positions) < 2:
        return None
    return "".join(_raise_or_lower(text, position) if position in _SIGNS else text for text, position in parts)


def _raise_or_lower(text: str, position: str) -> str:
    """Return a text in superscript or subscript characters, or after a caret if a letter has no such character."""
    special = text.translate(_SIGNS[position])
    has_none = any(before == after and before.isalnum() for before, after in zip(text, special, strict=True))
    return f"^{text}" if has_none else special


@lru_cache(maxsize=4096)
def bare_heading(heading: str) -> str:
    """Return a heading without its footnote marks, at any position: `Spend [note 2] (£000)` is `Spend (£000)`.

    Plain numbers in brackets stay; `without_number` removes them if that is safe. Powers (m²) stay, too, and so do a
    heading that is only a mark and a text of more than 300 characters.
    """
    if len(heading) > _LONGEST or not _POSSIBLE_MARK.search(heading):
        return heading
    words = " ".join(heading.split())
    text = " ".join(_remove_marks(_HEADING_MARK, words).split())
    return (text.rstrip(" ,;:–-") or heading) if text != words else heading


def without_number(heading: str) -> tuple[str, bool]:
    """Return a heading without a number in brackets at its end, and whether such a number can only be a mark.

    `Patients [1]` almost certainly has a mark, because the brackets are square; `Score (1)` may be the first of several
    scores. A heading without such a number, or with nothing else, is returned unchanged, with False.
    """
    match = re.search(_NUMBER_AT_END, heading) if heading.rstrip()[-1:] in (")", "]", "}") else None
    if not match or not heading[: match.start()].strip() or (match["half"] and "(" in heading):
        return heading, False
    return heading[: match.start()].rstrip(" ,;:–-"), match["square"] is not None


def bare_text(text: str) -> tuple[str, bool]:
    """Return a name or another text without the footnote mark at its end, and whether it had one.

    Superscript letters that are not a mark become normal letters: those of 1st.
    """
    is_plain = text[-1:].isalnum() and "^" not in text and "," not in text
    if text.isascii() and (is_plain or not _POSSIBLE_MARK.search(text)):
        return text, False
    bare = _remove_marks(_TEXT_MARK, text) or text
    # Superscript letters in words, as in 1st, become normal letters.
    return bare if bare.isascii() else bare.translate(_LETTERS_TO_PLAIN), bare != text


def bare_year(text: str) -> str:
    """Return the text of a year without the footnote mark at its end."""
    return _remove_marks(_YEAR_MARK, text.strip()) if len(text) < _LONGEST else text


def has_mark(code: str) -> bool:
    """Return whether a code contains a footnote mark."""
    return not _PLAIN_CODE.fullmatch(code) and bool(re.search(_CODE_MARK, code[:_LONGEST].strip(), re.IGNORECASE))


def is_no_code(text: str) -> bool:
    """Return whether a text means a missing code: `NULL`, `n/k`, `TBC`, `(blank)`, `#N/A`, `0`, `Unknown 1`."""
    if text.isascii() and text.isalnum() and not text[:7].isalpha():  # as nearly all codes are
        return text == "0"
    if _NO_CODE.fullmatch(text.strip()):
        return True
    word = "".join(filter(str.isalnum, unicodedata.normalize("NFKC", text).casefold()))
    return len(word) > 1 and (word in _NO_CODES or word.startswith(_NO_CODES_BEGIN))


def _remove_marks(mark: str, text: str) -> str:
    """Return a text without the footnote marks that a pattern matches, and without spaces around it; m² stays."""
    before = ""
    while text != before:
        before, text = text, re.sub(mark, _replace_mark, text, flags=re.IGNORECASE).strip()
    return text


def _replace_mark(match: re.Match[str]) -> str:
    """Return the replacement for a possible footnote mark: empty, or itself for a power (m²) or the st of 1st."""
    signs = match.groupdict().get("power")
    if signs is None:
        return ""
    plain = signs.strip().lstrip("^").translate(_TO_PLAIN)
    is_power = plain.isdigit() and re.search(_POWER, match.string[: match.end()])
    return match[0] if is_power or not re.fullmatch(_IS_MARK, plain, re.IGNORECASE) else ""
