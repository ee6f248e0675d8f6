"""The tests of this folder need the real API server; without one each module says so once and is left out."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.cluster.control_plane import ControlPlane


@pytest.fixture(scope="session")
def admin(plane: ControlPlane) -> Iterator[httpx.Client]:
    """Whoever may do everything."""
    with plane.admin() as client:
        yield client
