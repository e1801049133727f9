"""Many scenarios of one scheme at once: each gives every float that a single run gives."""

from typing import Final

BALANCED: Final = "balanced"
"""For `solve`, in place of a formula: nothing is unspent, and the money account balances."""
