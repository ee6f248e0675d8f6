"""Writes the settings of one Okta app, each on difference only and read back.

Used by okta_app alone. What the fields of each kind of action mean (`before` and `after`):

- SET_USERNAME_FORMAT: `template`, `type`.
- ADD_APP_ATTRIBUTE: `title`, `externalName`, `externalNamespace`, `scope`; `type` where it is not string.
- REMOVE_APP_ATTRIBUTE: nothing; the subject is the variable name.
- SET_MAPPING: `<attribute>` -> its expression, None to remove it; `<attribute>.pushStatus` -> PUSH or
DONT_PUSH.
- ENABLE_CONNECTION: `baseUrl`. The token comes out of the Secret, never out of an action.
- DISABLE_CONNECTION: nothing.
- SET_TO_APP: `create`, `update`, `deactivate` -> ENABLED or DISABLED.

Okta has no ETags here, loses parallel writes to one schema and deletes attributes in the background, so
writes to one app are serialised in this process and looked at until they are visible (developer.okta.com,
Schemas, Mappings).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast
from weakref import WeakValueDictionary

from pydantic import SecretStr

from controller.clock import Clock
from controller.errors import Rejected
from controller.model.actions import Action, ActionKind, Outcome, Result
from controller.okta.client import OktaClient
from controller.okta.shapes import App, Json
from controller.planning.base.desired import Desired
from controller.targets.order import Written, confirmed, not_confirmed

LOOKS = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the looks for a change that becomes visible later; 30 in all, as long as Okta is known to
take."""
PUSH_OF_SWITCH = {
    "create": "PUSH_NEW_USERS",
    "update": "PUSH_PROFILE_UPDATES",
    "deactivate": "PUSH_USER_DEACTIVATION",
}
"""The feature of the app that shows each To-App switch."""
PUSH_STATUS = ".pushStatus"

_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


def app_lock(org_url: str, app_id: str) -> asyncio.Lock:
    """The one lock of this process for writes to an app; shared as long as somebody holds it."""
    return _locks.setdefault((org_url, app_id), asyncio.Lock())


