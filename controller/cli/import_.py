"""`scimctl import`: what was set up by hand, as resources that declare just that.

Reads Okta and, where there is one, the provider's admin API; writes nothing but YAML to standard output. The
integration begins in mode Observe: applied, it changes nothing and says what differs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import SecretStr

from controller.api import ALLOWED_HOSTS, GROUP, VERSION
from controller.clock import SystemClock
from controller.errors import SpecError
from controller.okta.client import OktaClient
from controller.okta.connect import OrgAccess, okta_budgets, open_org
from controller.okta.shapes import AppUser
from controller.parsing import as_objects, as_text, as_texts, split_url
from controller.scim.connect import open_admin
from controller.targets.provider_settings import parse_organization
from controller.transport.session import Wiring
from controller.transport.urls import UrlRefused, check_url

JSON = dict[str, Any]
API_VERSION = f"{GROUP}/{VERSION}"
FORMATS = {
    "${source.email}": "Email",
    "${fn:toLowerCase(source.email)}": "EmailLowercase",
    "${source.login}": "OktaUsername",
}
TARGETS = {
    "givenName": "givenName",
    "firstName": "givenName",
    "familyName": "familyName",
    "lastName": "familyName",
    "email": "email",
    "displayName": "displayName",
}
MOST_USERS = 1000
BUDGET_PERCENT = 30
"""Share of Okta's rate limits that the import takes at most."""


@dataclass(frozen=True, slots=True)
class Existing:
    """Where things are, and what the resources are to be called."""

    okta_url: str
    okta_token: SecretStr
    app: str
    scim_url: str
    name: str
    admin_url: str = ""
    admin_token: SecretStr = field(default_factory=lambda: SecretStr(""))


async def import_existing(existing: Existing) -> str:
    """The resources as YAML, Secrets without values. SpecError where the app is not to be told apart."""
    _check_urls(existing)
    access = OrgAccess(existing.okta_url, "ApiToken", existing.okta_token)
    wiring = Wiring(clock=SystemClock())
    org = await open_org(access, okta_budgets(wiring), owner="scimctl", percent=BUDGET_PERCENT, wiring=wiring)
    try:
        integration, attribute = await _integration(org.client, existing)
    finally:
        await org.aclose()
    documents = [*_secrets(existing), _org(existing), integration]
    if existing.admin_url:
        documents += await _from_admin(existing, attribute)
    text = "---\n".join(
        yaml.safe_dump(each, sort_keys=False, allow_unicode=True, width=100) for each in documents
    )
    return f"# Written by scimctl import. Fill in the Secrets, apply, then read `scimctl plan`.\n{text}"


def _check_urls(existing: Existing) -> None:
    urls = {
        "--okta-url": existing.okta_url,
        "--scim-url": existing.scim_url,
        "--admin-url": existing.admin_url,
    }
    for option, url in urls.items():
        try:
            if url:
                check_url(url, allow_path=option != "--okta-url")
        except UrlRefused as error:
            raise SpecError(str(error), field=option) from None


async def _integration(client: OktaClient, existing: Existing) -> tuple[JSON, JSON]:
    """(the ScimIntegration, the attribute that carries the group value or {})."""
    found = await client.apps_by_label(existing.app)
    if len(found) != 1:
        ids = ", ".join(app["id"] for app in found) or "none"
        raise SpecError(f"{len(found)} apps have the label {existing.app!r}: {ids}", field="--app")
    app_id = found[0]["id"]
    app: JSON = dict(await client.app(app_id))
    attribute = await _group_attribute(client, app_id)
    mapping = await _mapping(client, app_id)
    pushes = any(str(name).startswith("PUSH_") for name in app.get("features") or [])
    spec: JSON = {
        "mode": "Observe",
        "okta": {"orgRef": {"name": existing.name}, "app": {"id": app_id}},
        "provider": _provider(existing),
        "requirements": {"sso": "Required"} if app.get("signOnMode") == "SAML_2_0" else {},
        "provisioning": {"by": "Okta" if pushes else "Operator"},
        "attributes": {"policy": "Additive", "items": _items(mapping)},
        "groups": _groups(attribute, mapping),
        "assignments": await _assignments(client, app_id),
    }
    template = (((app.get("credentials") or {}).get("userNameTemplate")) or {}).get("template", "")
    if template in FORMATS:
        spec["okta"]["usernameFormat"] = FORMATS[template]
    if not spec["attributes"]["items"]:
        del spec["attributes"]
    return _resource(
        "ScimIntegration", existing.name, {key: value for key, value in spec.items() if value}
    ), attribute


def _provider(existing: Existing) -> JSON:
    provider: JSON = {
        "baseUrl": existing.scim_url,
        "auth": {"type": "Bearer", "secretRef": {"name": f"{existing.name}-scim", "key": "token"}},
        "profile": {"name": "calendly"},
    }
    if existing.admin_url:
        secret = {"name": f"{existing.name}-admin", "key": "token"}
        provider["admin"] = {"baseUrl": existing.admin_url, "secretRef": secret}
    return provider


