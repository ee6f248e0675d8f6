"""An attacker with `edit` in one namespace, and edit of our kinds there, reaches nothing outside it.

The true operator, a victim in one namespace and an attacker in another, on the embedded API and on a real one
if there is one. The attacker sends nothing that the roles do not grant: each request is judged first, by the
chart's roles and by what Kubernetes' built-in role `edit` says of Secrets and ConfigMaps.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from controller.api import API_VERSION, FINALIZER, KINDS
from controller.errors import NotFound, Rejected
from controller.kube.manifests import resource_path
from controller.kube.paths import object_path
from scim_sandbox.run import OPERATOR_NAMESPACE, open_world
from tests.attack.rights import Roles, asked
from tests.cluster.fixtures import Cluster
from tests.contract.chart.rendering import render
from tests.flow.conftest import Flow, condition, merged, says

pytestmark = pytest.mark.slow
JSON = dict[str, Any]
VICTIM, ATTACKER = "default", "attacker"
INTEGRATION = ("ScimIntegration", "calendly")
BUILT_IN_EDIT: JSON = {
    "apiGroups": [""],
    "resources": ["secrets", "configmaps", "serviceaccounts"],
    "verbs": ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"],
}
BUILT_IN_VIEW: JSON = {"apiGroups": [""], "resources": ["events"], "verbs": ["get", "list", "watch"]}
GARBAGE = "garbage-token-of-the-attacker"
QUIET_SECONDS = 3.0


def attackers_roles() -> Roles:
    """`edit` in the attacker's namespace, with what the chart adds to it."""
    added = [
        rule
        for role in render({})
        if role["kind"] == "ClusterRole"
        and (role["metadata"].get("labels") or {}).get("rbac.authorization.k8s.io/aggregate-to-edit")
        for rule in role["rules"]
    ]
    return Roles([], {ATTACKER: [BUILT_IN_EDIT, BUILT_IN_VIEW, *added]})


class Attacker:
    """Applies and patches as far as the roles go."""

    def __init__(self, flow: Flow) -> None:
        self._flow, self._roles = flow, attackers_roles()

    def may(self, method: str, path: str) -> bool:
        right = asked(method, path, "")
        return right is not None and self._roles.grants(right)

    async def apply(self, body: JSON) -> None:
        body = {**body, "metadata": {**body["metadata"], "namespace": ATTACKER}}
        path = resource_path(body, ATTACKER)
        assert self.may("PATCH", path) and self.may("POST", path.rpartition("/")[0]), path
        await self._flow.api.apply(path, body, manager="attacker")

    async def patch(self, kind: str, name: str, change: JSON) -> None:
        path = place(ATTACKER, kind, name)
        assert self.may("PATCH", path)
        await self._flow.api.patch(path, change, manager="attacker")

    async def delete(self, kind: str, name: str) -> None:
        path = place(ATTACKER, kind, name)
        assert self.may("DELETE", path)
        await self._flow.api.delete(path)


def place(namespace: str, kind: str, name: str) -> Any:
    plural = {"Secret": "secrets", "ConfigMap": "configmaps"}.get(kind)
    if plural is not None:
        return object_path("v1", plural, namespace, name)
    return object_path(API_VERSION, KINDS[kind].plural, namespace, name)


async def everything(flow: Flow, namespace: str) -> dict[str, JSON]:
    """Every object in `namespace` that somebody could have changed, by its path."""
    kinds = [
        ("v1", "secrets"),
        ("v1", "configmaps"),
        *((API_VERSION, kind.plural) for kind in KINDS.values()),
    ]
    found = {}
    for version, plural in kinds:
        for body in await flow.api.list_all(object_path(version, plural, namespace)):
            found[f"{plural}/{body['metadata']['name']}"] = body
    return found


def versions(objects: dict[str, JSON]) -> dict[str, str]:
    return {name: body["metadata"]["resourceVersion"] for name, body in objects.items()}


async def calls(flow: Flow) -> Counter[tuple[str, str, str]]:
    """(api, route, code) of what the operator has asked of Okta and the provider, the System Log apart."""
    counted: Counter[tuple[str, str, str]] = Counter()
    for family in text_string_to_metric_families(await flow.metrics()):
        for sample in family.samples:
            labels = sample.labels
            if sample.name == "scim_operator_api_requests_total" and "logs" not in labels["route"]:
                counted[labels["api"], labels["route"], labels["code"]] += int(sample.value)
    return counted


