"""Many scenarios of one scheme at once: each gives every float that a single run gives."""
