"""Many scenarios at once: every figure of every scenario is the one that a single run gives, bit for bit."""
