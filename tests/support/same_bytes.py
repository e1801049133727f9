"""SHA-256 digests of the outputs of `gpit` for the sample, and of what each command prints.

`python tests/support/same_bytes.py` runs every command and writes the digests to `same_bytes.json`. They are valid for
the library versions stored with them: a workbook names the versions in its manifest, and the bytes of Parquet files
depend on Polars.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import tempfile
from pathlib import Path

from running import gpit

DIGESTS = Path(__file__).with_suffix(".json")
LIBRARIES = ("polars", "python-calamine", "XlsxWriter", "rich")
ENDINGS = (".csv", ".parquet", ".json", ".xlsx")
TRANSITIONS = {
    "above-average-cost": (),
    "cost-above-funding": (),
    "floor-and-ceiling": ("--set", "floor_growth=-0.6", "--set", "ceiling_growth=0.03"),
}
WIDTHS = ("80", "120")

_OLD, _NEW = "above-average-cost", "cost-above-funding"
PRINTED = {
    "allocate": ("allocate", "--sample"),
    "allocate, JSON": ("allocate", "--sample", "--json"),
    "explain": ("explain", "00C", "--sample"),
    "explain, Markdown": ("explain", "00C", "--sample", "--format", "markdown"),
    "explain, JSON": ("explain", "00C", "--sample", "--json"),
    "explain a result": ("explain", "11N", "--result", f"{_OLD}.xlsx"),
    "compare": ("compare", f"{_OLD}.xlsx", f"{_NEW}.json"),
    "compare, Markdown": ("compare", f"{_OLD}.xlsx", f"{_NEW}.json", "--format", "markdown"),
    "compare, JSON": ("compare", f"{_OLD}.xlsx", f"{_NEW}.json", "--json"),
    "check": ("check", "--sample"),
    "check, JSON": ("check", "--sample", "--json"),
    "verify": ("verify", f"{_OLD}.json"),
    "verify, JSON": ("verify", f"{_OLD}.json", "--json"),
}
"""Commands by name; those that read a result run after the outputs are written, in the same folder."""


def versions() -> dict[str, str]:
    """Versions of the libraries that affect the bytes."""
    return {name: importlib.metadata.version(name) for name in LIBRARIES}


def recorded() -> dict[str, dict[str, str]]:
    """The stored versions and digests."""
    record: dict[str, dict[str, str]] = json.loads(DIGESTS.read_text(encoding="utf-8"))
    return record


def output_digests(transition: str, folder: Path) -> dict[str, str]:
    """Digests of the files that one run on the sample writes, by file name."""
    paths = [folder / f"{transition}{ending}" for ending in ENDINGS]
    outputs = [word for path in paths for word in ("-o", path.name)]
    run = gpit("allocate", "--sample", "--transition", transition, *TRANSITIONS[transition], *outputs, folder=folder)
    assert run.returncode == 0, run.stderr.decode()
    return {path.name: _digest(path.read_bytes()) for path in paths}


def printed_digests(name: str, folder: Path) -> dict[str, str]:
    """Digests of a command's output, by its name and, except for documents, the console's width."""
    is_document = "," in name
    printed: dict[str, str] = {}
    for width in WIDTHS[:1] if is_document else WIDTHS:
        run = gpit(*PRINTED[name], folder=folder, env={"COLUMNS": width})
        assert run.stdout, run.stderr.decode()
        printed[name if is_document else f"{name}, {width} columns"] = _digest(run.stdout)
    return printed


def digests(folder: Path) -> dict[str, str]:
    """Digests of all output files and printed texts."""
    all_digests: dict[str, str] = {}
    for transition in TRANSITIONS:
        all_digests |= output_digests(transition, folder)
    for name in PRINTED:
        all_digests |= printed_digests(name, folder)
    return all_digests


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def main() -> None:
    """Write the digests of this installation."""
    with tempfile.TemporaryDirectory() as folder:
        record = {"versions": versions(), "sha256": digests(Path(folder))}
    DIGESTS.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