class AppWriter:
    """An Executor for one run on one app."""

    def __init__(
        self, client: OktaClient, app_id: str, desired: Desired, clock: Clock, okta_token: SecretStr | None
    ) -> None:
        self._client, self._app_id, self._desired = client, app_id, desired
        self._clock, self._okta_token = clock, okta_token
        self._lock = app_lock(client.url, app_id)

    def concurrency(self, kind: ActionKind) -> int:
        return 1

    def confirms_singly(self, kind: ActionKind, count: int) -> bool:
        return True

    async def write(self, action: Action) -> Written:
        writers: dict[ActionKind, Callable[[Action], Awaitable[Any]]] = {
            ActionKind.SET_USERNAME_FORMAT: self._set_username_format,
            ActionKind.ADD_APP_ATTRIBUTE: self._add_attribute,
            ActionKind.REMOVE_APP_ATTRIBUTE: self._remove_attribute,
            ActionKind.SET_MAPPING: self._set_mapping,
            ActionKind.ENABLE_CONNECTION: self._enable_connection,
            ActionKind.SET_TO_APP: self._set_to_app,
            ActionKind.DISABLE_CONNECTION: self._disable_connection,
        }
        async with self._lock:
            return Written(body=await writers[action.kind](action))

    async def confirm(self, action: Action, written: Written) -> Outcome:
        readers: dict[ActionKind, Callable[[Action, Any], Awaitable[str]]] = {
            ActionKind.SET_USERNAME_FORMAT: self._username_fault,
            ActionKind.ADD_APP_ATTRIBUTE: self._attribute_fault,
            ActionKind.REMOVE_APP_ATTRIBUTE: self._removal_fault,
            ActionKind.SET_MAPPING: self._mapping_fault,
            ActionKind.ENABLE_CONNECTION: self._connection_fault,
            ActionKind.SET_TO_APP: self._to_app_fault,
            ActionKind.DISABLE_CONNECTION: self._still_connected,
        }
        fault = await readers[action.kind](action, written.body)
        if fault.startswith(LOST):
            return Outcome(action, Result.FAILED, "FeaturesLost", fault, request_id=written.request_id)
        return not_confirmed(action, written, fault) if fault else confirmed(action, written)

    async def confirm_all(self, kind: ActionKind, written: Sequence[tuple[Action, Written]]) -> list[Outcome]:
        return [await self.confirm(action, one) for action, one in written]

    # Username format

    async def _set_username_format(self, action: Action) -> list[str]:
        """The features before the replacement: Okta has no partial update, and the PUT has wiped some."""
        app = await self._client.app(self._app_id)
        features = list(app.get("features") or ())
        if any(name.startswith("PUSH_") for name in features) and not self._desired.allow_app_replace:
            raise Rejected(
                "Okta already pushes for this app, and replacing it may wipe its SCIM settings; change the "
                "username format on the app's Sign On tab, or set spec.okta.allowAppReplace",
                system="Okta",
                reason="AppReplaceRefused",
            )
        after = dict(action.after)
        credentials = app.get("credentials") or {}
        present = credentials.get("userNameTemplate") or {}
        template = {**present, "template": after["template"], "type": after["type"]}
        changed = {**app, "credentials": {**credentials, "userNameTemplate": template}}
        await self._client.replace_app(self._app_id, cast(App, changed))
        return features

    async def _username_fault(self, action: Action, features: list[str]) -> str:
        app = await self._client.app(self._app_id)
        lost = sorted(set(features) - set(app.get("features") or ()))
        if lost:
            return f"{LOST} {', '.join(lost)}; check the Provisioning tab of the app at once"
        template = (app.get("credentials") or {}).get("userNameTemplate") or {}
        return _difference(dict(action.after), cast(Json, template))

    # App user schema

    async def _add_attribute(self, action: Action) -> None:
        """Sent again while it is not visible: a parallel write to the schema may have swallowed it."""
        fields = {"type": "string", **dict(action.after)}
        body: Json = {**fields, "required": False}
        for wait in LOOKS:
            await self._pause(wait)
            if await self._attribute(action.subject) is not None:
                return
            await self._post_attribute(action.subject, body, is_last=wait == LOOKS[-1])

    async def _post_attribute(self, name: str, body: Json, *, is_last: bool) -> None:
        try:
            await self._client.update_app_schema(self._app_id, {name: body})
        except Rejected as error:
            if "incomplete" not in error.message.lower() or is_last:
                raise
            # Okta still deletes an older attribute of this name.

    async def _remove_attribute(self, action: Action) -> None:
        for wait in LOOKS:
            await self._pause(wait)
            if await self._attribute(action.subject) is None:
                return
            await self._client.update_app_schema(self._app_id, {action.subject: None})

    async def _attribute(self, name: str) -> Json | None:
        schema = await self._client.app_schema(self._app_id)
        custom = (schema.get("definitions") or {}).get("custom") or {}
        return (custom.get("properties") or {}).get(name)

    async def _attribute_fault(self, action: Action, _: Any) -> str:
        present = await self._attribute(action.subject)
        return (
            "the attribute is not in the app's schema"
            if present is None
            else _difference(dict(action.after), present)
        )

    async def _removal_fault(self, action: Action, _: Any) -> str:
        for wait in LOOKS:
            await self._pause(wait)
            if await self._attribute(action.subject) is None:
                return ""
        return "the attribute is still in the app's schema; Okta deletes in the background"

    # Profile mapping

    async def _set_mapping(self, action: Action) -> None:
        await self._client.update_mapping(action.subject, mapping_properties(action))

    async def _mapping_fault(self, action: Action, _: Any) -> str:
        actual = (await self._client.mapping(action.subject)).get("properties") or {}
        for name, expected in mapping_properties(action).items():
            present = actual.get(name) or {}
            if expected is None and present.get("expression") is not None:
                return f"{name} is still mapped"
            if expected is not None and (fault := _difference(expected, present)):
                return f"{name}: {fault}"
        return ""

    # Connection and switches

    async def _enable_connection(self, action: Action) -> None:
        present = await self._client.connection(self._app_id)
        if present.get("status") == "UNKNOWN":
            raise _manual("this app's connection cannot be set by Okta's API")
        if self._okta_token is None:
            raise Rejected("needs spec.provider.oktaTokenRef", system="Okta", reason="TokenMissing")
        body: Json = {
            "baseUrl": dict(action.after)["baseUrl"],
            "profile": {"authScheme": "TOKEN", "token": self._okta_token.get_secret_value()},
        }
        answer = await self._client.set_connection(self._app_id, body, activate=True)
        if answer.get("status") == "UNKNOWN":
            raise _manual("Okta accepted the connection and did nothing with it (UNKNOWN)")

    async def _connection_fault(self, action: Action, _: Any) -> str:
        present = await self._client.connection(self._app_id)
        if present.get("status") != "ENABLED":
            return f"the connection is {present.get('status')}"
        expected, actual = dict(action.after)["baseUrl"], present.get("baseUrl")
        return "" if actual in (None, expected) else f"its base URL is {actual}"

    async def _disable_connection(self, action: Action) -> None:
        await self._client.activate_connection(self._app_id, active=False)

    async def _still_connected(self, action: Action, _: Any) -> str:
        status = (await self._client.connection(self._app_id)).get("status")
        return "the connection is still on" if status == "ENABLED" else ""

    async def _set_to_app(self, action: Action) -> None:
        expected = dict(action.after)
        capabilities: Json = {}
        if "create" in expected:
            capabilities["create"] = {"lifecycleCreate": {"status": expected["create"]}}
        update: Json = {}
        if "update" in expected:
            update["profile"] = {"status": expected["update"]}
        if "deactivate" in expected:
            update["lifecycleDeactivate"] = {"status": expected["deactivate"]}
        if update:
            capabilities["update"] = update
        await self._client.update_feature(self._app_id, "USER_PROVISIONING", capabilities)

    async def _to_app_fault(self, action: Action, _: Any) -> str:
        features = (await self._client.app(self._app_id)).get("features") or ()
        for switch, expected in action.after:
            if (PUSH_OF_SWITCH[switch] in features) is not (expected == "ENABLED"):
                return f"the switch {switch} is not {expected}"
        return ""

    async def _pause(self, seconds: float) -> None:
        if seconds:
            await self._clock.sleep(seconds)


LOST = "features of the app vanished with the write:"


def mapping_properties(action: Action) -> dict[str, Json | None]:
    """Attribute -> {expression, pushStatus}, or None where the mapping is to be removed."""
    after = dict(action.after)
    names = [name for name in after if not name.endswith(PUSH_STATUS)]
    return {
        name: None
        if after[name] is None
        else {"expression": after[name], "pushStatus": after.get(name + PUSH_STATUS) or "PUSH"}
        for name in names
    }


def _difference(expected: dict[str, Any], actual: dict[str, Any]) -> str:
    for name, value in expected.items():
        if actual.get(name) != value:
            return f"{name} is {actual.get(name)!r}, not {value!r}"
    return ""


def _manual(words: str) -> Rejected:
    return Rejected(
        f"{words}; enter base URL and token in the Admin Console", system="Okta", reason="ManualStepRequired"
    )
