"""Codes that another file writes differently: ONS codes read as ODS codes, and suggestions for misspelt codes."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import SequenceMatcher
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk
    from gpit_fairshare.inputs.tables.rows import InputFile

_ONS_CODE = re.compile(r"E38[0-9]{6}")
"""CCGs, and the sub ICB locations that followed them."""
_MOST_EXAMPLES = 3
_MOST_MISSPELT: Final = 300
"""Most codes that only the other file has; if there are more, the files are about different organisations."""
_MOST_NAMED: Final = 3
"""Most candidates for one code; if there are more, none is likely."""
_SIMILAR: Final = 0.6
"""Ratio of `difflib` above which two names may belong to the same organisation."""
_KIND = re.compile(r"\b(?:nhs|ccgs?|icbs?|clinical commissioning groups?|integrated care boards?|the)\b", re.IGNORECASE)


def translate_ons_codes(file: InputFile, crosswalk: Crosswalk, *, strict: bool) -> None:
    """Replace each known ONS code in the rows of a file by the ODS code, and report how many were replaced.

    Args:
        file: the file; its rows are replaced.
        crosswalk: the known codes.
        strict: whether unknown codes become errors in a later check; if not, they are a warning here.
    """
    ods_codes: dict[str, str] = {}
    unknown: dict[str, int] = {}
    for row in file.rows:
        if _ONS_CODE.fullmatch(row.code):
            ods = crosswalk.ods_code(row.code)
            if ods is None:
                unknown.setdefault(row.code, row.number)
            else:
                ods_codes[row.code] = ods
    if ods_codes:
        file.rows = [replace(row, code=ods_codes.get(row.code, row.code)) for row in file.rows]
        pairs = [f"{ons} as {ods}" for ons, ods in sorted(ods_codes.items())]
        file.findings.note(
            FindingCode.ONS_CODES,
            f"read {counted(len(ods_codes), 'ONS code')} as ODS codes: {listed(pairs, _MOST_EXAMPLES)}",
            at=Where(file.sheet.name, file.title("org_code")),
        )
    if unknown and not strict:
        file.findings.warning(
            FindingCode.ONS_CODES,
            f"{'ONS codes' if len(unknown) > 1 else 'ONS code'} {listed(sorted(unknown))} "
            f"{'are not known, so they stay' if len(unknown) > 1 else 'is not known, so it stays'} unchanged",
            "a code from E38000001 to E38000265",
            "Check the code; if it is right, write the ODS code instead",
            at=file.where(next(iter(unknown.values())), "org_code"),
        )


def counterparts(code: str, name: str, others: Mapping[str, str]) -> list[str]:
    """Return the codes of another file that a code may be a misspelling of, sorted; none if there are too many.

    These are the codes with the same name, apart from words such as NHS and CCG. If there are none, they are the codes
    with one letter or digit changed, added or missing, and a similar or unknown name. Too many are more than three, or
    more than 300 `others`.

    Args:
        code: a code that the other file lacks.
        name: its name; empty if no file has it.
        others: name by code of the organisations that only the other file has; names may be empty.
    """
    if len(others) > _MOST_MISSPELT:
        return []
    bare = bare_name(name)
    likely = [other for other, other_name in others.items() if bare and bare_name(other_name) == bare]
    likely = likely or [
        other
        for other, other_name in others.items()
        if is_one_letter_apart(code, other) and _is_possible_match(bare, bare_name(other_name))
    ]
    return sorted(likely) if len(likely) <= _MOST_NAMED else []


@lru_cache(maxsize=2 * _MOST_MISSPELT)
def bare_name(name: str) -> str:
    """Return a name in lower case, without punctuation and without the kind of organisation: NHS, CCG, ICB."""
    words = _KIND.sub(" ", name.replace("&", " and "))
    return " ".join(re.sub(r"[\W_]+", " ", words).casefold().split())


def is_one_letter_apart(code: str, other: str) -> bool:
    """Return whether codes differ by one letter or digit that is changed, added or missing."""
    if code == other or abs(len(code) - len(other)) > 1:
        return False
    pairs = enumerate(zip(code, other, strict=False))
    position = next((position for position, (mine, theirs) in pairs if mine != theirs), min(len(code), len(other)))
    return code[position + 1 :] in (other[position + 1 :], other[position:]) or code[position:] == other[position + 1 :]


def _is_possible_match(name: str, other: str) -> bool:
    """Return whether two names are similar, or one of them is empty."""
    return not (name and other) or SequenceMatcher(None, name, other).ratio() > _SIMILAR
