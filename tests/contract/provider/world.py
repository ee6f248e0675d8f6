"""A provider without a network: organizations, clients with tokens, and the bodies that clients send."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from controller.clock import ManualClock
from controller.provider.app import CreatedOrganization, Provider, add_organization
from controller.provider.organizations import NewOrganization

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
CALENDLY = "urn:calendly:scim:schemas:2.0:User"
Json = dict[str, Any]


@dataclass
class Client:
    """Requests of one organization, over SCIM (`scim`) and the admin API (`admin`)."""

    http: httpx.AsyncClient
    org: CreatedOrganization
    agent: str = "Okta SCIM Client 1.0.0"

    async def scim(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """One SCIM request as Okta sends it."""
        return await self._send(self.org.scim_path, self.org.scim_token, method, path, body, options)

    async def admin(self, method: str, path: str, body: Any = None, **options: Any) -> httpx.Response:
        """One request to the admin API."""
        return await self._send(self.org.admin_path, self.org.admin_token, method, path, body, options)

    async def _send(
        self, base: str, token: str, method: str, path: str, body: Any, options: Json
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {token}", "user-agent": self.agent} | options.pop("headers", {})
        if body is not None and not isinstance(body, bytes):
            options["json"] = body
        elif body is not None:
            options["content"] = body
        if base.startswith("/scim") and body is not None:
            headers.setdefault("content-type", "application/scim+json; charset=utf-8")
        return await self.http.request(method, base + path, headers=headers, **options)

    async def new_user(self, login: str, **more: Any) -> Json:
        """The answer to creating `login`, which must succeed."""
        answer = await self.scim("POST", "/Users", user(login, **more))
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def new_group(self, name: str, *members: str) -> Json:
        """The answer to creating the group `name`, which must succeed."""
        body = {"schemas": [GROUP], "displayName": name, "members": [{"value": each} for each in members]}
        answer = await self.scim("POST", "/Groups", body)
        assert answer.status_code == 201, answer.text
        return answer.json()

    async def patch(self, path: str, *operations: Json) -> httpx.Response:
        """A PATCH with `operations`."""
        return await self.scim("PATCH", path, {"schemas": [PATCH], "Operations": list(operations)})

    async def seats(self) -> Json:
        """purchased, used, pending, free."""
        return (await self.admin("GET", "/organization")).json()["seats"]

    async def person(self, person_id: str) -> Json:
        """A person as the admin API shows one."""
        return (await self.admin("GET", f"/people/{person_id}")).json()

    async def map_values(self, **table: Any) -> httpx.Response:
        """Previews and saves the value -> group table."""
        preview = await self.admin("PUT", "/group-mapping?preview=true", table)
        assert preview.status_code == 200, preview.text
        headers = {"if-match": f'"{preview.json()["digest"]}"'}
        return await self.admin("PUT", "/group-mapping", table, headers=headers)


@dataclass
class World:
    """One provider on one database, at a time that tests decide."""

    provider: Provider
    clock: ManualClock
    http: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(self.provider, raise_app_exceptions=True)
        self.http = httpx.AsyncClient(transport=transport, base_url="http://provider.test")

    def organization(self, name: str = "Acme", **settings: Any) -> Client:
        """A client of a new organization."""
        return Client(
            self.http, add_organization(self.provider.database, NewOrganization(name, **settings), self.clock)
        )


def user(login: str, **more: Any) -> Json:
    """A User as Okta sends one."""
    return {"schemas": [USER], "userName": login, "active": True} | more


def okta_user(name: str, group: str | None = None) -> Json:
    """Everything that Okta's agent sends at creation, the ignored attributes included."""
    given, _, family = name.partition("@")[0].partition(".")
    body = user(
        name,
        name={"givenName": given, "familyName": family},
        emails=[{"primary": True, "value": name, "type": "work"}],
        displayName=f"{given} {family}",
        locale="en-US",
        externalId=f"00u{given}{family}",
        groups=[],
        password="1mz050nq",
    )
    if group is not None:
        body["schemas"].append(CALENDLY)
        body[CALENDLY] = {"group": group}
    return body


def replace(value: Any, path: str | None = None) -> Json:
    """A replace operation."""
    return {"op": "replace", "value": value} | ({"path": path} if path else {})
