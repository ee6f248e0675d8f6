"""Where each org's System Log was read up to, in a ConfigMap: a restart repeats the last poll and loses none.

Called by log_poller. The map lies in the operator's own namespace: a link is followed with the org's
credential, so nobody else may write one. It is owned by nobody; the operator deletes it itself.
"""

from __future__ import annotations

import logging

from controller.clock import Clock, rfc3339
from controller.errors import ControllerError
from controller.kube.client import MANAGER, ApiServer, delete_if_present, get_or_none
from controller.kube.paths import ApiPath, object_path
from controller.kube.state_store import About, hashed

LONGEST = 8192
logger = logging.getLogger(__name__)


def links_name(namespace: str, org_key: str, shard: str) -> str:
    """Name of the ConfigMap of an org, as an OktaOrg of `namespace` has it; each shard reads the log for
    itself."""
    return f"scim-log-{hashed('log', namespace, org_key, shard)}"


class LogLinks:
    """Links by the key of an OpenOrg. An API server that fails costs only the position: it is logged, and
    nothing stops."""

    def __init__(self, api: ApiServer, home: str, clock: Clock, shard: str = "") -> None:
        self._api, self._home, self._clock, self._shard = api, home, clock, shard

    async def load(self, namespace: str, org_key: str) -> str:
        """The stored link, "" where there is none."""
        try:
            body = await get_or_none(self._api, self._path(namespace, org_key))
        except ControllerError as error:
            logger.warning("the position in the System Log is not known: %s", error.message)
            return ""
        return str(((body or {}).get("data") or {}).get("link", ""))

    async def save(self, namespace: str, org_key: str, link: str) -> bool:
        """Stores `link`; whether it is stored."""
        if len(link) > LONGEST:
            return False
        about = About(namespace, f"System Log of the Okta org {org_key}")
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about.metadata(self._home, links_name(namespace, org_key, self._shard)),
            "data": {"link": link, "time": rfc3339(self._clock.now())},
        }
        try:
            await self._api.apply(self._path(namespace, org_key), body, manager=MANAGER)
        except ControllerError as error:
            logger.warning("the position in the System Log is not stored: %s", error.message)
            return False
        return True

    async def delete(self, namespace: str, org_key: str) -> None:
        """Takes the map of an org away."""
        try:
            await delete_if_present(self._api, self._path(namespace, org_key))
        except ControllerError as error:
            logger.warning("the position in the System Log is left behind: %s", error.message)

    def _path(self, namespace: str, org_key: str) -> ApiPath:
        name = links_name(namespace, org_key, self._shard)
        return object_path("v1", "configmaps", self._home, name)