async def _group_attribute(client: OktaClient, app_id: str) -> JSON:
    """The app's custom attribute that is sent as `group`, or {}."""
    schema: JSON = dict(await client.app_schema(app_id))
    custom = ((schema.get("definitions") or {}).get("custom") or {}).get("properties") or {}
    for name, one in custom.items():
        if one.get("externalName") == "group":
            return {"name": name, "displayName": one.get("title", name), "externalName": "group",
                    "externalNamespace": one.get("externalNamespace", "")}  # fmt: skip
    return {}


async def _mapping(client: OktaClient, app_id: str) -> Mapping[str, JSON]:
    """The properties of the mapping from the default user type to the app."""
    rows = await client.mappings(target_id=app_id)
    if not rows:
        return {}
    whole: JSON = dict(await client.mapping(rows[0]["id"]))
    return dict(whole.get("properties") or {})


def _items(mapping: Mapping[str, JSON]) -> list[JSON]:
    """The four attributes beside the username, as far as they are mapped."""
    found: dict[str, JSON] = {}
    for name, row in mapping.items():
        if name in TARGETS and row.get("expression"):
            item = {"target": TARGETS[name], "source": row["expression"]}
            if row.get("pushStatus") == "DONT_PUSH":
                item["push"] = "OnCreate"
            found[TARGETS[name]] = item
    return list(found.values())


def _groups(attribute: JSON, mapping: Mapping[str, JSON]) -> JSON:
    source = (mapping.get(attribute.get("name", "")) or {}).get("expression")
    return {"attribute": attribute, "sources": [{"source": source}]} if source else {}


def _login(row: AppUser) -> str:
    user = (row.get("_embedded") or {}).get("user")
    return ((user.get("profile") if user else None) or {}).get("login") or row["id"]


async def _assignments(client: OktaClient, app_id: str) -> JSON:
    """Groups by name, then people who are assigned by themselves."""
    rows = await client.app_groups(app_id)
    groups = await client.groups_by_id([row["id"] for row in rows])
    names = sorted((group.get("profile") or {}).get("name") or group["id"] for group in groups)
    users = sorted([
        _login(row)
        async for page in client.app_user_pages(app_id) for row in page if row.get("scope") == "USER"
    ])  # fmt: skip
    if len(users) > MOST_USERS:
        told = f"{len(users)} people are assigned singly; a resource names {MOST_USERS}: assign a group"
        raise SpecError(told, field="--app")
    declared: JSON = {}
    if names:
        declared["oktaGroups"] = [{"name": name} for name in names]
    if users:
        declared["users"] = users
    return declared


async def _from_admin(existing: Existing, attribute: JSON) -> list[JSON]:
    """GroupMapping and SeatLimit, by the provider's admin API."""
    admin, session = open_admin(existing.admin_url, existing.admin_token)
    try:
        table = await admin.group_mapping()
        organization = await admin.organization()
    finally:
        await session.aclose()
    documents = []
    if table.get("entries") and attribute:
        rows = [
            {"values": as_texts(row.get("values")), "providerGroup": as_text(row.get("group"))}
            for row in as_objects(table["entries"])
        ]
        spec = {"integrationRef": {"name": existing.name}, "mappings": rows}
        documents.append(_resource("GroupMapping", existing.name, spec))
    limit: JSON = {
        "integrationRefs": [{"name": existing.name}],
        "seats": max(1, parse_organization(organization).purchased),
    }
    return [*documents, _resource("SeatLimit", existing.name, limit)]


def _secrets(existing: Existing) -> list[JSON]:
    """The Secrets that the others name: their audience, and keys without values."""
    wanted = [
        (existing.name + "-okta", existing.okta_url, "apiToken"),
        (existing.name + "-scim", existing.scim_url, "token"),
    ]
    if existing.admin_url:
        wanted.append((existing.name + "-admin", existing.admin_url, "token"))
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "annotations": {ALLOWED_HOSTS: split_url(url).netloc}},
            "stringData": {key: ""},
        }
        for name, url, key in wanted
    ]


def _org(existing: Existing) -> JSON:
    auth = {"type": "ApiToken", "secretRef": {"name": f"{existing.name}-okta"}}
    return _resource("OktaOrg", existing.name, {"url": existing.okta_url, "auth": auth})


def _resource(kind: str, name: str, spec: Mapping[str, Any]) -> JSON:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": dict(spec)}


def name_of(label: str) -> str:
    """A resource's name made of an app's label."""
    name = re.sub(r"[^a-z0-9]+", "-", label.lower()).strip("-")[:50].strip("-")
    return name or "imported"
