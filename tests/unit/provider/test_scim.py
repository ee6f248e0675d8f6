"""The SCIM side's table of operations."""

from __future__ import annotations

from pathlib import Path

from scim2_server.routing import Operation

from controller.clock import ManualClock
from controller.provider.access import Gate
from controller.provider.database import open_database
from controller.provider.scim import ScimSide


async def test_every_operation_of_the_protocol_has_a_handler(tmp_path: Path) -> None:
    database, clock = open_database(f"sqlite:///{tmp_path}/p.sqlite"), ManualClock()
    side = ScimSide(database, Gate(database, clock), clock, "secret")
    assert set(side._handlers) == set(Operation)
    await database.close()
