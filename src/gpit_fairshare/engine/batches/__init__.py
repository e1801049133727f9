"""Many scenarios of a scheme at once, in NumPy: each has every float that a single run has."""
