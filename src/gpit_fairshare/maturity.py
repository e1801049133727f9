"""The Digital Primary Care Maturity Index: the scheme `maturity-index`, its CCGs and practices in order.

The index is worked out by the scheme; here are its files, and the order in which its results are told. Whoever has
no index, since nothing was answered, has a null in place of the scheme's nought, and no rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.allocation import allocate, base_name
from gpit_fairshare.errors import InputError
from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.run_options import MEGABYTES, Files, listed
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.inputs.model import InputSource

SCHEME: Final = "maturity-index"
JSON_SCHEMA: Final = "gpit-maturity/1"
_DIGITS: Final = 9
"""Decimal places to which two indices are one rank: beyond them is the noise of a division."""
_FEWEST: Final = 3
"""CCGs of which an order can be compared with another."""
_BESIDE: Final = frozenset(
    f"{whose}_{part}" for whose in ("org", "practice", "ccg", "parent") for part in ("code", "name")
) | {"year", "basis"}
"""Columns that say whose and when a row is: no indicator was meant by them."""


@dataclass(frozen=True, slots=True)
class Maturity:
    """The result of the scheme for one year, and what it comes to."""

    result: Result
    ccgs: pl.DataFrame
    """One row per CCG, the highest index first; `rank` and `maturity_index` are null where it has none, and
    `allocation_per_head` (£) where no allocation was given."""
    practices: pl.DataFrame
    """One row per practice, in the same way."""
    unused: tuple[Finding, ...] = ()
    """A warning for each file of answers that has headings which nothing uses."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return everything that was noticed about the files; unused headings of answers once, as a warning."""
        warned = {(finding.number, finding.file) for finding in self.unused}
        return (*self.unused, *(one for one in self.result.findings if (one.number, one.file) not in warned))

    @property
    def year(self) -> str:
        """Return the year of the index."""
        return self.result.scheme.years[0]

    @property
    def index(self) -> float | None:
        """Return the index of all practices, by list size; None if none has one."""
        return self._national("national_maturity_index") if self.ccgs["maturity_index"].count() else None

    @property
    def indicators_asked(self) -> int:
        """Return how many indicators have a weight."""
        return int(self._national("indicators_asked"))

    @property
    def without_index(self) -> int:
        """Return how many practices answered nothing themselves."""
        return int(self._national("practices_without_index"))

    @property
    def answered(self) -> int:
        """Return how many answers there are in all, those of a CCG once for each of its practices."""
        return int(self.practices["indicators_answered"].sum())

    def _national(self, name: str) -> float:
        return float(self.result.years[self.year].national(name))

    @property
    def rank_correlation(self) -> float | None:
        """Return Spearman's rank correlation of the CCGs' index and £ per head, from -1 to 1.

        It is below 0 where the less mature have more. None where fewer than three CCGs have both, or all are alike.
        """
        both = self.ccgs.drop_nulls(["maturity_index", "allocation_per_head"])
        columns = [both[name].round(_DIGITS) for name in ("maturity_index", "allocation_per_head")]
        if both.height < _FEWEST or any(column.n_unique() == 1 for column in columns):
            return None
        found = pl.select(pl.corr(*columns, method="spearman")).item()
        return round(float(found), _DIGITS)

    def document(self) -> dict[str, Any]:
        """Return all of it with stable keys, ready for JSON."""
        scheme = self.result.scheme
        return {
            "schema": JSON_SCHEMA,
            "scheme": scheme.name,
            "title": scheme.title,
            "year": self.year,
            "agrees": self.result.agrees,
            "maturity_index": self.index,
            "indicators_asked": self.indicators_asked,
            "indicators_answered": self.answered,
            "practices_without_index": self.without_index,
            "rank_correlation": self.rank_correlation,
            "ccgs": self.ccgs.to_dicts(),
            "practices": self.practices.to_dicts(),
            "findings": [finding.entry() for finding in self.findings],
            "manifest": dict(self.result.manifest),
        }