# What the attacker applies.


def hosts(flow: Flow) -> str:
    access = flow.world.access
    return ",".join(url.split("/")[2] for url in (access.okta_url, access.scim_base_url))


def secret(flow: Flow, name: str, **data: str) -> JSON:
    metadata = {"name": name, "annotations": {"scim-operator.dev/allowed-hosts": hosts(flow)}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data}


def integration(flow: Flow, name: str, spec: JSON, **metadata: Any) -> JSON:
    """The victim's integration under another name, with `spec` merged in."""
    body = copy.deepcopy(flow.quickstart[INTEGRATION])
    body["metadata"] = {"name": name, **metadata}
    return merged(body, {"spec": {"mode": "Enforce", **spec}})


FOREIGN = {"okta": {"orgRef": {"name": "acme", "namespace": VICTIM}}}
MINE = {"okta": {"orgRef": {"name": "mine"}}}
PATHS = [
    f"../../{VICTIM}/secrets/calendly-scim",
    f"..%2f..%2f{VICTIM}%2fsecrets%2fcalendly-scim",
    "%2e%2e/calendly-scim",
    f"{VICTIM}/calendly-scim",
    "calendly-scim?x=1",
    "calendly-scim#x",
    "..",
    "Calendly",
]


def references(name: str) -> list[JSON]:
    """Every reference of an integration, with `name` in it."""
    return [
        {"okta": {"orgRef": {"name": name}}},
        {"okta": {"orgRef": {"name": "acme", "namespace": name}}},
        {"provider": {"auth": {"secretRef": {"name": name}}}},
        {"provider": {"oktaTokenRef": {"name": name}}},
        {"provider": {"admin": {"secretRef": {"name": name}}}},
        {"provider": {"caBundleRef": {"name": name}}},
        {"provider": {"tokenRotation": {"every": "2160h", "issueTo": {"name": name}}}},
    ]


async def refuse_paths(flow: Flow, attacker: Attacker) -> None:
    """Names that are paths get no further than the API server."""
    for name in PATHS:
        for spec in references(name):
            with pytest.raises(Rejected):
                await attacker.apply(integration(flow, "paths", spec))
    body = merged(copy.deepcopy(flow.quickstart["OktaOrg", "acme"]), {"metadata": {"name": "paths"}})
    for name in PATHS:
        with pytest.raises(Rejected):
            await attacker.apply(merged(body, {"spec": {"auth": {"secretRef": {"name": name}}}}))


async def prepare(flow: Flow, attacker: Attacker) -> None:
    """What the attacker has of their own: Secrets named as the victim's, an org with the victim's URL, and
    ConfigMaps named as the operator's state, with approvals in them."""
    await attacker.apply(secret(flow, "okta-api", apiToken=GARBAGE))
    for name in ("calendly-scim", "calendly-admin", "issued"):
        await attacker.apply(secret(flow, name, token=GARBAGE))
    org = merged(copy.deepcopy(flow.quickstart["OktaOrg", "acme"]), {"metadata": {"name": "mine"}})
    await attacker.apply(merged(org, {"spec": {"budgetPercent": 1, "allowedNamespaces": {"from": "All"}}}))
    for name, body in (await everything(flow, OPERATOR_NAMESPACE)).items():
        if name.startswith("configmaps/scim-"):
            forged = {"name": body["metadata"]["name"], "labels": body["metadata"].get("labels") or {}}
            data = {**(body.get("data") or {}), "approvedKeys": "*"}
            await attacker.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": forged, "data": data})


SECOND_TENANT = "another"


