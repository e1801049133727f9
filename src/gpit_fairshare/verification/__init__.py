"""Run a result again from its own manifest, and report exactly what differs, if anything does.

The manifest inside a result lists the files and options of its run. `verify` finds them, runs them again in a
temporary folder, writes the result in the same way, and compares: first the bytes, then every entry.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from gpit_fairshare.allocation import allocate
from gpit_fairshare.errors import GpitError, UsageError
from gpit_fairshare.inputs.files.grids import LARGEST, MEGABYTE
from gpit_fairshare.renamed import renamed_names
from gpit_fairshare.results.reading import open_result
from gpit_fairshare.verification.manifest_run import read_manifest
from gpit_fairshare.verification.model import (
    Answer,
    DifferenceKind,
    FileDifference,
    ManifestChange,
    RunFile,
    Verdict,
    Verification,
)
from gpit_fairshare.verification.rerun import other_versions, with_comparison
from gpit_fairshare.verification.rerun_folder import stage_files
from gpit_fairshare.verification.searching import Places

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "Answer",
    "DifferenceKind",
    "FileDifference",
    "ManifestChange",
    "RunFile",
    "Verdict",
    "Verification",
    "verify",
]

__getattr__ = renamed_names(
    __name__,
    {"Change": "ManifestChange", "Difference": "FileDifference", "Kind": "DifferenceKind", "FileSeen": "RunFile"},
)


def verify(
    result: str | Path,
    files: str | Path | Sequence[str | Path] = (),
    *,
    max_size: int = LARGEST // MEGABYTE,
    advance: Callable[[int, int], None] = lambda _done, _total: None,
) -> Verification:
    """Run a result again from its manifest and say what is the same and what differs.

    No file is written in the folder of the result, and the result is not changed.

    Args:
        result: A file that `gpit allocate` wrote: .xlsx or .json, or .csv or .parquet with its manifest in its folder.
            Also a table of `gpit population` with its manifest.
        files: File or folder, or several, where the inputs of the run are looked for after the folder of the result.
        max_size: Megabytes that an input may hold, unpacked; the manifest does not set it.
        advance: Called with the number of cells of a workbook that are written, and of how many.

    Returns:
        A `Verification`; what differs is in it and not raised, and so is the reason if changed files or versions
        prevent the run.

    Raises:
        UsageError: The result does not exist, is damaged or has no manifest; files of the run are missing; or the run
            fails although files and versions are those of the run.
    """
    file = open_result(result)
    places = Places(file.path, [files] if isinstance(files, str | Path) else files)
    if "people" in file.manifest:
        from gpit_fairshare.verification.people import verify_people  # noqa: PLC0415  # Narwhals loads for these alone

        return verify_people(file, places)
    spec = read_manifest(file.manifest, file.path.name)
    with tempfile.TemporaryDirectory(prefix="gpit-verify-") as folder_name:
        folder = Path(folder_name).resolve()
        arguments, input_files, scheme_files = stage_files(spec, places, folder)
        verification = Verification(
            result=file.path.name,
            scheme=spec.scheme.name,
            versions=other_versions(spec),
            files=tuple(input_files),
            scheme_files=tuple(scheme_files),
            facts=tuple(f"{path} was not used: no file of the run has this name or digest." for path in places.unused),
        )
        try:
            rerun = allocate(**arguments, max_size=max_size)
        except GpitError as fault:
            reason = _without_folders(folder, str(fault))
            if not verification.versions and not any(run_file.differs for run_file in verification.all_files):
                raise UsageError(f"{file.path.name}: cannot be run again from its manifest: {reason}") from None
            return replace(verification, fault=reason)
        run = {**rerun.manifest["run"], "max_size": spec.run.max_size}
        # `run` has every option, also those that a file gave, so the rerun does not read that file.
        defaults = spec.defaults.model_dump() if spec.defaults else None
        rerun = replace(rerun, manifest={**rerun.manifest, "run": run, "defaults": defaults})
        return with_comparison(file, verification, rerun, folder / "out", advance)


def _without_folders(folder: Path, text: str) -> str:
    """Return a message without the temporary folders that hold the copies of the files."""
    folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in sorted(folders, key=lambda path: len(str(path)), reverse=True):
        text = text.replace(f"{path}/", "").replace(f"{path}\\", "")
    return text
