"""The content of a result file that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from gpit_fairshare.engine import Result, calculate
from gpit_fairshare.errors import GpitError, SchemeError, UsageError
from gpit_fairshare.inputs.mergers.crosswalk import packaged_crosswalk
from gpit_fairshare.inputs.model import AppliedUnit, InputColumn, Inputs, InputSource
from gpit_fairshare.language.plugin_functions import find_function
from gpit_fairshare.presentation import short_repr
from gpit_fairshare.scheme.definition import defined
from gpit_fairshare.words import one_line

if TYPE_CHECKING:
    from gpit_fairshare.scheme.model import Scheme

KEYS = ("year", "org_code")

Origins = Mapping[tuple[str, str, str], str]
"""Maps (year, org_code, column) of an input to the file and row or cell that it came from."""


@short_repr
@dataclass(frozen=True)
class Record:
    """A result as read from its file."""

    name: str
    """Base name of the file, or name of the run."""
    rows: pl.DataFrame
    """The tidy table: one row per year and organisation, by year and code. Keys are texts, figures floats,
    yes/no columns booleans; a blank is null."""
    answer: str
    """Name of the column that is the answer: the scheme's `result`; for a table without a manifest `allocation`
    or, if it has no such column, an empty text."""
    manifest: Mapping[str, Any] | None = None
    """None for a table that has no manifest in its folder."""
    scheme: Scheme | None = None
    """The rule, with the parameters that the file has now; None without a manifest."""
    inputs: Inputs | None = None
    """The inputs that the file has now; None without a manifest."""

    @property
    def years(self) -> list[str]:
        """Return the years of the rows, in order."""
        return sorted(set(self.rows["year"].to_list()))

    @property
    def organisation(self) -> str:
        """Return the noun for a row, such as `CCG`; `organisation` if there is no scheme."""
        return self.scheme.organisation if self.scheme else "organisation"

    @property
    def labels(self) -> dict[str, str]:
        """Return the label of every column of figures and texts, in order, the answer last."""
        labels = self.scheme.labels if self.scheme else {}
        names = [name for name in self.rows.columns if name not in (*KEYS, "org_name")]
        return {name: labels.get(name, name.replace("_", " ").capitalize()) for name in names}

    def calculate(self) -> Result:
        """Calculate the result again from the file's own rule, parameters and inputs; any error then names the file.

        Raises:
            UsageError: The file does not hold its rule.
        """
        if self.scheme is None or self.inputs is None:
            raise UsageError(
                f"{self.name}: has rows, but not the rule that gives them; use the workbook or the JSON document, "
                "or write the table with --manifest"
            )
        try:
            return calculate(self.scheme, self.inputs)
        except GpitError as fault:
            raise type(fault)(f"{self.name}: {fault}") from None


def record_of(result: Result, name: str) -> Record:
    """Return a finished run as a record with a name."""
    return Record(name, result.rows, result.scheme.result, result.manifest, result.scheme, result.inputs)


class StrictModel(BaseModel):
    """A part of a manifest, read strictly: no value is converted to another type."""

    model_config = ConfigDict(strict=True)


class _ComparedFinding(StrictModel):
    number: str
    level: str
    file: str
    place: str
    found: str


class ManifestInput(StrictModel):
    """An input file of the run."""

    role: str
    file: str
    sheet: str
    sha256: str


class _ComparedManifest(StrictModel):
    """The part of a manifest that is compared with other results."""

    gpit: str
    libraries: dict[str, str]
    boundaries: str | None
    crosswalk: list[dict[str, Any]]
    illustrative: list[str]
    draft: list[str] = []
    parameters: list[dict[str, Any]]
    inputs: list[ManifestInput]
    findings: list[_ComparedFinding]
    checks: list[dict[str, Any]]


def scheme_of(manifest: Mapping[str, Any], name: str) -> Scheme:
    """Return the scheme that a manifest holds; it is refused if its plug-in functions are not installed as in the run.

    Args:
        manifest: The manifest of a result.
        name: Name of the file, for messages.

    Raises:
        SchemeError: It holds no scheme that gpit can read.
    """
    try:
        _ComparedManifest.model_validate(dict(manifest))
        _check_functions(manifest, name)
        head = manifest["scheme"]
        files = tuple((str(file["file"]), str(file["sha256"])) for file in head["files"])
        return defined(manifest["definition"], files, str(head["digest"]), name)
    except ValidationError as fault:
        error = fault.errors()[0]
        entry = ".".join(str(part) for part in error["loc"])
        raise SchemeError(manifest_problem(name, one_line(f"{entry}: {error['msg'].lower()}", 200))) from None
    except (KeyError, TypeError, AttributeError, ValueError) as fault:
        raise SchemeError(manifest_problem(name, fault)) from None


def _check_functions(manifest: Mapping[str, Any], name: str) -> None:
    """Check that the installed plug-in functions are those of the run; others would not reproduce its figures.

    Raises:
        UsageError: A function is not installed, or is a different one.
    """
    for entry in manifest.get("plugins", ()):
        if entry["kind"] != "function":
            continue
        label = f"the function {entry['name']} of {entry['package']} {entry['version']}"
        installed = find_function(entry["name"])
        if installed is None:
            raise UsageError(f"{name}: was made with {label}, which is not installed or not allowed; install it")
        plugin = installed.plugin
        if plugin.digest() != entry["digest"]:
            raise UsageError(
                f"{name}: was made with {label}, but {plugin.package} {plugin.version} has a different one; "
                "install the version of the run, or run gpit allocate again"
            )


def manifest_problem(name: str, fault: object) -> str:
    """Return the message about a manifest with missing or unexpected entries."""
    return f"{name}: its manifest is not as this version of gpit writes it ({fault}); run gpit allocate again"


def _input_source(entry: Mapping[str, Any]) -> InputSource:
    """Return the source of an input, from its entry in a manifest."""
    units = tuple(AppliedUnit(**unit) for unit in entry.get("units", ()))
    return InputSource(**{**entry, "matched": (), "units": units})


def inputs_of(manifest: Mapping[str, Any], scheme: Scheme, rows: pl.DataFrame, origins: Origins, name: str) -> Inputs:
    """Return the inputs that the rows of a result hold: the columns that are not steps, year by year.

    The manifest gives the files, the crosswalk and the notes on illustrative spend. Lines of spend, findings and
    restatements are left empty.

    Args:
        manifest: The manifest of the result.
        scheme: Its scheme.
        rows: Its tidy table.
        origins: The file and row or cell of each input.
        name: Name of the file, for messages.

    Raises:
        SchemeError: The manifest is not as gpit writes it.
    """
    no_inputs = {*KEYS, "org_name", *(step.name for step in scheme.steps)}
    columns = ["org_code", "org_name", *(column for column in rows.columns if column not in no_inputs)]
    try:
        crosswalk = packaged_crosswalk().with_rows(manifest["crosswalk"])
        columns_by_name = {column["name"]: InputColumn(**column) for column in manifest["columns"]}
        sources = tuple(_input_source(entry) for entry in manifest["inputs"])
        illustrative = tuple(str(sentence) for sentence in manifest["illustrative"])
    except (KeyError, TypeError, ValueError) as fault:
        raise SchemeError(manifest_problem(name, fault)) from None
    return Inputs(
        years=scheme.years,
        tables={
            year: rows.filter(pl.col("year") == year)
            .select(columns)
            .sort("org_code")
            .with_columns(pl.col("org_name").fill_null(""))
            for year in scheme.years
        },
        columns={column: columns_by_name[column] for column in columns if column in columns_by_name},
        lines=None,
        origins=dict(origins),
        sources=sources,
        findings=(),
        illustrative=illustrative,
        restated=(),
        crosswalk=crosswalk,
        boundaries=None,
    )
