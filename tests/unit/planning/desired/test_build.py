"""From specs to desired state: what is refused with which field and fix, what is reported of a sibling."""

from __future__ import annotations

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from controller.api.group_mapping import GroupMappingSpec
from controller.api.okta_org import OktaOrgSpec
from controller.api.scim_integration import ScimIntegrationSpec
from controller.api.seat_limit import SeatLimitSpec
from controller.errors import SpecError, Waiting
from controller.planning.base.desired import Desired
from controller.planning.base.inputs import AppNames, Inputs, Resource, Rival, SecretKey, SecretNote
from controller.planning.desired.build import build_desired, check_actual
from controller.planning.desired.conflicts import check_observed_app
from controller.planning.desired.references import check_org
from controller.planning.desired.spec_checks import MAX_PEOPLE
from tests.unit.planning.world import APP, actual, person, with_app

SPEC: dict[str, Any] = {
    "okta": {"orgRef": {"name": "acme"}, "app": {"label": "Calendly"}},
    "provider": {
        "baseUrl": "https://scim.example.com/scim/v2/acme/",
        "auth": {"secretRef": {"name": "calendly-scim"}},
        "profile": {"name": "calendly"},
        "admin": {
            "baseUrl": "https://scim.example.com/admin/v1/acme",
            "secretRef": {"name": "calendly-admin"},
        },
    },
    "provisioning": {"by": "Operator"},
    "groups": {"sources": [{"source": "user.department"}]},
}
ORG = {"url": "https://acme.okta.com", "auth": {"type": "ApiToken", "secretRef": {"name": "okta-api"}}}
MAPPING = {
    "integrationRef": {"name": "calendly"},
    "mappings": [{"values": ["Sales"], "providerGroup": "Sales"}],
}
LIMIT = {"integrationRefs": [{"name": "calendly"}], "seats": 50}


def secret(name: str, *keys: str, hosts: str = "scim.example.com") -> frozenset[SecretKey]:
    return frozenset(SecretKey(name, key, frozenset(hosts.split(","))) for key in keys)


SECRETS = {
    ("team", "okta-api"): secret("okta-api", "apiToken", "clientId", "privateKey", hosts="acme.okta.com"),
    ("team", "calendly-scim"): secret("calendly-scim", "token", "username", "password"),
    ("team", "calendly-admin"): secret("calendly-admin", "token"),
    ("team", "calendly-okta"): secret("calendly-okta", "token"),
}


def resource(kind: str, name: str, model: Any, spec: dict[str, Any], **changes: Any) -> Resource[Any]:
    made = Resource(kind, "team", name, f"uid-{name}", 3, "2026-01-02T00:00:00Z", model.model_validate(spec))
    return replace(made, **changes)


