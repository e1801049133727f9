"""Codes of the Office for National Statistics, read as the codes that the NHS uses for the same organisations."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from gpit_fairshare.findings import FindingCode, Where
from gpit_fairshare.words import counted, listed

if TYPE_CHECKING:
    from gpit_fairshare.inputs.mergers.crosswalk import Crosswalk
    from gpit_fairshare.inputs.tables.rows import InputFile

_ONS_CODE = re.compile(r"E38[0-9]{6}")
"""CCGs, and the sub ICB locations that followed them."""
_SHOWN = 3


def translate_ons_codes(part: InputFile, crosswalk: Crosswalk, *, strict: bool) -> None:
    """Put the ODS code in the place of each known ONS code of a file, and say so once.

    Args:
        part: the file; its rows are replaced.
        crosswalk: what knows the codes.
        strict: whether codes that nobody knows are reported as faults anyway, later on.
    """
    known: dict[str, str] = {}
    unknown: dict[str, int] = {}
    for row in part.rows:
        if _ONS_CODE.fullmatch(row.code):
            ods = crosswalk.ods_code(row.code)
            if ods is None:
                unknown.setdefault(row.code, row.number)
            else:
                known[row.code] = ods
    if known:
        part.rows = [replace(row, code=known.get(row.code, row.code)) for row in part.rows]
        pairs = [f"{ons} as {ods}" for ons, ods in sorted(known.items())]
        part.findings.note(
            FindingCode.ONS_CODES,
            f"read {counted(len(known), 'ONS code')} as ODS codes: {listed(pairs, _SHOWN)}",
            at=Where(part.sheet.name, part.title("org_code")),
        )
    if unknown and not strict:
        part.findings.warning(
            FindingCode.ONS_CODES,
            f"no organisation is known by {'the ONS codes' if len(unknown) > 1 else 'the ONS code'} "
            f"{listed(sorted(unknown))}; such a code stays as it is",
            "a code from E38000001 to E38000265",
            "Check the code; write the ODS code if it is right",
            at=part.where(next(iter(unknown.values())), "org_code"),
        )
