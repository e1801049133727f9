"""What a manifest says of its run: options, files and digests, read with distrust."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from gpit_fairshare.errors import UsageError
from gpit_fairshare.inputs import split_sheet
from gpit_fairshare.plugins import Used
from gpit_fairshare.run_options import OPTIONS, OptionKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROLES: Final = {option.key: name for name, option in OPTIONS.items() if option.kind is OptionKind.FILES}
"""Role of a file to the argument of `allocate`."""


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
"""What `allocation.recorded` writes for an option."""
_fields: Final[dict[str, Any]] = {option.key: (_RECORDED[option.kind], ...) for option in OPTIONS.values()}
_run_options = create_model(
    "_run_options",
    __config__=ConfigDict(strict=True, extra="forbid"),
    **{**_fields, "scheme": (str, ...)},  # unlike a formula or a transition it is always there
)


class Run(_run_options):  # type: ignore[misc, valid-type]  # mypy knows no class that is made when the program runs
    """The options of `gpit allocate`, files by their base names, as `allocation.recorded` writes them."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An input file of the run."""

    role: str
    name: str
    """Base name."""
    asked_sheet: str
    """Sheet that the option named."""
    sheet: str = ""
    """Sheet that was read."""
    sha256: str | None = None
    """None where nothing of the file was read."""
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What running again takes."""

    run: Run
    scheme: str
    """Name that the scheme gives itself."""
    versions: Mapping[str, str]
    """gpit and its libraries at the time."""
    inputs: tuple[Wanted, ...]
    scheme_files: tuple[tuple[str, str], ...]
    """Base name and digest of each scheme, formula and transition file."""
    plugins: tuple[Used, ...] = ()
    """What the run took from plug-ins."""


class _Source(BaseModel):
    model_config = ConfigDict(strict=True)
    role: str
    file: str
    sheet: str
    sha256: str
    rows: int


class _SchemeFile(BaseModel):
    model_config = ConfigDict(strict=True)
    file: str
    sha256: str


class _Scheme(BaseModel):
    model_config = ConfigDict(strict=True)
    name: str
    digest: str
    files: list[_SchemeFile]


class _Plugin(BaseModel):
    model_config = ConfigDict(strict=True)
    kind: str
    name: str
    package: str
    version: str
    digest: str


class _Manifest(BaseModel):
    """As much of a manifest as running again takes."""

    model_config = ConfigDict(strict=True)
    gpit: str
    libraries: dict[str, str]
    scheme: _Scheme
    plugins: list[_Plugin] = []
    inputs: list[_Source]
    run: Run


def read_manifest(manifest: Mapping[str, Any], result: str) -> Asked:
    """Return what a manifest says of its run.

    Raises:
        UsageError: It is not as gpit writes it.
    """
    try:
        read = _Manifest.model_validate(dict(manifest))
    except ValidationError as fault:
        first = fault.errors()[0]
        entry = ".".join(str(part) for part in first["loc"])[:80]
        raise UsageError(
            f"{result}: its manifest is not as this version of gpit writes it ({entry}: {first['msg'].lower()}); "
            "run gpit allocate again"
        ) from None
    run = read.run
    names = [name for role in ROLES for name in getattr(run, role)]
    rules = [getattr(run, option.key) or "" for option in OPTIONS.values() if option.kind is OptionKind.RULE]
    for name in [*names, *rules]:
        file = split_sheet(name)[0]
        if PureWindowsPath(file).name != file or file in (".", "..") or "\0" in name:
            shown = ascii(name)[1:61]
            raise UsageError(f"{result}: its manifest names a file '{shown}'; expected a base name, without folders")
    return Asked(
        run,
        read.scheme.name,
        {"gpit": read.gpit, **read.libraries},
        tuple(wanted for role in ROLES for wanted in _wanted(role, getattr(run, role), read.inputs)),
        tuple((one.file, one.sha256) for one in read.scheme.files),
        tuple(Used(**one.model_dump()) for one in read.plugins),
    )


def _wanted(role: str, names: Sequence[str], sources: Sequence[_Source]) -> list[Wanted]:
    """Return the files of an option, each with what was read of it: files of one name in their order."""
    left = [one for one in sources if one.role == role]
    found = []
    for name in names:
        file, asked_sheet = split_sheet(name)
        source = next((one for one in left if one.file == file), None)
        if source is None:
            found.append(Wanted(role, file, asked_sheet))
            continue
        left.remove(source)
        found.append(Wanted(role, file, asked_sheet, source.sheet, source.sha256, source.rows))
    return found
