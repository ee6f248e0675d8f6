"""GroupMapping: rows of the value -> group table of one integration.

Read by operator.run_inputs and the CLI through `parsing.parse`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import ConfigDict

from controller.api.meta import DNS_NAME, GROUP_NAME, Api, IntegrationRef, atomic, rule, rules, text, unique
from controller.api.status import Count, KindStatus, Status, Value, bounded

UNMATCHED_VALUES: Final = 20
MOVES_SHOWN: Final = 10


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
    memberships, by groups.unmapped of the integration."""


class ClaimedValue(Status):
    """A value that a row claims."""

    value: Value
    """The value."""
    group: Value | None = None
    """The group that it leads to."""
    people: Count | None = None
    """How many assigned people have it."""


class MoveStatus(Status):
    """Somebody with an account who would be put into another group."""

    login: Value
    """Login, or Okta id where logins are not shown."""
    before: Value | None = None
    """The group now; absent where it is none or not known."""
    after: Value | None = None
    """The group then; absent for none."""


class UnmatchedValue(Status):
    """A value that people have and no row claims."""

    value: Value
    """The value."""
    people: Count | None = None
    """How many people have it."""
    suggestion: Value | None = None
    """A claimed value that differs in case or spacing only."""


class ClaimedTwice(Status):
    """A value that another GroupMapping claims too."""

    value: Value
    """The value."""
    by: Annotated[str, text(DNS_NAME), bounded(DNS_NAME)] | None = None
    """Name of the other GroupMapping."""


class GroupMappingStatus(KindStatus):
    """What the rows match."""

    values: Count | None = None
    """Values that the rows claim."""
    people: Count | None = None
    """People whose value a row claims."""
    people_by_value: Annotated[tuple[ClaimedValue, ...], atomic(UNMATCHED_VALUES)] = ()
    """The 20 claimed values that most people have."""
    unmatched: Count | None = None
    """Values that people have and no row of any GroupMapping claims."""
    unmatched_values: Annotated[tuple[UnmatchedValue, ...], atomic(UNMATCHED_VALUES)] = ()
    """The 20 that most people have."""
    unused_values: Annotated[tuple[Value, ...], atomic(UNMATCHED_VALUES)] = ()
    """The first 20 claimed values that nobody has."""
    without_value: Count | None = None
    """People without any value."""
    moving: Count | None = None
    """People with an account whom the held plan would put into one of these groups or take out of one."""
    moves: Annotated[tuple[MoveStatus, ...], atomic(MOVES_SHOWN)] = ()
    """The first 10 of them, by login."""
    conflicts: Annotated[tuple[ClaimedTwice, ...], atomic(UNMATCHED_VALUES)] = ()
    """The first 20 values that are claimed twice."""
