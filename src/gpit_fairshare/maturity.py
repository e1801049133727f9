"""The Digital Primary Care Maturity Index: the scheme `maturity-index`, with its CCGs and practices by rank.

The scheme calculates the index; this module reads its files and ranks its results. CCGs and practices without
answers have no index: null instead of the scheme's 0, and no rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import polars as pl

from gpit_fairshare.allocation import allocate, base_name
from gpit_fairshare.errors import InputError
from gpit_fairshare.findings import Finding, FindingCode
from gpit_fairshare.presentation import short_repr
from gpit_fairshare.run_options import MEGABYTES, Files, listed
from gpit_fairshare.words import nearest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gpit_fairshare.engine import Result
    from gpit_fairshare.inputs.model import InputSource

SCHEME: Final = "maturity-index"
JSON_SCHEMA: Final = "gpit-maturity/1"
_DIGITS: Final = 9
"""Decimal places used to rank: further digits are noise of a division."""
_FEWEST: Final = 3
"""Fewest CCGs for which a rank correlation is calculated."""
_KEY_COLUMNS: Final = frozenset(
    f"{owner}_{part}" for owner in ("org", "practice", "ccg", "parent") for part in ("code", "name")
) | {"year", "basis"}
"""Columns that identify a row; they are never misspelt indicators."""


@short_repr
@dataclass(frozen=True, slots=True)
class Maturity:
    """The result of the scheme for one year, with CCGs and practices ranked."""

    result: Result
    ccgs: pl.DataFrame
    """One row per CCG, the highest index first; `rank` and `maturity_index` are null if it has none, and
    `allocation_per_head` (£) if no allocation was given."""
    practices: pl.DataFrame
    """One row per practice, sorted the same way."""
    unused: tuple[Finding, ...] = ()
    """A warning for each file of answers with columns that are not used."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return all findings about the files; unused columns of answers only once, as a warning."""
        warned = {(finding.number, finding.file) for finding in self.unused}
        others = (finding for finding in self.result.findings if (finding.number, finding.file) not in warned)
        return (*self.unused, *others)

    @property
    def year(self) -> str:
        """Return the year of the index."""
        return self.result.scheme.years[0]

    @property
    def index(self) -> float | None:
        """Return the index of all practices, weighted by list size; None if none has one."""
        return self._national("national_maturity_index") if self.ccgs["maturity_index"].count() else None

    @property
    def indicators_asked(self) -> int:
        """Return how many indicators have a weight."""
        return int(self._national("indicators_asked"))

    @property
    def without_index(self) -> int:
        """Return how many practices gave no answers themselves."""
        return int(self._national("practices_without_index"))

    @property
    def answered(self) -> int:
        """Return the number of answers; an answer of a CCG counts once for each of its practices."""
        return int(self.practices["indicators_answered"].sum())

    def _national(self, name: str) -> float:
        """Return the value of a national step in the year of the index."""
        return float(self.result.years[self.year].national(name))

    @property
    def rank_correlation(self) -> float | None:
        """Return Spearman's rank correlation of the CCGs' index and £ per head, from -1 to 1.

        It is negative if less mature CCGs have more. None if fewer than three CCGs have both, or if all of these have
        the same index or the same £ per head.
        """
        ranked_ccgs = self.ccgs.drop_nulls(["maturity_index", "allocation_per_head"])
        columns = [ranked_ccgs[name].round(_DIGITS) for name in ("maturity_index", "allocation_per_head")]
        if ranked_ccgs.height < _FEWEST or any(column.n_unique() == 1 for column in columns):
            return None
        correlation = pl.select(pl.corr(*columns, method="spearman")).item()
        return round(float(correlation), _DIGITS)

    def document(self) -> dict[str, Any]:
        """Return the index, the ranked CCGs and practices, the findings and the manifest, for JSON."""
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
    """Calculate the index of practices and CCGs by the scheme `maturity-index`, and rank them.

    The result also has a warning for each file of answers with columns that are not used.

    Args:
        indicators: File or files of practices: their answers, and `ccg_code` and `registered_population` if no
            other file has them.
        ccg_indicators: File or files of CCGs: their answers to the survey.
        population: File or files of practices with their list sizes; it then decides which practices are included.
        allocation: File or files of CCGs with the `allocation` to show with the index.
        year: Financial year instead of the scheme's.
        settings: Parameter values for this run.
        mapping: Headings of the files that are not recognised: `{"Heading": "column"}`.
        units: Units of columns, where the user knows them: `{"Heading": "£m"}`.
        leave_out: Codes of practices to exclude.
        max_size: Largest file to read, in megabytes after unpacking.

    Raises:
        InputError: No practice answered an indicator that has a weight.
    """
    answers = [*listed(indicators, "indicators"), *listed(ccg_indicators, "ccg_indicators")]
    inputs = [*answers, *listed(allocation, "allocation")]
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
    answer_files = {base_name(source) for source in answers}
    unused = tuple(_warn_of_unused(result, [source for source in result.inputs.sources if source.name in answer_files]))
    maturity = replace(rank_result(result), unused=unused)
    if maturity.without_index == maturity.practices.height and maturity.indicators_asked:
        raise InputError([_no_answers_error(result, unused), *maturity.findings])
    return maturity