def assess(  # noqa: PLR0913  # the options of `gpit maturity`, all by name
    *,
    indicators: Files,
    ccg_indicators: Files = None,
    population: Files = None,
    allocation: Files = None,
    year: str | None = None,
    settings: Mapping[str, float | str] | None = None,
    mapping: Mapping[str, str] | None = None,
    units: Mapping[str, str] | None = None,
    leave_out: Sequence[str] = (),
    max_size: int = MEGABYTES,
) -> Maturity:
    """Work out the index of practices and CCGs.

    Args:
        indicators: File or files of practices: their answers, and `ccg_code` and `registered_population` if no
            other file gives them.
        ccg_indicators: File or files of CCGs: the answers of their survey.
        population: File or files of practices with their list sizes; it then says which practices there are.
        allocation: File or files of CCGs with the `allocation` that is shown beside the index.
        year: Another financial year than the scheme's.
        settings: Parameter values for this run.
        mapping: Headings of the files that are not recognised: `{"Heading": "column"}`.
        units: Units of columns, as the user knows them: `{"Heading": "£m"}`.
        leave_out: Codes of practices whose rows are left out.
        max_size: Megabytes that a file may hold, unpacked.

    Raises:
        GpitError: Something in the arguments or the files is wrong, or no practice answered anything itself; its
            text is one line.
    """
    inputs = [file for files in (indicators, ccg_indicators, allocation) for file in listed(files)]
    result = allocate(
        population=population,
        inputs=inputs,
        scheme=SCHEME,
        years=None if year is None else [year],
        options={"allocation": "--allocation", "": "--indicators"},
        settings=settings,
        mapping=mapping,
        units=units,
        leave_out=leave_out,
        max_size=max_size,
    )
    of_answers = {base_name(file) for files in (indicators, ccg_indicators) for file in listed(files)}
    unused = tuple(_unused(result, [one for one in result.inputs.sources if one.name in of_answers]))
    found = replace(of_result(result), unused=unused)
    if found.without_index == found.practices.height and found.indicators_asked:
        raise InputError([_nobody(result, unused), *found.findings])
    return found


def _unused(result: Result, sources: Sequence[InputSource]) -> list[Finding]:
    """Return a warning for each file with headings that nothing uses.

    Every indicator may be missing, so that nothing else tells a misspelt one from one that was not asked for.
    """
    used = result.inputs.columns
    open_ones = [name for name, column in used.items() if not column.file]
    found = []
    for source in sources:
        headings = [heading for heading, column in source.matched if column not in used and column not in _BESIDE]
        if headings:
            said = [f"'{one}'{_meant(one, open_ones)}" for one in headings]
            text = f"nothing uses {', '.join(said)}"
            remedy = "If one is an indicator, rename it, or say with --map 'HEADING=column' which it is"
            found.append(Finding(FindingCode.UNUSED, "warning", source.name, "", text, "", remedy))
    return found


def _meant(heading: str, names: Sequence[str]) -> str:
    near = nearest(heading.replace(" ", "_"), names, 1)
    return f" ({near.removeprefix('; ')})" if near else ""


def _nobody(result: Result, unused: Sequence[Finding]) -> Finding:
    """Return the fault that no practice answered anything that counts, with the columns that were looked for."""
    scheme, used = result.scheme, result.inputs.columns
    own = [one.name for one in scheme.inputs if f"{one.name}_weight" in scheme.parameters and not one.of]
    there = [name for name in own if used[name].file]
    if there:
        said = f"no practice answered any indicator that has a weight: {', '.join(there)} hold nothing that counts"
        code = FindingCode.BLANK
    else:
        said, code = "no file has an indicator that practices answer", FindingCode.MISSING_COLUMN
    slips = "".join(f"; {one.file}: {one.found}" for one in unused)
    expected = f"at least one of the columns {', '.join(own)}"
    remedy = "Rename the headings that are meant, or give --map 'HEADING=column'"
    return Finding(code, "error", "", "", said + slips, expected, remedy)


def of_result(result: Result) -> Maturity:
    """Return a result of the scheme with its CCGs and practices in order."""
    names = result.inputs.crosswalk.name
    rows = result.rows
    practices = _ranked(
        rows.select(
            "org_code",
            "org_name",
            "ccg_code",
            pl.when("has_index").then("maturity_index").alias("maturity_index"),
            pl.col("indicators_answered").cast(pl.Int64),
            "answered_share",
            "registered_population",
        )
    )
    of_ccg = rows.unique("ccg_code", maintain_order=True)
    codes = of_ccg["ccg_code"].to_list()
    ccgs = _ranked(
        of_ccg.select(
            pl.col("ccg_code").alias("org_code"),
            pl.Series("org_name", [names(code) for code in codes], pl.String),
            pl.when("ccg_has_index").then("ccg_maturity_index").alias("maturity_index"),
            pl.col("ccg_answered_share").alias("answered_share"),
            pl.col("ccg_practices").cast(pl.Int64).alias("practices"),
            pl.col("ccg_practices_with_index").cast(pl.Int64).alias("practices_with_index"),
            # Under a name of its own: a file of CCGs that is given to another run must not bring its people with it.
            "ccg_population",
            pl.when(pl.col("ccg_allocation_per_head") > 0).then("ccg_allocation_per_head").alias("allocation_per_head"),
        )
    )
    return Maturity(result, ccgs, practices)


def _ranked(table: pl.DataFrame) -> pl.DataFrame:
    """Put the highest index first, and what has none last; those that tie share the better rank, by code."""
    rank = pl.col("maturity_index").round(_DIGITS).rank("min", descending=True).cast(pl.Int64)
    order = ["org_code", "org_name", "rank"]
    return table.with_columns(rank=rank).sort("rank", "org_code", nulls_last=True).select(*order, pl.exclude(order))
