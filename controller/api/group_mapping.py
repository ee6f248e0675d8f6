"""GroupMapping: rows of the value -> group table of one integration.

Read by handlers.cluster and the CLI through `parsing.parse`.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict

from controller.api.meta import GROUP_NAME, Api, IntegrationRef, atomic, rule, rules, text, unique


class FixedIntegrationRef(IntegrationRef):
    """A ScimIntegration in the same namespace, for good."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("self.name == oldSelf.name", "integrationRef is immutable"))
    )


class MappingRow(Api):
    """Values that mean one group."""

    values: Annotated[tuple[Annotated[str, text(256, 1)], ...], unique(1000, 1)]
    """Exact values of the group attribute, case-sensitive. A value claimed twice is reported on both
    resources."""
    provider_group: Annotated[str, text(GROUP_NAME, 1)]
    """Exact name of the group at the provider."""


class GroupMappingSpec(Api):
    """Rows of the value -> group table. Several GroupMappings may add rows to one integration."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("self.mappings.map(m, m.values.size()).sum() <= 5000", "at most 5000 values")
        )
    )

    integration_ref: FixedIntegrationRef
    """The ScimIntegration that the rows belong to; it cannot be changed."""
    mappings: Annotated[tuple[MappingRow, ...], atomic(1000, 1)]
    """The rows. Deleting the resource releases its rows and writes nothing; removing a row changes
    memberships."""
