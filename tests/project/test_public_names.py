"""The public names of the package."""

from __future__ import annotations

import pytest

import gpit_fairshare


@pytest.mark.parametrize("name", gpit_fairshare.__all__)
def test_every_public_name_can_be_imported(name):
    """Every name of `__all__` can be imported; names load on first use."""
    assert getattr(gpit_fairshare, name)