def merged(spec: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    made = copy.deepcopy(spec)
    for key, value in change.items():
        both = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = merged(made[key], value) if both else value
    return made


def inputs(
    change: dict[str, Any] | None = None, *, meta: dict[str, Any] | None = None, **fields: Any
) -> Inputs:
    spec = merged(SPEC, change or {})
    integration = resource("ScimIntegration", "calendly", ScimIntegrationSpec, spec, **(meta or {}))
    made = Inputs(integration, resource("OktaOrg", "acme", OktaOrgSpec, ORG), secrets=SECRETS)
    return replace(made, **fields)


def mapping(name: str, *rows: tuple[list[str], str], **changes: Any) -> Resource[Any]:
    listed = [{"values": values, "providerGroup": group} for values, group in rows]
    return resource("GroupMapping", name, GroupMappingSpec, {**MAPPING, "mappings": listed}, **changes)


def limit(name: str, change: dict[str, Any] | None = None, **changes: Any) -> Resource[Any]:
    return resource("SeatLimit", name, SeatLimitSpec, {**LIMIT, **(change or {})}, **changes)


def build(change: dict[str, Any] | None = None, **fields: Any) -> Desired:
    return build_desired(inputs(change, **fields))[0]


def test_the_five_attributes_and_the_group_are_what_calendly_takes_by_default() -> None:
    desired = build(mappings=(mapping("teams", (["Sales"], "Sales")),))
    assert [one.target for one in desired.attributes] == ["givenName", "familyName", "email", "displayName"]
    assert desired.reads.paths == (
        "name.givenName",
        "name.familyName",
        "emails[primary]",
        "displayName",
        "urn:calendly:scim:schemas:2.0:User:group",
    )
    assert desired.reads.attributes == ("department", "displayName", "email", "firstName", "lastName")
    assert desired.group is not None
    assert (desired.group.index, desired.group.attribute_name) == (4, "calendlyGroup")
    assert desired.base_url == "https://scim.example.com/scim/v2/acme"


ROTATION = {
    "oktaTokenRef": {"name": "calendly-okta"},
    "tokenRotation": {"every": "2160h", "issueTo": {"name": "calendly-scim"}},
}


def test_without_a_rotation_nothing_is_rotated() -> None:
    assert build().rotation is None
    assert build({"provider": ROTATION}, meta={"is_deleting": True}).rotation is None


def test_both_tokens_are_rotated_where_okta_provisions_and_each_bears_a_name_of_its_own() -> None:
    notes = {("team", "calendly-scim"): SecretNote("Flux", "t1")}
    change = {"provider": ROTATION, "provisioning": {"by": "Okta"}}
    rotation = build(change, secret_notes=notes).rotation
    assert rotation is not None
    own, okta = rotation.places
    assert (rotation.every, rotation.min_overlap) == (timedelta(hours=2160), timedelta(hours=24))
    assert (own.secret, own.key, own.used_secret, own.owner, own.replaced) == (
        "calendly-scim", "token", "calendly-scim", "Flux", "t1",
    )  # fmt: skip
    assert (okta.secret, okta.key, okta.owner) == ("calendly-okta", "token", "")
    assert own.token_name.startswith("operator team/calendly ") and own.token_name != okta.token_name
    again = build(change, meta={"uid": "another"}).rotation
    assert again is not None and again.places[0].token_name != own.token_name


def test_oktas_token_is_not_rotated_where_okta_does_not_use_it() -> None:
    rotation = build({"provider": ROTATION}).rotation
    assert rotation is not None and [place.holder for place in rotation.places] == ["operator"]


def test_only_bearer_tokens_of_the_operator_are_rotated() -> None:
    rotation = build({"provider": {**ROTATION, "auth": {"type": "Basic"}}}).rotation
    assert rotation is not None and rotation.places == ()


def test_a_secret_that_tokens_are_issued_into_may_be_empty_but_has_to_exist() -> None:
    empty = {**SECRETS, ("team", "calendly-scim"): frozenset[SecretKey]()}
    assert build({"provider": ROTATION}, secrets=empty).rotation is not None
    with pytest.raises(Waiting, match="key token"):
        build(secrets=empty)
    gone = {place: keys for place, keys in SECRETS.items() if place[1] != "calendly-scim"}
    with pytest.raises(Waiting, match="the Secret calendly-scim is missing"):
        build({"provider": ROTATION}, secrets=gone)


def test_oktas_secret_may_be_empty_too_where_its_token_is_issued() -> None:
    empty = {**SECRETS, ("team", "calendly-okta"): frozenset[SecretKey]()}
    assert build({"provider": ROTATION, "provisioning": {"by": "Okta"}}, secrets=empty).rotation is not None
    with pytest.raises(Waiting, match="key token"):
        build({"provider": ROTATION}, secrets=empty)


def test_each_attribute_reads_its_own_place() -> None:
    desired = build()
    values = {
        "department": "Sales",
        "displayName": "Ada L",
        "email": "a@x",
        "firstName": "Ada",
        "lastName": "L",
    }
    profile = tuple(values[name] for name in desired.reads.attributes)
    assert [one.expression.evaluate(profile) for one in desired.attributes] == ["Ada", "L", "a@x", "Ada L"]


def other(change: dict[str, Any]) -> dict[str, Any]:
    return {"provider": {"auth": change}}


ITEM = {"target": "title", "source": "user.title", "scim": "title"}
GENERIC = {"provider": {"profile": {"name": "generic"}}}
REFUSED: tuple[tuple[str, dict[str, Any], str, str], ...] = (
    (
        "an expression",
        {"groups": {"sources": [{"source": "user.x +"}]}},
        "spec.groups.sources[0].source",
        "ends too early",
    ),
    (
        "a path the profile refuses",
        {"attributes": {"items": [ITEM]}},
        "spec.attributes.items[0].scim",
        "does not take title",
    ),
    (
        "a path twice",
        {**GENERIC, "attributes": {"items": [ITEM, {**ITEM, "target": "x"}]}},
        "spec.attributes.items[1]",
        "an earlier item writes title",
    ),
    (
        "a target without a path",
        {"attributes": {"items": [{"target": "title", "source": "user.title"}]}},
        "spec.attributes.items[0].scim",
        "say with scim",
    ),
    (
        "a reserved path",
        {"attributes": {"items": [{**ITEM, "scim": "userName"}]}},
        "spec.attributes.items[0].scim",
        "not written by an attribute",
    ),
    (
        "ScimGroups of a profile without",
        {"groups": {"via": "ScimGroups"}},
        "spec.groups.via",
        "no SCIM /Groups",
    ),
    (
        "ScimGroups where Okta provisions",
        {**GENERIC, "groups": {"via": "ScimGroups"}, "provisioning": {"by": "Okta"}},
        "spec.groups.via",
        "Group Push",
    ),
    ("no group attribute", GENERIC, "spec.groups.attribute", "has no group attribute of its own"),
    (
        "a source twice",
        {"groups": {"sources": [{"source": "user.a"}, {"source": "user.b"}]}},
        "spec.groups.sources[1]",
        "has a source already",
    ),
    (
        "the group's path is an item's",
        {
            **GENERIC,
            "attributes": {"items": [{**ITEM, "scim": "urn:x:y"}]},
            "groups": {"attribute": {"name": "g", "externalName": "y", "externalNamespace": "urn:x"}},
        },
        "spec.groups.attribute",
        "written by spec.attributes.items too",
    ),
    (
        "a schedule",
        {"windows": [{"schedule": "61 8 * * *", "duration": "1h"}]},
        "spec.windows[0]",
        "five cron fields",
    ),
    (
        "a time zone",
        {"windows": [{"schedule": "0 8 * * *", "duration": "1h", "timeZone": "Mars/Base"}]},
        "spec.windows[0]",
        "IANA name",
    ),
)


@pytest.mark.parametrize(("name", "change", "field", "fix"), REFUSED, ids=[row[0] for row in REFUSED])
def test_a_wrong_spec_names_the_field_and_the_fix(
    name: str, change: dict[str, Any], field: str, fix: str
) -> None:
    with pytest.raises(SpecError) as caught:
        build(change)
    assert caught.value.field == field, name
    assert fix in caught.value.message


def test_what_only_okta_can_evaluate_is_left_to_it_if_it_provisions() -> None:
    of_a_group = 'isMemberOfGroupName("Sales") ? "Sales" : user.department'
    change: dict[str, Any] = {"groups": {"sources": [{"source": of_a_group}]}}
    with pytest.raises(SpecError) as caught:
        build(change)
    assert caught.value.field == "spec.groups.sources[0].source"
    assert "cannot be evaluated here" in caught.value.message
    desired = build(
        {**change, "provisioning": {"by": "Okta"}, "provider": {"oktaTokenRef": {"name": "calendly-okta"}}}
    )
    assert desired.group is not None
    source = desired.group.sources["default"]
    assert (source.text, source.needs) == (of_a_group, "the groups of the person")
    assert source.reads == {"department"}


def test_with_scim_groups_no_attribute_is_read_or_written_for_the_group() -> None:
    desired = build({**GENERIC, "groups": {"via": "ScimGroups"}})
    assert desired.group is not None
    assert (desired.group.via, desired.group.path) == ("ScimGroups", "")
    assert len(desired.reads.paths) == len(desired.attributes) == 4
    assert "department" in desired.reads.attributes


# References.


def without(name: str) -> dict[tuple[str, str], frozenset[SecretKey]]:
    return {place: keys for place, keys in SECRETS.items() if place[1] != name}


def replaced(
    name: str, *keys: str, hosts: str = "scim.example.com"
) -> dict[tuple[str, str], frozenset[SecretKey]]:
    return {**SECRETS, ("team", name): secret(name, *keys, hosts=hosts)}


def test_an_org_alone_is_told_of_its_secret_by_its_own_field() -> None:
    org = resource("OktaOrg", "acme", OktaOrgSpec, ORG)
    check_org(org, SECRETS)
    with pytest.raises(Waiting, match=r"^spec\.auth\.secretRef: the Secret okta-api is missing"):
        check_org(org, without("okta-api"))
    with pytest.raises(SpecError, match="kubectl annotate secret okta-api") as caught:
        check_org(org, replaced("okta-api", "apiToken", hosts="other.example.com"))
    assert (caught.value.field, caught.value.reason) == ("spec.auth.secretRef", "HostNotAllowed")


def test_a_missing_org_is_waited_for() -> None:
    with pytest.raises(Waiting, match="there is no OktaOrg acme in namespace team") as caught:
        build(org=None)
    assert caught.value.reason == "OrgNotFound"


WAITED = (
    (
        "a Secret",
        {},
        without("calendly-scim"),
        "kubectl create secret generic calendly-scim -n team --from-literal=token=...",
    ),
    ("the org's Secret", {}, without("okta-api"), "--from-literal=apiToken=..."),
    (
        "a key",
        {},
        replaced("calendly-scim", "other"),
        'kubectl patch secret calendly-scim -n team -p \'{"stringData": {"token": "..."}}\'',
    ),
    ("the admin's Secret", {}, without("calendly-admin"), "spec.provider.admin.secretRef"),
    ("a key of Basic", other({"type": "Basic"}), replaced("calendly-scim", "username"), '"password"'),
    (
        "a Secret for issued tokens",
        {"provider": {"tokenRotation": {"every": "2160h", "issueTo": {"name": "gone"}}}},
        SECRETS,
        "kubectl create secret generic gone -n team",
    ),
    (
        "Okta's token",
        {"provisioning": {"by": "Okta"}, "provider": {"oktaTokenRef": {"name": "calendly-okta"}}},
        without("calendly-okta"),
        "spec.provider.oktaTokenRef",
    ),
)


@pytest.mark.parametrize(("name", "change", "secrets", "fix"), WAITED, ids=[row[0] for row in WAITED])
def test_what_is_missing_is_named_with_the_command(
    name: str, change: dict[str, Any], secrets: Any, fix: str
) -> None:
    with pytest.raises(Waiting) as caught:
        build(change, secrets=secrets)
    assert caught.value.reason == "SecretNotFound", name
    assert fix in caught.value.message


def test_a_secret_goes_only_to_hosts_that_it_names() -> None:
    secrets = replaced("calendly-scim", "token", hosts="elsewhere.example.com")
    with pytest.raises(SpecError) as caught:
        build(secrets=secrets)
    assert caught.value.reason == "HostNotAllowed"
    assert (
        "kubectl annotate secret calendly-scim -n team scim-operator.dev/allowed-hosts="
        "elsewhere.example.com,scim.example.com --overwrite"
    ) in caught.value.message


HOSTS = (
    ("the same host", "https://scim.example.com/x", "scim.example.com", True),
    ("upper case", "https://SCIM.example.com/x", " Scim.Example.com ", True),
    ("the scheme's port", "https://scim.example.com/x", "scim.example.com:443", True),
    ("another port", "https://scim.example.com:8443/x", "scim.example.com", False),
    ("that port", "https://scim.example.com:8443/x", "scim.example.com:8443", True),
    ("a longer name", "https://scim.example.com.evil.dev/x", "scim.example.com", False),
    ("an IPv6 address", "http://[::1]:8080/x", "[::1]:8080", True),
)


@pytest.mark.parametrize(("name", "url", "hosts", "allowed"), HOSTS, ids=[row[0] for row in HOSTS])
def test_a_host_is_allowed_exactly(name: str, url: str, hosts: str, allowed: bool) -> None:
    change = {"provider": {"baseUrl": url, "admin": None}, "groups": None}
    secrets = replaced("calendly-scim", "token", hosts=hosts)
    if allowed:
        build(change, secrets=secrets)
    else:
        with pytest.raises(SpecError, match="does not name"):
            build(change, secrets=secrets)


def test_client_credentials_go_to_the_token_endpoint_too() -> None:
    change = other({"type": "OAuth2ClientCredentials", "tokenUrl": "https://login.example.com/token"})
    secrets = replaced("calendly-scim", "clientId", "clientSecret")
    with pytest.raises(SpecError, match=r"login\.example\.com"):
        build(change, secrets=secrets)


NAMESPACES: tuple[tuple[str, dict[str, Any], dict[str, dict[str, str]], bool], ...] = (
    ("its own only", {"from": "Same"}, {}, False),
    ("all", {"from": "All"}, {}, True),
    (
        "by label",
        {"from": "Selector", "selector": {"matchLabels": {"scim": "yes"}}},
        {"team": {"scim": "yes"}},
        True,
    ),
    (
        "by another label",
        {"from": "Selector", "selector": {"matchLabels": {"scim": "yes"}}},
        {"team": {"scim": "no"}},
        False,
    ),
    ("labels unknown", {"from": "Selector", "selector": {"matchLabels": {}}}, {}, False),
)


@pytest.mark.parametrize(
    ("name", "allowed", "labels", "is_let_in"), NAMESPACES, ids=[row[0] for row in NAMESPACES]
)
def test_another_namespace_needs_leave(name: str, allowed: Any, labels: Any, is_let_in: bool) -> None:
    org = resource(
        "OktaOrg", "acme", OktaOrgSpec, {**ORG, "allowedNamespaces": allowed}, namespace="platform"
    )
    secrets = {**SECRETS, ("platform", "okta-api"): SECRETS["team", "okta-api"]}
    change = {"okta": {"orgRef": {"namespace": "platform"}}}
    if is_let_in:
        build(change, org=org, namespace_labels=labels, secrets=secrets)
    else:
        with pytest.raises(SpecError, match="does not allow namespace team") as caught:
            build(change, org=org, namespace_labels=labels, secrets=secrets)
        assert caught.value.reason == "NamespaceNotAllowed"


# Rivals.


def rival(
    created: str = "2026-01-01T00:00:00Z",
    url: str = "https://other.example.com",
    **app: str,
) -> Rival:
    names = AppNames(**{name: frozenset({found}) for name, found in app.items()})
    return Rival("other", "calendly", created, "uid-rival", url, names)


PINNED = {"status": {"app": {"orgId": "00o1", "id": "0oa1"}}}
RIVALS = (
    ("the tenant", rival(url="https://SCIM.example.com:443/scim/v2/acme"), {}, "same tenant"),
    ("the app by label", rival(org_urls="https://acme.okta.com", labels="Calendly"), {}, "same Okta app"),
    ("the app by id", rival(org_ids="00o1", ids="0oa1"), PINNED, "same Okta app"),
)


@pytest.mark.parametrize(("name", "one", "meta", "told"), RIVALS, ids=[row[0] for row in RIVALS])
def test_the_later_of_two_yields(name: str, one: Rival, meta: Any, told: str) -> None:
    with pytest.raises(SpecError, match=told) as caught:
        build(meta=meta, rivals=(one,))
    assert caught.value.reason == "Conflict", name
    build(meta=meta, rivals=(replace(one, created="2026-01-03T00:00:00Z"),))
    claimed = replace(one, is_proven=False)
    build(meta=meta, rivals=(claimed,))
    with pytest.raises(Waiting, match="not known yet"):
        build(meta=meta, rivals=(replace(claimed, is_unread=True),))
    with pytest.raises(SpecError, match=told):
        build(meta=meta, rivals=(replace(claimed, namespace="team"),))


def test_other_apps_and_tenants_are_no_rivals() -> None:
    build(
        rivals=(
            rival(org_urls="https://other.okta.com", labels="Calendly"),
            rival(org_ids="00o1", ids="0oa2"),
        ),
        meta=PINNED,
    )
    build(meta={"status": {"app": "?"}}, rivals=(rival(),))


# Siblings.


def test_a_value_claimed_twice_is_told_on_both_and_claimed_by_none() -> None:
    mappings = (
        mapping("a", (["Sales", "Legal"], "Sales")),
        mapping("b", (["Sales"], "Other")),
    )
    desired, problems = build_desired(inputs(mappings=mappings))
    assert desired.group is not None
    assert dict(desired.group.table) == {"Legal": "Sales"}
    assert desired.group.contested == {"Sales"}
    assert [(one.kind, one.name, one.reason) for one in problems] == [
        ("GroupMapping", "a", "ValueClaimedTwice"),
        ("GroupMapping", "b", "ValueClaimedTwice"),
    ]
    assert "GroupMapping b claims it too" in problems[0].message
    assert problems[0].field == "spec.mappings[0].values"


def test_a_value_claimed_twice_by_one_mapping_and_a_group_named_twice_are_told() -> None:
    _, problems = build_desired(
        inputs(mappings=(mapping("a", (["Sales"], "Sales"), (["Sales", "x"], "Sales")),))
    )
    assert sorted(one.reason for one in problems) == ["GroupNamedTwice", "ValueClaimedTwice"]
    assert any("another row of this GroupMapping" in one.message for one in problems)


def test_a_mapping_without_a_source_of_values_is_told() -> None:
    desired, problems = build_desired(inputs({"groups": None}, mappings=(mapping("a", (["x"], "y")),)))
    assert desired.group is None
    assert "has no spec.groups" in problems[0].message


def test_a_mapping_that_is_being_deleted_does_not_count() -> None:
    desired, _ = build_desired(inputs(mappings=(mapping("a", (["x"], "y"), is_deleting=True),)))
    assert desired.group is not None
    assert not desired.group.table
    assert not desired.group.mappings


def test_the_older_of_two_limits_counts() -> None:
    limits = (limit("new", {"seats": 9}, created="2026-02-01T00:00:00Z"), limit("old"))
    desired, problems = build_desired(inputs(limits=limits))
    assert desired.seats is not None
    assert (desired.seats.name, desired.seats.seats) == ("old", 50)
    assert [(one.name, one.reason) for one in problems] == [("new", "Conflict")]


def test_a_limit_carries_its_order_its_billing_and_the_invitations_of_the_profile() -> None:
    change = {
        "priority": [{"oktaGroup": {"name": "Executives"}}, {"oktaGroup": {"id": "00g1"}}],
        "billing": {"method": "Card", "billingPage": "https://pay"},
        "reclaim": {"inactiveFor": "2160h"},
    }
    desired, problems = build_desired(inputs(limits=(limit("seats", change),)))
    assert problems == ()
    assert desired.seats is not None
    assert [(one.name, one.group_id) for one in desired.seats.priority] == [("Executives", ""), ("", "00g1")]
    assert desired.seats.priority[1].field == "spec.priority[1].oktaGroup"
    assert (desired.seats.billing_method, desired.seats.billing_where) == ("Card", "https://pay")
    assert desired.seats.inactive_for == timedelta(days=90)
    assert desired.seats.invites


def test_seats_are_needed_where_nobody_can_tell_them() -> None:
    _, problems = build_desired(
        inputs({"provider": {"admin": None}}, limits=(limit("seats", {"seats": None}),))
    )
    assert [(one.kind, one.field) for one in problems] == [("SeatLimit", "spec.seats")]


def test_a_limit_over_several_integrations_is_told() -> None:
    change = {"integrationRefs": [{"name": "calendly"}, {"name": "other"}]}
    _, problems = build_desired(inputs(limits=(limit("seats", change), limit("gone", is_deleting=True))))
    assert [one.field for one in problems] == ["spec.integrationRefs"]


# The rest of the spec.


def test_an_approval_counts_once() -> None:
    annotations = {"scim-operator.dev/approve": "abc#2"}
    assert build(meta={"annotations": annotations}).approval == "abc#2"
    assert build(meta={"annotations": annotations, "status": {"lastHandledApproval": "abc#2"}}).approval == ""


def test_acknowledged_steps_are_read() -> None:
    done = {"scim-operator.dev/done": "provider-plan=aa, provider-sso = bb,broken"}
    assert dict(build(meta={"annotations": done}).acknowledged) == {
        "provider-plan": "aa",
        "provider-sso": "bb",
    }


def test_overrides_change_single_settings_of_the_profile() -> None:
    overrides = {
        "allowedPaths": ["title"],
        "externalId": "Dropped",
        "patch": "Put",
        "deferredPaths": [],
        "resendAfter": "48h",
        "pageSize": 7,
        "newAccounts": "Active",
    }
    change = {
        "provider": {"profile": {"overrides": overrides}},
        "attributes": {"items": [ITEM]},
        "groups": None,
    }
    profile = build(change).profile
    assert profile.allowed_paths == {"title"}
    assert not profile.keeps_external_id
    assert (profile.patch, profile.page_size, profile.invites) == ("Put", 7, False)
    assert (profile.defers, profile.resend_after) == (frozenset(), timedelta(hours=48))
    kept = build({"provider": {"profile": {"overrides": {}}}}).profile
    assert (kept.keeps_external_id, kept.invites, kept.page_size) == (True, True, 100)
    assert kept.resend_after == timedelta(days=7)


def test_everything_else_is_carried_over() -> None:
    change = {
        "mode": "Enforce",
        "requirements": {"plan": "Enterprise", "sso": "Required"},
        "provisioning": {"by": "Okta"},
        "provider": {"oktaTokenRef": {"name": "calendly-okta"}},
        "assignments": {
            "oktaGroups": [{"name": "Users", "priority": 3}],
            "users": ["Ada@acme.com"],
            "prune": "Undeclared",
        },
        "windows": [{"schedule": "0 8 * * 1-5", "duration": "10h"}],
    }
    org = resource("OktaOrg", "acme", OktaOrgSpec, {**ORG, "protected": ["Root@acme.com", "00uR"]})
    desired = build(change, org=org, meta={"status": {"history": [{}], "app": {"id": "0oa1"}}})
    assert (desired.required_plan, desired.sso_required, desired.mode) == ("Enterprise", True, "Enforce")
    assert desired.okta_token_name == "calendly-okta/token"
    assert desired.protected >= {"root@acme.com", "00uR"}
    assert desired.assignments.groups[0].priority == 3
    assert desired.assignments.prune
    assert desired.windows[0].duration == timedelta(hours=10)
    assert desired.safeguards.leavers.percent is None
    assert desired.has_written
    assert desired.pinned_app == "0oa1"


def test_a_service_app_needs_its_two_keys() -> None:
    auth = {"type": "ServiceApp", "secretRef": {"name": "okta-api"}}
    org = resource("OktaOrg", "acme", OktaOrgSpec, {**ORG, "auth": auth})
    build(org=org)
    with pytest.raises(Waiting, match="the key privateKey"):
        build(org=org, secrets=replaced("okta-api", "clientId", hosts="acme.okta.com"))


# After the reading.


READ = frozenset({"department", "displayName", "email", "firstName", "lastName"})


def state(**app: Any) -> Any:
    return with_app(actual([person(1)]), **{"user_attributes": READ, **app})


def test_what_was_read_fits_the_desired_state() -> None:
    check_actual(build(), state())


UNFIT: tuple[tuple[str, dict[str, Any], dict[str, Any], str, str], ...] = (
    (
        "Okta pushes",
        {},
        {"features": frozenset({"PUSH_NEW_USERS"})},
        "spec.provisioning.by",
        "PUSH_NEW_USERS",
    ),
    (
        "an attribute lacks",
        {},
        {"user_attributes": READ - {"firstName"}},
        "spec.attributes.items[0].source",
        "user.firstName",
    ),
    (
        "a typo",
        {"groups": {"sources": [{"source": "user.departement"}]}},
        {},
        "spec.groups.sources[0].source",
        "did you mean user.department?",
    ),
    ("another app", {}, {"app_id": "0oa2"}, "spec.okta.app.label", "write spec.okta.app.id: 0oa2"),
    ("an inactive app", {}, {"status": "INACTIVE"}, "spec.okta.app", "activate it"),
)


@pytest.mark.parametrize(("name", "change", "app", "field", "fix"), UNFIT, ids=[row[0] for row in UNFIT])
def test_what_cannot_be_names_the_field_and_the_fix(
    name: str, change: dict[str, Any], app: dict[str, Any], field: str, fix: str
) -> None:
    desired = build(change, meta={"status": {"app": {"id": "0oa1"}}})
    with pytest.raises(SpecError) as caught:
        check_actual(desired, state(**app))
    assert caught.value.field == field, name
    assert fix in caught.value.message


def test_an_integration_without_groups_has_no_source_of_a_group_to_check() -> None:
    check_actual(replace(build(), group=None), state())


def test_more_people_than_one_integration_holds_are_refused() -> None:
    one = person(1)
    full = state()
    crowded = replace(full, assignments=replace(full.assignments, people=(one,) * (MAX_PEOPLE + 1)))
    with pytest.raises(SpecError, match="split it over several apps") as caught:
        check_actual(build(), crowded)
    assert caught.value.reason == "TooManyPeople"


def test_a_first_run_waits_for_an_older_one_that_may_have_the_same_app() -> None:
    unread = replace(rival(org_urls="https://other.okta.com", labels="Calendly"), is_unread=True)
    with pytest.raises(Waiting, match="may manage the same Okta app"):
        build(rivals=(unread,))
    build(rivals=(unread,), meta=PINNED)


def test_the_app_that_was_read_is_compared_again() -> None:
    given = inputs(rivals=())
    found = rival(org_ids="00o1", ids="0oa1")
    with pytest.raises(SpecError, match="same Okta app"):
        check_observed_app(given, (found,), APP)
    check_observed_app(replace(given, org=None), (rival(org_ids="00o1", ids="0oa2"),), APP)
