"""Secrets that issued tokens go to, on the API server: read, asked whether they may be written, patched.

Made by main and handed to targets as their SecretStore. Nothing is ever created; what somebody else keeps
is not touched. A patch names the resourceVersion that was read, so that a write of a process that has died
meanwhile cannot land on top of a newer one.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from pydantic import SecretStr

from controller.errors import NotFound, Rejected, Unauthorized
from controller.kube.client import JSON, MANAGER, ApiServer
from controller.kube.ownership import owner_of
from controller.kube.paths import object_path
from controller.outside_text import remember


class TokenSecrets:
    """The SecretStore of a cluster."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    async def read(self, namespace: str, name: str) -> Mapping[str, SecretStr]:
        """The values by key, what is no text left out."""
        found = {}
        for key, value in ((await self._get(namespace, name)).get("data") or {}).items():
            try:
                found[key] = SecretStr(base64.b64decode(str(value), validate=True).decode())
                remember(found[key].get_secret_value())
            except (binascii.Error, UnicodeDecodeError):
                continue
        return found

    async def check(self, namespace: str, name: str, key: str, notes: Mapping[str, str | None]) -> None:
        """Asks the API server by a dry run, which also knows of permissions and admission."""
        await self._patch(namespace, name, key, SecretStr("dry-run"), notes, dry_run=True)

    async def put(
        self, namespace: str, name: str, key: str, value: SecretStr, notes: Mapping[str, str | None]
    ) -> None:
        """Patches the key and the annotations."""
        await self._patch(namespace, name, key, value, notes, dry_run=False)

    async def _get(self, namespace: str, name: str) -> JSON:
        try:
            return await self._api.get(object_path("v1", "secrets", namespace, name))
        except NotFound as error:
            raise NotFound(
                f"the Secret {namespace}/{name} is gone; create it, it may be empty",
                system="Kubernetes",
                status=error.status,
                reason="SecretNotFound",
            ) from None

    async def _patch(
        self,
        namespace: str,
        name: str,
        key: str,
        value: SecretStr,
        notes: Mapping[str, str | None],
        *,
        dry_run: bool,
    ) -> None:
        body = await self._get(namespace, name)
        if owner := owner_of(body):
            raise Rejected(
                f"the Secret {namespace}/{name} is kept by {owner} and is not written",
                system="Kubernetes",
                reason="SecretOwnedByOther",
            )
        patch: JSON = {
            "metadata": {
                "resourceVersion": body["metadata"]["resourceVersion"],
                "annotations": dict(notes),
            },
            "data": {key: base64.b64encode(value.get_secret_value().encode()).decode()},
        }
        try:
            path = object_path("v1", "secrets", namespace, name)
            await self._api.patch(path, patch, manager=MANAGER, dry_run=dry_run)
        except Unauthorized as error:
            raise Rejected(
                f"the operator may not patch the Secret {namespace}/{name}: {error.message}; give it the "
                "verb patch on it, in the chart by secrets.issued",
                system="Kubernetes",
                status=error.status,
                reason="SecretNotWritable",
            ) from None
