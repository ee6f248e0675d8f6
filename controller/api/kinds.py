"""The table of kinds: everything that a CRD, discovery or a handler needs to know of each.

Read by `crds`, the operator and the CLI.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from controller.api.group_mapping import GroupMappingSpec, GroupMappingStatus
from controller.api.integration_status import ScimIntegrationStatus
from controller.api.meta import Api
from controller.api.okta_org import OktaOrgSpec, OktaOrgStatus
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec, SeatLimitStatus
from controller.api.status import KindStatus


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `kubectl get`. Wide ones appear with `-o wide` only."""

    name: str
    path: str
    type: str = "string"
    is_wide: bool = False
    description: str = ""


def _condition(kind: str, part: str = "status") -> str:
    return f'.status.conditions[?(@.type=="{kind}")].{part}'


_READY: Final = Column("Ready", _condition("Ready"), description="Whether all is well, in short")
_AGE: Final = Column("Age", ".metadata.creationTimestamp", "date")
_WHY: Final = (
    Column("Reason", _condition("Ready", "reason"), is_wide=True),
    Column("Message", _condition("Ready", "message"), is_wide=True),
)
_ORG: Final = (
    Column("URL", ".spec.url"),
    _READY,
    Column("Budget", ".status.budget", description="Throttled: requests wait for a bucket of Okta's"),
    *_WHY,
    _AGE,
)
_INTEGRATION: Final = (
    Column("App", ".status.app.label", description="Label of the Okta app"),
    Column("By", ".spec.provisioning.by", description="Who writes accounts"),
    Column("Mode", ".spec.mode"),
    _READY,
    Column("InSync", _condition("InSync"), description="Whether nothing differs"),
    Column("Users", ".status.people.provisioned", "integer", description="Accounts that are up to date"),
    Column("Waiting", ".status.people.waiting", "integer", description="People without a seat"),
    Column("Drift", ".status.drift.total", "integer", is_wide=True),
    Column("Manual", ".status.manualStepsOpen", "integer", is_wide=True, description="Open manual steps"),
    *_WHY,
    Column("Last-Sync", ".status.lastSyncTime", "date", is_wide=True),
    Column("Token", ".status.token.expiryTime", "date", is_wide=True, description="When the token expires"),
    _AGE,
)
_MAPPING: Final = (
    Column("Integration", ".spec.integrationRef.name"),
    _READY,
    Column("Values", ".status.values", "integer", description="Values that the rows claim"),
    Column("Unmatched", ".status.unmatched", "integer", description="Values that no row claims"),
    *_WHY,
    _AGE,
)
_LIMIT: Final = (
    Column("Integration", ".spec.integrationRefs[0].name"),
    Column("Used", ".status.seats.used", "integer"),
    Column("Limit", ".status.seats.limit", "integer"),
    Column("Free", ".status.seats.available", "integer"),
    Column("Waiting", ".status.seats.waiting", "integer"),
    Column("State", _condition("WithinCapacity", "reason")),
    *_WHY,
    _AGE,
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One custom resource."""

    kind: str
    plural: str
    short_name: str
    spec: type[Api]
    status: type[KindStatus]
    columns: tuple[Column, ...]

    @property
    def singular(self) -> str:
        return self.kind.lower()


KINDS: Final[dict[str, Kind]] = {
    each.kind: each
    for each in (
        Kind("OktaOrg", "oktaorgs", "okta", OktaOrgSpec, OktaOrgStatus, _ORG),
        Kind(
            "ScimIntegration",
            "scimintegrations",
            "scimint",
            ScimIntegrationSpec,
            ScimIntegrationStatus,
            _INTEGRATION,
        ),
        Kind("GroupMapping", "groupmappings", "gmap", GroupMappingSpec, GroupMappingStatus, _MAPPING),
        Kind("SeatLimit", "seatlimits", "seats", SeatLimitSpec, SeatLimitStatus, _LIMIT),
    )
}
