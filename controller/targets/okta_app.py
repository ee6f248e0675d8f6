"""The Okta app and what hangs on it: username format, app user schema, profile mappings, connection,
switches.

Used by the engine through targets.connect; app_writing does the writing. What only matters where Okta
itself provisions (schema, mappings, connection) is read only then, since every call is drawn from the org's
budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from pydantic import SecretStr

from controller.clock import Clock
from controller.errors import Unauthorized, Unavailable
from controller.model.actions import Action, ActionKind
from controller.model.actual import AppAttribute, AppState, ProfileMapping
from controller.okta.client import OktaClient
from controller.okta.shapes import App, Connection, Schema, UserType
from controller.okta.shapes import Mapping as OktaMapping
from controller.planning.base.desired import Desired
from controller.targets.app_lookup import AppLookup
from controller.targets.app_writing import AppWriter
from controller.targets.base import Begun, Done, unobserved
from controller.targets.order import carry_out
from controller.transport.calls import Lane

HANDLES = frozenset(
    {
        ActionKind.SET_USERNAME_FORMAT,
        ActionKind.ADD_APP_ATTRIBUTE,
        ActionKind.SET_MAPPING,
        ActionKind.REMOVE_APP_ATTRIBUTE,
        ActionKind.ENABLE_CONNECTION,
        ActionKind.SET_TO_APP,
        ActionKind.DISABLE_CONNECTION,
    }
)


class OktaApp:
    """A Target whose part is AppState. `okta_token` is what a connection would be given."""

    name = "okta_app"
    handles = HANDLES

    def __init__(
        self, client: OktaClient, lookup: AppLookup, clock: Clock, okta_token: SecretStr | None = None
    ) -> None:
        self._client, self._lookup, self._clock, self._okta_token = client, lookup, clock, okta_token
        self._user_types: dict[str, str] = {}
        self._user_attributes: frozenset[str] = frozenset()

    async def observe(self, desired: Desired) -> AppState:
        """The app, the user types and their attributes; what only matters where Okta provisions only then."""
        client = self._client.in_lane(Lane.FULL)
        app = await self._lookup.app(desired)
        await self._read_user_types(client)
        if not (desired.by == "Okta" or desired.is_departing):
            return self._state(app, {})
        schema = await client.app_schema(app["id"])
        return self._state(
            app,
            {
                **connection_parts(await self._connection(client, app["id"])),
                "attributes": custom_attributes(schema),
                "base_attributes": frozenset(properties_of(schema, "base")),
                "mappings": await self._mappings(client, app["id"]),
            },
        )

    async def refresh(self, desired: Desired, app: AppState) -> AppState:
        """`app` with the app itself read anew; see AppTarget."""
        found = self._state(await self._lookup.app(desired), {})
        return replace(
            found,
            user_types=app.user_types,
            user_attributes=app.user_attributes,
            connection_status=app.connection_status,
            connection_url=app.connection_url,
            attributes=app.attributes,
            base_attributes=app.base_attributes,
            mappings=app.mappings,
        )

    async def apply(
        self, desired: Desired, actions: Sequence[Action], done: Done, begun: Begun = unobserved
    ) -> None:
        """Carries out settings of the app, one after the other; see Target.apply."""
        app_id = await self._lookup.app_id(desired)
        writer = AppWriter(self._client.in_lane(Lane.CHANGE), app_id, desired, self._clock, self._okta_token)
        await carry_out(writer, actions, done, begun)

    async def _read_user_types(self, client: OktaClient) -> None:
        types = await client.user_types()
        names = [frozenset(attribute_names(await client.user_schema(schema_id(one)))) for one in types]
        self._user_types = {one["id"]: type_name(one) for one in types}
        self._user_attributes = frozenset.intersection(*names) if names else frozenset()

    async def _connection(self, client: OktaClient, app_id: str) -> Connection:
        try:
            return await client.connection(app_id)
        except Unauthorized:
            # A role that may not see connections is no reason to stop: the step is then a person's.
            return {"status": "UNKNOWN"}

    async def _mappings(self, client: OktaClient, app_id: str) -> tuple[ProfileMapping, ...]:
        """The Okta-to-app mappings, one for each user type."""
        found = []
        for row in await client.mappings(target_id=app_id):
            source_id = str((row.get("source") or {}).get("id") or "")
            if source_id in self._user_types:
                found.append(parse_mapping(await client.mapping(row["id"]), self._user_types[source_id]))
        return tuple(found)

    def _state(self, app: App, more: dict[str, Any]) -> AppState:
        if not isinstance(app.get("id"), str) or not isinstance(app.get("features", []), list):
            raise Unavailable(
                "Okta answered with an app that is not whole", system="Okta", reason="Incomplete"
            )
        template = (app.get("credentials") or {}).get("userNameTemplate") or {}
        return AppState(
            org_id=self._client.org_id,
            app_id=app["id"],
            label=str(app.get("label") or ""),
            name=str(app.get("name") or ""),
            status=str(app.get("status") or ""),
            sign_on_mode=str(app.get("signOnMode") or ""),
            features=frozenset(app.get("features") or ()),
            username_template=str(template.get("template") or ""),
            username_template_type=str(template.get("type") or ""),
            user_types=self._user_types,
            user_attributes=self._user_attributes,
            **more,
        )


def connection_parts(connection: Connection) -> dict[str, str]:
    """The fields of AppState that a connection fills."""
    return {
        "connection_status": str(connection.get("status") or "UNKNOWN"),
        "connection_url": str(connection.get("baseUrl") or ""),
    }


def type_name(user_type: UserType) -> str:
    """`default` for the default type, else its variable name."""
    return "default" if user_type.get("default") else str(user_type.get("name") or user_type["id"])


def schema_id(user_type: UserType) -> str:
    """The id of the type's schema, `osc...`, out of its link; `default` for the default type."""
    if user_type.get("default"):
        return "default"
    link = ((user_type.get("_links") or {}).get("schema") or {}).get("href") or ""
    return str(link).rstrip("/").rsplit("/", 1)[-1] or "default"


def properties_of(schema: Schema, part: str) -> dict[str, Any]:
    """The attributes of `base` or `custom`, by name."""
    definitions = schema.get("definitions") or {}
    section = (definitions.get("base") if part == "base" else definitions.get("custom")) or {}
    return section.get("properties") or {}


def attribute_names(schema: Schema) -> set[str]:
    """Every attribute of a user schema."""
    return {*properties_of(schema, "base"), *properties_of(schema, "custom")}


def custom_attributes(schema: Schema) -> tuple[AppAttribute, ...]:
    """The custom attributes of an app user schema, by name."""
    return tuple(
        AppAttribute(
            name,
            str(attribute.get("title") or ""),
            str(attribute.get("externalName") or ""),
            str(attribute.get("externalNamespace") or ""),
            str(attribute.get("scope") or ""),
        )
        for name, attribute in sorted(properties_of(schema, "custom").items())
        if isinstance(attribute, dict)
    )


def parse_mapping(mapping: OktaMapping, user_type: str) -> ProfileMapping:
    """The mapping with its expressions; properties without one are left out."""
    properties = mapping.get("properties") or {}
    return ProfileMapping(
        mapping["id"],
        user_type,
        {
            name: (str(one["expression"]), str(one.get("pushStatus") or ""))
            for name, one in sorted(properties.items())
            if isinstance(one, dict) and one.get("expression") is not None
        },
    )
