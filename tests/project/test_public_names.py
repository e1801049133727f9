"""What the package offers by name."""

from __future__ import annotations

import pytest

import gpit_fairshare


@pytest.mark.parametrize("name", gpit_fairshare.__all__)
def test_every_public_name_can_be_imported(name):
    """Names load when they are first used, so each of them has to say where it is."""
    assert getattr(gpit_fairshare, name)
