"""Who gets an account, what a person's state means, and what holds a mass change back.

spec.assignments, lifecycle, adoption, safeguards of a ScimIntegration. Used by `scim_integration`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from controller.api.durations import Duration, SafeguardWindow
from controller.api.meta import (
    GROUP_NAME,
    LOGIN,
    Api,
    Bool,
    Int,
    OktaGroupRef,
    atomic,
    rule,
    rules,
    text,
    unique,
)


class AssignedGroup(OktaGroupRef):
    """An Okta group that is assigned to the app. Groups that other apps push into Okta cannot be assigned."""

    priority: Annotated[Int, Field(ge=0, le=100)] | None = None
    """Okta's priority among the groups of the app, 0 first. Omitted: left to Okta and never compared."""


class SeatGroup(Api):
    """The Okta group that the operator fills."""

    name: Annotated[str, text(GROUP_NAME, 1)]
    """Name of the group. It is created, or must be the operator's already; its members are whom a seat was
    given. If the name changes, people with a seat move to the new group first; once they are in it, the
    former group is taken off the app, which always waits for approval. The former group itself stays in
    Okta and may be deleted."""


class Assignments(Api):
    """Who is assigned to the app in Okta."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "(self.through == 'SeatGroup') == has(self.seatGroup)",
                "seatGroup goes with through: SeatGroup",
            )
        )
    )

    through: Literal["Direct", "SeatGroup"] = "Direct"
    """Direct: groups and users are assigned to the app themselves. SeatGroup: only the operator's own group
    is, filled in the order of the SeatLimit; this is how seats are kept when Okta pushes. Switching over is
    always a held plan."""
    seat_group: SeatGroup | None = None
    """The operator's own group, with through: SeatGroup."""
    okta_groups: Annotated[tuple[AssignedGroup, ...], atomic(100)] = ()
    """Okta groups whose members get an account."""
    users: Annotated[tuple[Annotated[str, text(LOGIN)], ...], unique(1000)] = ()
    """Logins of single people who get an account."""
    prune: Literal["Never", "Undeclared"] = "Never"
    """Undeclared: assignments that are not declared here are removed, and with them the accounts, as
    lifecycle.unassigned says. Never: they are left alone, also a group or a person that was
    declared before and is no longer."""


class Lifecycle(Api):
    """What a person's state in Okta means for the account."""

    deactivated: Literal["Deactivate", "Keep"] = "Deactivate"
    """For people who are deactivated in Okta: leavers."""
    suspended: Literal["Deactivate", "Keep"] = "Keep"
    """For people who are suspended in Okta."""
    unassigned: Literal["Deactivate", "Keep"] = "Deactivate"
    """For people who are no longer assigned to the app."""
    not_yet_active: Literal["Wait", "Provision"] = "Wait"
    """For people who never signed in to Okta. Wait: the account is made once they have, so that it takes no
    seat before."""


class Adoption(Api):
    """Accounts that were there before the operator."""

    foreign_external_id: Literal["Refuse", "AdoptIfOwnerDeprovisioned"] = "Refuse"
    """For an account whose userName matches but whose externalId is another person's. Refuse: reported, never
    touched. AdoptIfOwnerDeprovisioned: taken over where its owner is gone from Okta, which hands over what
    the account holds."""
    may_deactivate: Bool = False
    """true: accounts that were there before may also be deactivated. They are updated in either case."""


_COUNT = Field(ge=0)
_PERCENT = Field(ge=0, le=100)


class Removals(Api):
    """People who lose their account."""

    count: Annotated[Int, _COUNT] = 20
    """Most people within the window."""
    percent: Annotated[Int, _PERCENT] = 10
    """Most people as a share of the owned active accounts, rounded down."""


class Changes(Api):
    """People whose account is changed."""

    count: Annotated[Int, _COUNT] = 200
    """Most people within the window."""
    percent: Annotated[Int, _PERCENT] = 20
    """Most people as a share of the owned active accounts, rounded down."""


class Leavers(Api):
    """People who are deactivated in Okta."""

    count: Annotated[Int, _COUNT] = 200
    """Most people within the window."""


class Safeguards(Api):
    """Limits within a sliding window, counted in distinct people by whatever route. Of count and percent the
    lower trips; what trips is held until someone approves, the rest runs. Creations never count. With
    provisioning.by: Okta they cannot hold back Okta's own agent, only what the operator itself writes: an
    alert watches what Okta deactivates."""

    window: SafeguardWindow = Duration("24h")
    """The sliding window, between 1h and 168h. It survives restarts and the re-creation of this resource."""
    minimum: Annotated[Int, Field(ge=0, le=1000)] = 5
    """No limit trips at or below this many people."""
    removals: Removals = Removals()
    """Removals of accounts, leavers apart. With provisioning.by: Okta this cannot hold back Okta's own
    agent."""
    changes: Changes = Changes()
    """Changes of attributes, groups and activity. With provisioning.by: Okta this cannot hold back Okta's own
    agent."""
    leavers: Leavers = Leavers()
    """People deactivated in Okta. They wait for no window and no approval below this limit."""
