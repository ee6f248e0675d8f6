"""The table of kinds: everything that a CRD, discovery or a handler needs to know of each.

Read by `crds`, handlers and the CLI.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from controller.api.group_mapping import GroupMappingSpec
from controller.api.meta import Api
from controller.api.okta_org import OktaOrgSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec


@dataclass(frozen=True, slots=True)
class Kind:
    """One custom resource."""

    kind: str
    plural: str
    short_name: str
    spec: type[Api]

    @property
    def singular(self) -> str:
        return self.kind.lower()


KINDS: Final[dict[str, Kind]] = {
    each.kind: each
    for each in (
        Kind("OktaOrg", "oktaorgs", "okta", OktaOrgSpec),
        Kind("ScimIntegration", "scimintegrations", "scimint", ScimIntegrationSpec),
        Kind("GroupMapping", "groupmappings", "gmap", GroupMappingSpec),
        Kind("SeatLimit", "seatlimits", "seats", SeatLimitSpec),
    )
}