def attacks(flow: Flow, org_uid: str) -> dict[str, tuple[JSON, str]]:
    """Integrations by name, each with the reason that Ready has to have."""
    base = flow.world.access.scim_base_url
    elsewhere = f"{base.rpartition('/')[0]}/{SECOND_TENANT}"
    owner = {"apiVersion": API_VERSION, "kind": "OktaOrg", "name": "acme", "uid": org_uid}
    marks = {f"scim-operator.dev/{key}": "x" for key in ("approve", "approved-by", "done", "requested-at")}
    sync = {"scim-operator.dev/sync-user": "a-person@acme.example"}
    rotation = {"tokenRotation": {"every": "2160h", "minOverlap": "1s", "issueTo": {"name": "issued"}}}
    own_tenant: JSON = {"baseUrl": elsewhere, "admin": None}
    app: JSON = {"label": None, "id": "0oaOfSomebodyElse"}
    return {
        "foreign": (integration(flow, "foreign", FOREIGN), "NamespaceNotAllowed"),
        "foreign-sync": (integration(flow, "foreign-sync", FOREIGN, annotations=sync), "NamespaceNotAllowed"),
        "foreign-leaving": (
            integration(flow, "foreign-leaving", {**FOREIGN, "deletionPolicy": "Deprovision"}),
            "NamespaceNotAllowed",
        ),
        "foreign-marked": (
            integration(flow, "foreign-marked", FOREIGN, annotations=marks, finalizers=[FINALIZER]),
            "NamespaceNotAllowed",
        ),
        "foreign-missing": (
            integration(flow, "foreign-missing", {"okta": {"orgRef": {"name": "none", "namespace": VICTIM}}}),
            "NamespaceNotAllowed",
        ),
        "same-tenant": (integration(flow, "same-tenant", MINE), "Conflict"),
        "same-app": (integration(flow, "same-app", {**MINE, "provider": own_tenant}), "Conflict"),
        "rotating": (integration(flow, "rotating", {**MINE, "provider": rotation}), "Conflict"),
        "owned": (
            integration(
                flow,
                "owned",
                {"okta": {**MINE["okta"], "app": app}, "provider": own_tenant},
                ownerReferences=[owner],
                annotations=marks,
            ),
            "",
        ),
    }


async def settled(flow: Flow, name: str, reason: str) -> None:
    """Returns when Ready of the attacker's integration has this reason, any if it is ""."""

    def holds(body: JSON) -> bool:
        ready = condition(body, "Ready")
        return ready.get("status") == "False" and reason in ("", ready.get("reason"))

    try:
        await flow.until_path(place(ATTACKER, "ScimIntegration", name), holds)
    except TimeoutError:
        body = await flow.api.get(place(ATTACKER, "ScimIntegration", name))
        pytest.fail(f"{name}: {condition(body, 'Ready')}")


async def attack(flow: Flow, attacker: Attacker, org_uid: str) -> None:
    """The whole list."""
    await refuse_paths(flow, attacker)
    await prepare(flow, attacker)
    made = attacks(flow, org_uid)
    for body, _ in made.values():
        await attacker.apply(body)
    for kind, name in (("GroupMapping", "departments"), ("SeatLimit", "calendly")):
        body = copy.deepcopy(flow.quickstart[kind, name])
        await attacker.apply({**body, "metadata": {"name": name}})
    for name, (_, reason) in made.items():
        await settled(flow, name, reason)
    await attacker.patch("ScimIntegration", "same-tenant", {"spec": {"suspend": True}})
    await attacker.patch("Secret", "calendly-scim", {"stringData": {"token": GARBAGE + "2"}})
    await attacker.delete("ScimIntegration", "foreign-leaving")
    await asyncio.sleep(QUIET_SECONDS)
    leaving = await flow.api.get(place(ATTACKER, "ScimIntegration", "foreign-leaving"))
    assert condition(leaving, "Ready")["reason"] == "NamespaceNotAllowed"
    await attacker.patch("ScimIntegration", "foreign-leaving", {"spec": {"deletionPolicy": "Orphan"}})
    await flow.until_gone(place(ATTACKER, "ScimIntegration", "foreign-leaving"))


# What must hold after it.

FORBIDDEN = [
    ("PATCH", place(VICTIM, *INTEGRATION)),
    ("GET", place(VICTIM, "Secret", "okta-api")),
    ("PATCH", place(VICTIM, "OktaOrg", "acme")),
    ("PATCH", place(ATTACKER, *INTEGRATION).below("status")),
    ("GET", place(OPERATOR_NAMESPACE, "ConfigMap", "scim-state-x")),
    ("PATCH", place(OPERATOR_NAMESPACE, "ConfigMap", "scim-plan-x")),
    ("PUT", object_path("coordination.k8s.io/v1", "leases", OPERATOR_NAMESPACE, "scim-operator")),
    ("PATCH", object_path("v1", "namespaces", name=ATTACKER)),
    ("GET", object_path("v1", "secrets")),
]


