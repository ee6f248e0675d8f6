"""Worlds that are closed when their test ends."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.contract.targets.world import World, open_world

Opener = Callable[..., Awaitable[World]]


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens worlds."""
    worlds: list[World] = []

    async def opener(count: int = 6, **more: Any) -> World:
        worlds.append(await open_world(tmp_path / f"{len(worlds)}.db", count, **more))
        return worlds[-1]

    yield opener
    for world in worlds:
        await world.aclose()
    assert [fault for world in worlds for fault in world.judge.violations] == []
