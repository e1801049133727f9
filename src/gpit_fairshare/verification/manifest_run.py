"""The run that a manifest records: options, files and digests, each checked before use."""

from __future__ import annotations

from functools import cached_property
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import ConfigDict, Field, ValidationError, create_model

from gpit_fairshare.errors import UsageError
from gpit_fairshare.inputs.files.reading import split_sheet
from gpit_fairshare.results.model import ManifestInput, StrictModel
from gpit_fairshare.run_options import FRAME, OPTIONS, OptionKind
from gpit_fairshare.verification.model import RunFile
from gpit_fairshare.words import joined

if TYPE_CHECKING:
    from collections.abc import Mapping

ROLES: Final = [option.key for option in OPTIONS.values() if option.kind is OptionKind.FILES]
"""Roles of input files: the options that name them."""

_RECORDED: Final[dict[OptionKind, Any]] = {
    OptionKind.FLAG: bool,
    OptionKind.RULE: str | None,
    OptionKind.SETTINGS: dict[str, str],
    OptionKind.COLUMNS: dict[str, str],
    OptionKind.UNITS: dict[str, str],
    OptionKind.CODES: list[str],
    OptionKind.MEGABYTES: Annotated[int, Field(ge=1, le=1_000_000)],
    OptionKind.DAY: str | None,
    OptionKind.YEARS: list[str] | None,
    OptionKind.FILES: list[str],
}
"""The type that `allocation.recorded` writes for an option."""
_fields: Final[dict[str, Any]] = {option.key: (_RECORDED[option.kind], ...) for option in OPTIONS.values()}
_run_options = create_model(
    "_run_options",
    __config__=ConfigDict(strict=True, extra="forbid"),
    **{**_fields, "scheme": (str, ...)},  # unlike a formula or a transition, it is always set
)


class RecordedRun(_run_options):  # type: ignore[misc, valid-type]  # mypy does not know a class made at run time
    """The options of `gpit allocate`, files by their base names, as `allocation.recorded` writes them."""


class _RecordedSource(ManifestInput):
    rows: int


class _RecordedSchemeFile(StrictModel):
    file: str
    sha256: str


class _RecordedScheme(StrictModel):
    name: str
    digest: str
    files: list[_RecordedSchemeFile]


class _RecordedPlugin(StrictModel):
    kind: str
    name: str
    package: str
    version: str
    digest: str


class _RecordedDefaults(StrictModel):
    file: str
    sha256: str
    keys: list[str]


class RunSpec(StrictModel):
    """What a rerun needs from a manifest."""

    gpit: str
    libraries: dict[str, str]
    scheme: _RecordedScheme
    plugins: list[_RecordedPlugin] = Field(default_factory=list)
    """Functions and files that the run used from plug-ins."""
    inputs: list[_RecordedSource]
    run: RecordedRun
    defaults: _RecordedDefaults | None = None
    """The file that gave some of the options in `run`."""

    @cached_property
    def input_files(self) -> list[tuple[str, RunFile]]:
        """Return the input files that the options of the run name, with what the manifest records about each.

        They are pairs: the sheet that the option asked for, and the file, which has not been searched for. A file that
        the run named but did not read has no digest and no rows. If several have the same role and name, they are
        matched in order.
        """
        unread = list(self.inputs)
        files = []
        for role in ROLES:
            for text in getattr(self.run, role):
                name, asked_sheet = split_sheet(text)
                source = next((source for source in unread if (source.role, source.file) == (role, name)), None)
                if source is None:
                    files.append((asked_sheet, RunFile(role, name, asked_sheet)))
                    continue
                unread.remove(source)
                sheet, digest, rows = source.sheet or asked_sheet, source.sha256, source.rows
                files.append((asked_sheet, RunFile(role, name, sheet, sha256_then=digest, rows_then=rows)))
        return files


def read_manifest(manifest: Mapping[str, Any], result: str) -> RunSpec:
    """Return the run that a manifest records, to run it again; `result` is the file's name, for messages.

    Raises:
        UsageError: The manifest is not as gpit writes it, an input was a frame, or it names a file with a folder.
    """
    try:
        spec = RunSpec.model_validate(dict(manifest))
    except ValidationError as fault:
        first = fault.errors()[0]
        entry = ".".join(str(part) for part in first["loc"])[:80]
        raise UsageError(
            f"{result}: this version of gpit cannot read its manifest ({entry}: {first['msg'].lower()}); "
            "run gpit allocate again"
        ) from None
    names = [name for role in ROLES for name in getattr(spec.run, role)]
    if frames := [name for name in names if split_sheet(name)[0].endswith(FRAME)]:
        raise UsageError(
            f"{result}: cannot be run again from its manifest: {joined(frames)} came from Python, and no file holds "
            "the data; give allocate the same data there, and compare its result with this file"
        )
    rules = [getattr(spec.run, option.key) or "" for option in OPTIONS.values() if option.kind is OptionKind.RULE]
    for name in [*names, *rules]:
        file = split_sheet(name)[0]
        if PureWindowsPath(file).name != file or file in (".", "..") or "\0" in name:
            escaped = ascii(name)[1:61]
            raise UsageError(f"{result}: its manifest names the file '{escaped}'; expected a file name without folders")
    return spec
