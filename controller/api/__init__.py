"""What users write: the custom resources as pydantic models, and the CRDs made of them.

Pure. May import errors and model. Field docstrings are what `kubectl explain` shows."""

from controller.api.group_mapping import GroupMappingSpec
from controller.api.kinds import KINDS, Kind
from controller.api.meta import (
    ALLOWED_HOSTS,
    API_VERSION,
    APPROVE,
    APPROVED_BY,
    DONE,
    FINALIZER,
    GROUP,
    REQUESTED_AT,
    SHARD,
    SYNC_USER,
    VERSION,
)
from controller.api.okta_org import OktaOrgSpec
from controller.api.parsing import parse
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec

__all__ = [
    "ALLOWED_HOSTS",
    "API_VERSION",
    "APPROVE",
    "APPROVED_BY",
    "DONE",
    "FINALIZER",
    "GROUP",
    "KINDS",
    "REQUESTED_AT",
    "SHARD",
    "SYNC_USER",
    "VERSION",
    "GroupMappingSpec",
    "Kind",
    "OktaOrgSpec",
    "ScimIntegrationSpec",
    "SeatLimitSpec",
    "parse",
]