def _warn_of_unused(result: Result, sources: Sequence[InputSource]) -> list[Finding]:
    """Return a warning for each file of answers in `sources` with columns that are not used.

    It suggests the missing column with the most similar name, because every indicator is optional: a misspelt heading
    would otherwise look like a question that was not asked. Columns that identify a row, such as codes, names and the
    year, are not reported.
    """
    used = result.inputs.columns
    missing_columns = [name for name, column in used.items() if not column.file]
    findings = []
    for source in sources:
        headings = [heading for heading, column in source.matched if column not in used and column not in _KEY_COLUMNS]
        if headings:
            quoted = [f"'{heading}'{_suggestion(heading, missing_columns)}" for heading in headings]
            text = f"columns not used: {', '.join(quoted)}"
            remedy = "If one is an indicator, rename its heading or use --map 'HEADING=column'"
            findings.append(Finding(FindingCode.UNUSED, "warning", source.name, "", text, "", remedy))
    return findings


def _suggestion(heading: str, names: Sequence[str]) -> str:
    """Return the name that is most like a heading, in brackets; empty if none is."""
    near = nearest(heading.replace(" ", "_"), names, 1)
    return f" ({near.removeprefix('; ')})" if near else ""


def _no_answers_error(result: Result, unused: Sequence[Finding]) -> Finding:
    """Return the error that no practice answered an indicator with a weight, with the columns looked for.

    Either the columns of such indicators are blank, or no file has one. Columns that are not used (`unused`) are listed
    too.
    """
    scheme, used = result.scheme, result.inputs.columns
    asked = [symbol.name for symbol in scheme.inputs if f"{symbol.name}_weight" in scheme.parameters and not symbol.of]
    present = [name for name in asked if used[name].file]
    if present:
        problem = f"no practice answered an indicator that has a weight; columns read: {', '.join(present)}"
        code = FindingCode.BLANK
    else:
        problem, code = "no file has an indicator that practices answer", FindingCode.MISSING_COLUMN
    unused_headings = "".join(f"; {finding.file}: {finding.found}" for finding in unused)
    expected = f"at least one of the columns {', '.join(asked)}"
    remedy = "Rename the headings of the indicators, or use --map 'HEADING=column'"
    return Finding(code, "error", "", "", problem + unused_headings, expected, remedy)


def rank_result(result: Result) -> Maturity:
    """Return a result of the scheme with its CCGs and practices by rank, as `Maturity`.

    Those without answers get null as index and rank, and a CCG without an allocation above 0 gets null as £ per head.
    """
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
            # Not called `registered_population`: another run that reads a file of CCGs must not take it as population.
            "ccg_population",
            pl.when(pl.col("ccg_allocation_per_head") > 0).then("ccg_allocation_per_head").alias("allocation_per_head"),
        )
    )
    return Maturity(result, ccgs, practices)


def _ranked(table: pl.DataFrame) -> pl.DataFrame:
    """Return a table by rank: the highest index first, rows without one last; ties share the better rank, by code.

    Differences beyond nine decimals count as ties. Code, name and rank become the first columns.
    """
    rank = pl.col("maturity_index").round(_DIGITS).rank("min", descending=True).cast(pl.Int64)
    order = ["org_code", "org_name", "rank"]
    return table.with_columns(rank=rank).sort("rank", "org_code", nulls_last=True).select(*order, pl.exclude(order))
