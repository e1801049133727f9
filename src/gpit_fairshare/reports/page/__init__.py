"""The page of a run: one HTML file that shows its report and recalculates it, without a network."""
