"""The findings of `gpit check` on published files and the sample, as stored in checked_files.json.

Run this file to store the findings again after an intended change:

    .venv/bin/python tests/support/checked_files.py

Read the difference line by line before you commit it, and explain each line in the changelog.
"""

import json
import sys
from functools import cache
from pathlib import Path

from openpyxl import load_workbook

from folders import SAMPLES, SHARED
from gpit_fairshare import check
from gpit_fairshare.errors import GpitError

KEPT = Path(__file__).with_suffix(".json")
OPTIONS = ("population", "spend", "inputs")


@cache
def tables():
    """Name and path of every table: each CSV file, and each sheet of each workbook."""
    places = {}
    for root in (SHARED, SAMPLES):
        for path in sorted(root.rglob("*")):
            name = f"{root.parent.name}/{root.name}/{path.relative_to(root).as_posix()}"
            if path.suffix == ".csv":
                places[name] = str(path)
            elif path.suffix == ".xlsx":
                for sheet in load_workbook(path, read_only=True).sheetnames:
                    places[f"{name}:{sheet}"] = f"{path}:{sheet}"
    return places


def shortened(findings):
    """For each level and number of findings: their count and the first two sentences."""
    kinds = {}
    for finding in findings:
        kinds.setdefault(f"{finding.level} {finding.number}", []).append(str(finding))
    return {f"{kind} × {len(texts)}": texts[:2] for kind, texts in kinds.items()}


def findings(address):
    """The findings of one table for each option that can read it."""
    reports = {}
    for option in OPTIONS:
        try:
            reports[option] = shortened(check(**{option: address}).findings)
        except GpitError as error:
            reports[option] = {"refused": [str(error)]}
    return reports


def main():
    """Store the findings again."""
    reports = {name: findings(address) for name, address in tables().items()}
    reports["sample"] = {"sample": shortened(check(sample=True).findings)}
    KEPT.write_text(json.dumps(reports, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
