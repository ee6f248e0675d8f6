"""What the tests of planning are made of: desired state with few words, people, accounts, and a provider
that is simulated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.model.actions import Action, ActionKind, Outcome, Result
from controller.model.actual import (
    AccountState,
    Actual,
    AppState,
    AssignmentState,
    GroupState,
    GroupTable,
    Memory,
    OktaGroup,
    Organization,
    Probe,
    ProviderState,
)
from controller.model.people import Account, OktaId, Person, PersonState, Reads, ScimId
from controller.planning.base.desired import (
    Attribute,
    Desired,
    DesiredAssignments,
    DesiredGroups,
    DesiredSeats,
    Expression,
    GroupRef,
    Limit,
    Profile,
    Safeguards,
)
from controller.planning.desired.expression import compile_expression
from controller.planning.groups.mapping_table import grouped, table_of
from controller.planning.groups.memberships import changed_groups

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
URL = "https://scim.example.com/scim/v2/acme"
READ = ("department", "email", "firstName")
GROUP = "urn:calendly:scim:schemas:2.0:User:group"
PATHS = ("name.givenName", "emails[primary]", GROUP)
GROUP_KINDS = frozenset({ActionKind.CREATE_PROVIDER_GROUP, ActionKind.CHANGE_MEMBERSHIPS})
GENERIC = Profile("generic", None)


def expression(text: str) -> Expression:
    return compile_expression(text, READ, "spec.test")


def desired_groups(table: Mapping[str, str] | None = None, **changes: Any) -> DesiredGroups:
    table = {"Sales": "Sales", "Engineering": "Engineering"} if table is None else table
    groups = DesiredGroups(
        "UserAttribute",
        GROUP,
        2,
        "calendlyGroup",
        "Calendly group",
        "group",
        GROUP.rpartition(":")[0],
        {"default": expression("user.department")},
        table,
        grouped(table),
        dict.fromkeys(table, "teams"),
        create_groups=False,
        unmapped="Keep",
        mappings=frozenset({"teams"}),
    )
    return replace(groups, **changes)


def desired_scim_groups(table: Mapping[str, str] | None = None, **changes: Any) -> DesiredGroups:
    """Memberships kept by the operator, in SCIM groups."""
    return desired_groups(table, via="ScimGroups", path="", index=-1, attribute_name="", **changes)


def make_desired(**changes: Any) -> Desired:
    desired = Desired(
        namespace="team",
        name="calendly",
        generation=1,
        mode="Enforce",
        by="Operator",
        app_id="0oa1",
        app_label="",
        username_format="",
        allow_app_replace=False,
        base_url=URL,
        profile=GENERIC,
        reads=Reads(READ, PATHS),
        attributes=(
            Attribute("givenName", PATHS[0], 0, expression("user.firstName"), always=True),
            Attribute("email", PATHS[1], 1, expression("user.email"), always=True),
        ),
        attribute_policy="Additive",
        prune_schema=False,
        group=desired_groups(),
        assignments=DesiredAssignments("Direct", "", (), (), prune=False, is_declared=False),
        seats=None,
        actions=frozenset({"Create", "Update", "Deactivate"}),
        required_plan="",
        sso_required=False,
        on_deactivated="Deactivate",
        on_suspended="Keep",
        on_unassigned="Deactivate",
        create_not_yet_active=False,
        adopts_orphans=False,
        may_deactivate_adopted=False,
        safeguards=Safeguards(timedelta(hours=24), 5, Limit(20, 10), Limit(200, 20), Limit(200, None)),
        protected=frozenset(),
        corrects_drift=True,
        windows=(),
    )
    return replace(desired, **changes)


def desired_seats(seats: int | None = 50, **changes: Any) -> DesiredSeats:
    limit = DesiredSeats("seats", seats, 0, 80, 95, True, (), "Invoice", "https://example.com/contact", None)
    return replace(limit, **changes)


def person(number: int | str, **changes: Any) -> Person:
    name = f"p{number}"
    made = Person(
        OktaId(f"00u{number}"),
        f"{name}@acme.com",
        f"{name}@acme.com",
        PersonState.ACTIVE,
        "oty1",
        "2026-01-01T00:00:00Z",
        ("Sales", f"{name}@acme.com", name),
    )
    return replace(made, **changes)


def account_of(one: Person, **changes: Any) -> Account:
    department, email, first = one.profile
    made = Account(ScimId(f"s-{one.okta_id}"), one.okta_id, one.user_name, True, (first, email, department))
    return replace(made, **changes)


def organization(**changes: Any) -> Organization:
    made = Organization("Enterprise", "true", True, URL, "Invoice", 50, 0, 0, 50, "calendly")
    return replace(made, **changes)


def table(rows: Mapping[str, str] | None = None, **changes: Any) -> GroupTable:
    rows = {"Sales": "Sales", "Engineering": "Engineering"} if rows is None else rows
    made = GroupTable(GROUP, grouped(rows), "Never", "Keep", "d1", frozenset({"Sales", "Engineering"}))
    return replace(made, **changes)


APP = AppState(
    "00o1",
    "0oa1",
    "Calendly",
    "calendly",
    "ACTIVE",
    "SAML_2_0",
    frozenset(),
    "${source.email}",
    "BUILT_IN",
    {"oty1": "default"},
    frozenset(READ),
)


def actual(
    people: Iterable[Person] = (), accounts: Iterable[Account] = (), *, admin: bool = True, **changes: Any
) -> Actual:
    """What was read. `changes` are fields of AssignmentState."""
    held = tuple(accounts)
    used = sum(account.active for account in held)
    org = organization(used=used, free=50 - used) if admin else None
    provider = ProviderState(Probe(True, 0.1, NOW), org, table() if admin else None)
    assignments = replace(AssignmentState(tuple(people), {}, {}, {}), **changes)
    return Actual(APP, assignments, provider, AccountState(held))


def with_provider(state: Actual, **changes: Any) -> Actual:
    return replace(state, provider=replace(state.provider, **changes))


def with_groups(state: Actual, members: Mapping[str, Iterable[str]], fault: str = "") -> Actual:
    """`state` with these groups, each read with the people of whose numbers it is told."""
    ids = {name: (f"g-{name}",) for name in members}
    held = {name: frozenset(ScimId(f"s-00u{n}") for n in numbers) for name, numbers in members.items()}
    state = with_provider(state, table=table({}))
    return replace(state, accounts=replace(state.accounts, groups=GroupState(ids, held, fault)))


def with_app(state: Actual, **changes: Any) -> Actual:
    return replace(state, app=replace(state.app, **changes))


def memory(accounts: Iterable[Account] = (), **changes: Any) -> Memory:
    """What is remembered of a tenant whose accounts all are ours."""
    pairs = {OktaId(one.external_id): one.scim_id for one in accounts if one.external_id}
    return replace(Memory(pairs=pairs, tenant=URL, app_id="0oa1", is_new=False), **changes)


def group(group_id: str, name: str, count: int | None = None, kind: str = "OKTA_GROUP") -> OktaGroup:
    return OktaGroup(group_id, name, kind, count)


def ref(
    name: str = "", group_id: str = "", priority: int | None = None, field: str = "spec.priority[0]"
) -> GroupRef:
    return GroupRef(group_id, name, priority, field)


def done(actions: Iterable[Action]) -> tuple[Outcome, ...]:
    return tuple(
        Outcome(action, Result.DONE, remote_id=action.remote_id or f"s-{action.subject}")
        for action in actions
    )


def carry_out(state: Actual, actions: Iterable[Action], desired: Desired) -> Actual:
    """The world after `actions`: what a provider that does as it is told holds then."""
    accounts = {account.scim_id: account for account in state.accounts.accounts}
    provider, groups = state.provider, state.accounts.groups
    for action in actions:
        if groups is not None and action.kind in GROUP_KINDS:
            groups = _regrouped(groups, action)
            continue
        if action.kind is ActionKind.SAVE_GROUP_TABLE:
            saved = table_of(action)
            assert provider.table is not None
            provider = replace(
                provider,
                table=replace(
                    provider.table,
                    attribute=saved.attribute,
                    entries=saved.rows,
                    create_groups=saved.create_groups,
                    unmapped=saved.unmapped,
                ),
            )
        else:
            scim_id = ScimId(action.remote_id or f"s-{action.subject}")
            blank = Account(scim_id, "", "", False, (None,) * len(desired.reads.paths))
            accounts[scim_id] = _written(accounts.get(scim_id, blank), action, desired)
    held = tuple(accounts.values())
    used = sum(account.active for account in held)
    if provider.organization is not None:
        provider = replace(provider, organization=replace(provider.organization, used=used, free=50 - used))
    return replace(state, accounts=AccountState(held, groups=groups), provider=provider)


def _regrouped(groups: GroupState, action: Action) -> GroupState:
    if action.kind is ActionKind.CREATE_PROVIDER_GROUP:
        name = action.subject
        return replace(
            groups,
            ids={**groups.ids, name: (f"g-{name}",)},
            members={**groups.members, name: frozenset[ScimId]()},
        )
    member = frozenset({ScimId(action.remote_id or f"s-{action.subject}")})
    joined, left = changed_groups(action)
    members = dict(groups.members)
    members |= {name: members[name] | member for name in joined}
    members |= {name: members[name] - member for name in left}
    return replace(groups, members=members)


def _written(account: Account, action: Action, desired: Desired) -> Account:
    fields = dict(action.after)
    return replace(
        account,
        external_id=fields.get("externalId", account.external_id),
        user_name=fields.get("userName", account.user_name),
        active=fields.get("active", account.active),
        values=tuple(
            fields.get(path, value) for path, value in zip(desired.reads.paths, account.values, strict=True)
        ),
    )
