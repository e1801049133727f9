"""A run of England's 42 integrated care boards with a floor and a ceiling, from NHS England's published figures.

Baselines are those of core services 2023/24. Targets are the published targets, scaled to the total that was allocated.
The floor and the ceiling are made up: NHS England used neither.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from running import ROOT, read_rows, write_rows

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED = ROOT / "tests" / "published" / "icb-allocations-2023-24.csv"
SCHEME = """
[scheme]
name = "icb-floor-and-ceiling"
title = "ICB core services with a floor and a ceiling"
organisation = "ICB"
years = ["2023/24"]
formula = "given-target"
transition = "floor-and-ceiling"

[values.floor_growth]
every_year = { value = "4.2%", assumption = "Made up." }

[values.ceiling_growth]
every_year = { value = "5.8%", assumption = "Made up." }
"""


def icb_options(folder: Path) -> dict[str, str]:
    """Write the scheme and its inputs into a folder, and return the options of the run."""
    boards = [row for row in read_rows(PUBLISHED) if row["stream"] == "core"]
    published, targets = (sum(Fraction(row[name]) for row in boards) for name in ("published_allocation_k", "target_k"))
    rows = [
        {
            "org_code": row["org_code"],
            "org_name": row["org_name"].removeprefix("NHS ").removesuffix(" ICB"),
            "historic_spend": round(Fraction(row["baseline_k"]) * 1000),
            "target_allocation": round(Fraction(row["target_k"]) * 1000 * published / targets),
        }
        for row in boards
    ]
    scheme = folder / "icb.toml"
    scheme.write_text(SCHEME, encoding="utf-8")
    return {"inputs": str(write_rows(folder / "icb.csv", rows)), "scheme": str(scheme)}