@pytest.mark.parametrize(("method", "path"), FORBIDDEN)
def test_the_attackers_roles_end_at_the_namespace(method: str, path: Any) -> None:
    right = asked(method, path, "")
    assert right is not None and not attackers_roles().grants(right)


async def told_to_the_attacker(flow: Flow) -> str:
    """Everything that the operator wrote where the attacker can read."""
    own = [
        {**body, "spec": None, "metadata": body["metadata"]["name"]}
        for name, body in (await everything(flow, ATTACKER)).items()
        if not name.startswith(("secrets/", "configmaps/"))
    ]
    return json.dumps([own, await flow.api.list_all(object_path("v1", "events", ATTACKER))])


async def check_untold(flow: Flow) -> None:
    """Neither a credential nor a person nor a count of the victim's."""
    text, access = await told_to_the_attacker(flow), flow.world.access
    people = [one["userName"] for one in await flow.provider.people()]
    tokens = [access.okta_api_token, access.scim_token, access.scim_admin_token, access.okta_scim_token]
    assert people and [one for one in (*people, *filter(None, tokens)) if one in text] == []
    for body in await flow.api.list_all(object_path(API_VERSION, "scimintegrations", ATTACKER)):
        found = set(body.get("status") or {}) & {"people", "seats", "plan", "drift", "app", "history"}
        assert not found, f"{body['metadata']['name']}: {found}"


async def check_uncalled(flow: Flow, before: Counter[tuple[str, str, str]]) -> None:
    """Nothing was asked with a credential that is valid."""
    more = await calls(flow) - before
    good = {one: count for one, count in more.items() if one[2] not in ("401", "403")}
    assert [one for one in good if "well-known" not in one[1]] == []


async def test_the_victim_is_out_of_reach(cluster: Cluster, tmp_path: Path) -> None:
    async with open_world(cluster.setup(tmp_path / "world")) as world:
        flow = Flow(world)
        try:
            await scene(flow)
        finally:
            await flow.aclose()


async def scene(flow: Flow) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": ATTACKER}}
    await flow.api.apply(object_path("v1", "namespaces", name=ATTACKER), namespace)
    await flow.apply_quickstart()
    await flow.until(*INTEGRATION, says("InSync", "True", "InSync"))
    await flow.until("SeatLimit", "calendly", says("Ready", "True", "Succeeded"))
    await flow.reconcile()
    await asyncio.sleep(QUIET_SECONDS)
    before, state = await everything(flow, VICTIM), await everything(flow, OPERATOR_NAMESPACE)
    people, asked_before = await flow.provider.people(), await calls(flow)
    try:
        await attack(flow, Attacker(flow), before["oktaorgs/acme"]["metadata"]["uid"])
        await asyncio.sleep(QUIET_SECONDS)
        assert versions(await everything(flow, VICTIM)) == versions(before)
        after = versions(await everything(flow, OPERATOR_NAMESPACE))
        assert {name: after.get(name) for name in state} == versions(state)
        assert await flow.provider.people() == people
        await check_uncalled(flow, asked_before)
        await check_untold(flow)
        assert condition(await flow.reconcile(), "InSync")["status"] == "True", "the victim goes on as before"
    finally:
        await clear(flow)


async def clear(flow: Flow) -> None:
    """Deletes what is in the attacker's namespace, for a real API server that lives on."""
    for kind in ("ScimIntegration", "GroupMapping", "SeatLimit", "OktaOrg", "Secret", "ConfigMap"):
        plural = {"Secret": "secrets", "ConfigMap": "configmaps"}.get(kind) or KINDS[kind].plural
        version = "v1" if kind in ("Secret", "ConfigMap") else API_VERSION
        for body in await flow.api.list_all(object_path(version, plural, ATTACKER)):
            name = body["metadata"]["name"]
            try:
                if body["metadata"].get("finalizers"):
                    freed = {"metadata": {"finalizers": []}}
                    await flow.api.patch(place(ATTACKER, kind, name), freed, manager="test")
                await flow.api.delete(place(ATTACKER, kind, name))
            except NotFound:
                continue
