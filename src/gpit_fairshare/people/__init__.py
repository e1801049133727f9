"""From rows of people to registered and weighted population by organisation, in Polars, DuckDB or Spark."""

from typing import Final

ENGINES: Final = ("polars", "duckdb", "spark")
"""What reads and counts rows; the first is the default."""
