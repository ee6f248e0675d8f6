"""scim2-server's contract for storages, on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from scim2_models import ScimProvider
from scim2_server.testing import ScimStorageContract

from controller.clock import SystemClock
from controller.provider.app import add_organization, build_app
from controller.provider.organizations import NewOrganization
from controller.provider.profiles import resolve
from controller.provider.protocol import Protocol, protocol_of
from tests.contract.provider.storage_adapter import StorageAdapter

PROTOCOL: Protocol = protocol_of(resolve("rfc7643"), "secret")


class TestStorage(ScimStorageContract):
    """Every rule of scim2_server.storage.ScimStorage."""

    supports_cursors = True

    @pytest.fixture
    def provider(self) -> ScimProvider:
        """The models of the whole protocol."""
        return PROTOCOL.provider

    @pytest.fixture
    def storage(self, database_url: str) -> Iterator[Any]:
        """An organization without people."""
        app = build_app(database_url)
        org = add_organization(app.database, NewOrganization("Acme"), SystemClock())
        yield StorageAdapter(app.database, org.id, PROTOCOL, SystemClock())
        asyncio.run(app.close())
