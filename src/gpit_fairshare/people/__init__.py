"""From rows of people to registered and weighted population by organisation, in Polars, DuckDB or Spark."""
