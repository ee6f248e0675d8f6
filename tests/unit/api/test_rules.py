"""Every CEL rule of the four kinds: what it accepts and what it refuses, through the schema room."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from controller.api import KINDS
from controller.api.crds import build_schema
from controller.schema import compile_schema
from tests.unit.api.samples import FULL, SMALLEST, edited, resource

COMPILED = {name: compile_schema(build_schema(kind)) for name, kind in KINDS.items()}
S, G, L, O = "ScimIntegration", "GroupMapping", "SeatLimit", "OktaOrg"  # noqa: E741
ORIGIN = "give the origin of the org: https://host, without a path"
WEB = "https, or http on loopback; no query"
SERVICE = "https, or http on loopback or to a Service; no query"
GO = "a Go duration such as 10m or 2160h"
ZONE = "an IANA time zone"
CRON = "five cron fields: minute hour day month weekday"
DAY = "a day that the month has"
PORT = "a port from 1 to 65535"
ONE_OF = "give exactly one of name and id"
OAUTH = "tokenUrl goes with OAuth2ClientCredentials"

Edit = tuple[str, Any]
SEAT_GROUP: tuple[Edit, ...] = (
    ("provisioning.by", "Okta"),
    ("assignments.through", "SeatGroup"),
    ("assignments.seatGroup", {"name": "Seats"}),
)
GROUPS: Edit = ("groups.sources", [{"source": "user.department"}])
WINDOW: Edit = ("windows", [{"schedule": "0 8 * * 1-5", "duration": "10h"}])
ROTATION: tuple[Edit, ...] = (
    ("provider.admin", {"baseUrl": "https://a.example.com", "secretRef": {"name": "admin"}}),
    ("provider.tokenRotation", {"every": "48h", "issueTo": {"name": "calendly"}}),
)
OKTA_TOKEN: tuple[Edit, ...] = (("provisioning.by", "Okta"), ("provider.oktaTokenRef", {"name": "other"}))
FULL_ROW = {"values": [str(n) for n in range(1000)], "providerGroup": "g"}
ITEM: Edit = ("attributes.items", [{"target": "title", "source": "user.title", "scim": "title"}])
OAUTH_CLIENT: tuple[Edit, ...] = (
    ("provider.auth.type", "OAuth2ClientCredentials"),
    ("provider.auth.tokenUrl", "https://a.example.com/t"),
)

ACCEPTED: list[tuple[str, tuple[Edit, ...]]] = [
    *((O, (("url", url),)) for url in ("https://acme.okta.com:8443", "http://127.0.0.1:1", "http://[::1]/")),
    (O, (("auth.dpop", "Required"),)),
    (O, (("auth.type", "ApiToken"),)),
    (O, (("allowedNamespaces", {"from": "Selector", "selector": {}}),)),
    (S, (("okta.app", {"id": "0oa1"}),)),
    (S, (("okta.allowAppReplace", True), ("okta.usernameFormat", "Email"))),
    *(
        (S, (("provider.baseUrl", url),))
        for url in ("http://localhost:8080/scim", "https://a.b/c/d/", "https://a.b:65535/x:99999")
    ),
    (S, OAUTH_CLIENT),
    (S, (*OAUTH_CLIENT, ("provider.auth.tokenUrl", "http://scim.apps.svc.cluster.local:80/t"))),
    (S, (("provider.auth.type", "Basic"),)),
    (S, ROTATION),
    (S, (*ROTATION, ("provider.admin.baseUrl", "http://scim.apps.svc/admin"))),
    (S, OKTA_TOKEN),
    (S, (*OKTA_TOKEN, ("provider.oktaTokenRef", {"name": "calendly", "key": "okta"}))),
    (S, (ITEM,)),
    (S, (("attributes.items", [{"target": "email", "source": "user.email"}]),)),
    (S, (("attributes", {"policy": "Exact", "pruneSchema": "Unmapped"}),)),
    (S, (GROUPS, ("groups.unmapped", {"action": "Default", "group": "All"}))),
    (S, (GROUPS, ("groups.via", "ScimGroups"))),
    (S, SEAT_GROUP),
    (S, (("assignments.oktaGroups", [{"name": "a"}, {"id": "b", "priority": 0}]),)),
    *((S, (("interval", span),)) for span in ("1m", "24h", "1h30m", "90.5m", "60000ms")),
    *((S, (("safeguards.window", span),)) for span in ("1h", "168h")),
    (S, (WINDOW, ("windows.0.timeZone", "America/Argentina/Buenos_Aires"))),
    (S, (WINDOW, ("windows.0.schedule", "*/5  0-6 1,15 JAN-MAR MON"))),
    (G, (("mappings", [FULL_ROW] * 5),)),
    (L, (("seats", 2), ("reserve", 1))),
    (L, (("reserve", 900),)),
    (L, (("warnAtPercent", 94),)),
    (L, (("billing", {"method": "Card", "billingPage": "https://a.example.com"}),)),
    (L, (("reclaim.inactiveFor", "24h"),)),
]


@pytest.mark.parametrize(("kind", "edits"), ACCEPTED, ids=[f"{row[0]}-{row[1]}" for row in ACCEPTED])
def test_rule_lets_pass(kind: str, edits: tuple[Edit, ...]) -> None:
    compiled = COMPILED[kind]
    assert compiled.validate(compiled.default(resource(kind, edited(SMALLEST[kind], *edits)))) == []


REFUSED: list[tuple[str, tuple[Edit, ...], str, str]] = [
    *(
        (O, (("url", url),), "spec.url", ORIGIN)
        for url in (
            "http://acme.okta.com",
            "https://acme.okta.com/x",
            "ftp://a",
            "https://a b",
            "https://a?b",
        )
    ),
    (
        O,
        (("auth.type", "ApiToken"), ("auth.dpop", "Required")),
        "spec.auth",
        "dpop: Required goes with type ServiceApp",
    ),
    (
        O,
        (("allowedNamespaces.from", "Selector"),),
        "spec.allowedNamespaces",
        "selector goes with from: Selector",
    ),
    (O, (("allowedNamespaces.selector", {}),), "spec.allowedNamespaces", "selector goes with from: Selector"),
    (S, (("okta.app.id", "0oa1"),), "spec.okta.app", "give exactly one of id and label"),
    (S, (("okta.app", {}),), "spec.okta.app", "give exactly one of id and label"),
    (S, (("okta.allowAppReplace", True),), "spec.okta", "allowAppReplace goes with usernameFormat"),
    *(
        (S, (("provider.baseUrl", url),), "spec.provider.baseUrl", WEB)
        for url in ("http://scim.example.com", "https://a/b?c=d", "https://a/#b", "scim.example.com")
    ),
    *(
        (S, (("provider.baseUrl", f"https://a.b{end}"),), "spec.provider.baseUrl", PORT)
        for end in (":99999", ":65536/scim", ":0", ":70000/")
    ),
    (O, (("url", "http://[::1]:66000"),), "spec.url", PORT),
    (S, (("provider.auth.type", "OAuth2ClientCredentials"),), "spec.provider.auth", OAUTH),
    (S, (("provider.auth.tokenUrl", "https://a.example.com"),), "spec.provider.auth", OAUTH),
    (
        S,
        (*OAUTH_CLIENT, ("provider.auth.tokenUrl", "http://a.example.com")),
        "spec.provider.auth.tokenUrl",
        SERVICE,
    ),
    (
        S,
        (*ROTATION, ("provider.admin.baseUrl", "http://a.svc.example.com")),
        "spec.provider.admin.baseUrl",
        SERVICE,
    ),
    (S, (*ROTATION, ("provider.admin", None)), "spec.provider", "tokenRotation needs admin"),
    (
        S,
        (*OKTA_TOKEN, ("provider.oktaTokenRef", {"name": "calendly"})),
        "spec.provider",
        "oktaTokenRef is another token than auth.secretRef",
    ),
    (S, (*ROTATION, ("provider.tokenRotation.every", "2 days")), "spec.provider.tokenRotation.every", GO),
    (
        S,
        (
            *ROTATION,
            ("provider.tokenRotation", {"every": "23h", "minOverlap": "1h", "issueTo": {"name": "x"}}),
        ),
        "spec.provider.tokenRotation.every",
        "between 24h and 8760h",
    ),
    (
        S,
        (*ROTATION, ("provider.tokenRotation.minOverlap", "1d")),
        "spec.provider.tokenRotation.minOverlap",
        GO,
    ),
    (
        S,
        (*ROTATION, ("provider.tokenRotation.minOverlap", "48h")),
        "spec.provider.tokenRotation",
        "minOverlap is shorter than every",
    ),
    (
        S,
        (ITEM, ("attributes.items.0.scim", None)),
        "spec.attributes.items[0]",
        "a target beyond the four gives scim",
    ),
    (
        S,
        (ITEM, ("attributes.items.0.target", "userName")),
        "spec.attributes.items[0]",
        "userName is the app user's credential: use okta.usernameFormat",
    ),
    (
        S,
        (("attributes.pruneSchema", "Unmapped"),),
        "spec.attributes",
        "pruneSchema: Unmapped needs policy: Exact",
    ),
    (
        S,
        (GROUPS, ("groups.unmapped.action", "Default")),
        "spec.groups.unmapped",
        "group goes with action: Default",
    ),
    (
        S,
        (GROUPS, ("groups.unmapped.group", "All")),
        "spec.groups.unmapped",
        "group goes with action: Default",
    ),
    (
        S,
        (
            GROUPS,
            ("groups.via", "ScimGroups"),
            ("groups.attribute", {"name": "g", "externalName": "g", "externalNamespace": "urn:g"}),
        ),
        "spec.groups",
        "attribute goes with via: UserAttribute",
    ),
    (
        S,
        (*SEAT_GROUP, ("assignments.seatGroup", None)),
        "spec.assignments",
        "seatGroup goes with through: SeatGroup",
    ),
    (
        S,
        (("assignments.seatGroup.name", "Seats"),),
        "spec.assignments",
        "seatGroup goes with through: SeatGroup",
    ),
    (S, (("assignments.oktaGroups", [{"name": "a", "id": "b"}]),), "spec.assignments.oktaGroups[0]", ONE_OF),
    (S, (("assignments.oktaGroups", [{}]),), "spec.assignments.oktaGroups[0]", ONE_OF),
    *((S, (("interval", span),), "spec.interval", GO) for span in ("1d", "", "1 h", "-1h", "h", "1h\n")),
    *((S, (("interval", span),), "spec.interval", "between 1m and 24h") for span in ("59s", "25h", "0s")),
    *(
        (
            S,
            (("provider.profile", {"name": "calendly", "overrides": {"resendAfter": span}}),),
            "spec.provider.profile.overrides.resendAfter",
            "between 1h and 2160h",
        )
        for span in ("59m", "2161h")
    ),
    (S, (("safeguards.window", "soon"),), "spec.safeguards.window", GO),
    *(
        (S, (("safeguards.window", s),), "spec.safeguards.window", "between 1h and 168h")
        for s in ("59m", "169h")
    ),
    *(
        (S, (WINDOW, ("windows.0.schedule", c)), "spec.windows[0].schedule", DAY)
        for c in ("0 0 31 2 *", "0 0 30 FEB *", "5 4 31  11 *")
    ),
    *(
        (S, (WINDOW, ("windows.0.schedule", c)), "spec.windows[0].schedule", CRON)
        for c in ("0 8 * *", "@daily")
    ),
    (S, (WINDOW, ("windows.0.duration", "1w")), "spec.windows[0].duration", GO),
    (S, (WINDOW, ("windows.0.duration", "1s")), "spec.windows[0].duration", "between 1m and 168h"),
    *(
        (S, (WINDOW, ("windows.0.timeZone", z)), "spec.windows[0].timeZone", ZONE)
        for z in ("Europe/Atlantis", "CEST!")
    ),
    (
        S,
        (("provider.oktaTokenRef", {"name": "other"}),),
        "spec.provider.oktaTokenRef",
        "oktaTokenRef goes with provisioning.by: Okta",
    ),
    (
        S,
        (*SEAT_GROUP, ("provisioning.by", "Operator")),
        "spec.assignments.through",
        "SeatGroup goes with by: Okta",
    ),
    (
        G,
        (("mappings", [*[FULL_ROW] * 5, {"values": ["x"], "providerGroup": "g"}]),),
        "spec",
        "at most 5000 values",
    ),
    (L, (("seats", 5), ("reserve", 5)), "spec.reserve", "reserve is below seats"),
    (L, (("warnAtPercent", 95),), "spec.warnAtPercent", "warnAtPercent is below criticalAtPercent"),
    (L, (("billing.method", "Invoice"),), "spec.billing", "Invoice gives contact, Card gives billingPage"),
    (
        L,
        (("billing", {"method": "Card", "contact": "x"}),),
        "spec.billing",
        "Invoice gives contact, Card gives billingPage",
    ),
    (L, (("priority", [{"oktaGroup": {}}]),), "spec.priority[0].oktaGroup", ONE_OF),
    (L, (("reclaim.inactiveFor", "90d"),), "spec.reclaim.inactiveFor", GO),
    (L, (("reclaim.inactiveFor", "23h"),), "spec.reclaim.inactiveFor", "between 24h and 87600h"),
]


@pytest.mark.parametrize(
    ("kind", "edits", "where", "message"),
    REFUSED,
    ids=[f"{row[2]}-{row[3]}-{n}" for n, row in enumerate(REFUSED)],
)
def test_rule_refuses_with_its_message(kind: str, edits: tuple[Edit, ...], where: str, message: str) -> None:
    compiled = COMPILED[kind]
    found = compiled.validate(compiled.default(resource(kind, edited(SMALLEST[kind], *edits))))
    refused = [finding for finding in found if "evaluating rule" not in finding.message or message == ZONE]
    assert [(f.field, f.type) for f in refused] == [(where, "FieldValueInvalid")]
    assert refused[0].message.endswith(message)


def test_reference_of_a_mapping_cannot_be_changed() -> None:
    old = resource(G, SMALLEST[G])
    new = resource(G, edited(SMALLEST[G], ("integrationRef.name", "other")))
    same = resource(G, edited(SMALLEST[G], ("mappings.0.providerGroup", "Other")))
    assert [str(f) for f in COMPILED[G].validate(new, old)] == [
        "spec.integrationRef: Invalid value: integrationRef is immutable"
    ]
    assert COMPILED[G].validate(same, old) == []


def messages(node: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    for made in node.get("x-kubernetes-validations", ()):
        yield kind, made["message"]
    for sub in (*node.get("properties", {}).values(), *([node["items"]] if "items" in node else ())):
        yield from messages(sub, kind)


def test_every_rule_has_a_refused_case() -> None:
    declared = {pair for name, kind in KINDS.items() for pair in messages(build_schema(kind), name)}
    assert declared - {(row[0], row[3]) for row in REFUSED} == {(G, "integrationRef is immutable")}


def test_full_samples_break_no_rule_when_written_again() -> None:
    for kind, spec in FULL.items():
        assert COMPILED[kind].validate(resource(kind, spec), resource(kind, spec)) == []
