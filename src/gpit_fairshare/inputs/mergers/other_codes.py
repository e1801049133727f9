"""Codes that another file writes differently: ONS codes read as those of the NHS, and codes that may be meant."""

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
_MOST_SLIPS: Final = 300
"""Codes that only the other file has, above which the files are of different organisations."""
_MOST_NAMED: Final = 3
"""Candidates for one code, above which none is likely."""
_SIMILAR: Final = 0.6
"""Ratio of `difflib` above which two names may be those of one organisation."""
_KIND = re.compile(r"\b(?:nhs|ccgs?|icbs?|clinical commissioning groups?|integrated care boards?|the)\b", re.IGNORECASE)


def translate_ons_codes(file: InputFile, crosswalk: Crosswalk, *, strict: bool) -> None:
    """Put the ODS code in the place of each known ONS code of a file, and report it once.

    Args:
        file: the file; its rows are replaced.
        crosswalk: the known codes.
        strict: whether unknown codes are reported as faults later anyway.
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
            f"no organisation is known by {'the ONS codes' if len(unknown) > 1 else 'the ONS code'} "
            f"{listed(sorted(unknown))}; such a code stays as it is",
            "a code from E38000001 to E38000265",
            "Check the code; write the ODS code if it is right",
            at=file.where(next(iter(unknown.values())), "org_code"),
        )


def counterparts(code: str, name: str, others: Mapping[str, str]) -> list[str]:
    """Return the codes of another file that may be meant by a code; none if there are too many.

    Args:
        code: a code that the other file lacks.
        name: its name, empty if no file says it.
        others: name by code of the organisations that only the other file has; names may be empty.
    """
    if len(others) > _MOST_SLIPS:
        return []
    bare = bare_name(name)
    likely = [other for other, other_name in others.items() if bare and bare_name(other_name) == bare]
    likely = likely or [
        other
        for other, other_name in others.items()
        if is_one_letter_apart(code, other) and _is_possible_match(bare, bare_name(other_name))
    ]
    return sorted(likely) if len(likely) <= _MOST_NAMED else []


@lru_cache(maxsize=2 * _MOST_SLIPS)
def bare_name(name: str) -> str:
    """Return a name without case and punctuation, and without the kind of organisation: NHS, CCG, ICB."""
    words = _KIND.sub(" ", name.replace("&", " and "))
    return " ".join(re.sub(r"[\W_]+", " ", words).casefold().split())


def is_one_letter_apart(code: str, other: str) -> bool:
    """Return whether one letter or digit changed, added or left out makes one code of the other."""
    if code == other or abs(len(code) - len(other)) > 1:
        return False
    pairs = enumerate(zip(code, other, strict=False))
    position = next((position for position, (mine, theirs) in pairs if mine != theirs), min(len(code), len(other)))
    return code[position + 1 :] in (other[position + 1 :], other[position:]) or code[position:] == other[position + 1 :]


def _is_possible_match(name: str, other: str) -> bool:
    return not (name and other) or SequenceMatcher(None, name, other).ratio() > _SIMILAR
