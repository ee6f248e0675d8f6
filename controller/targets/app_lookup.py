"""From an app as a resource names it to its id; shared by okta_app and okta_people of one integration.

A label is looked up once and then pinned: another app that takes the label later is not followed. What is
found is asked for by one caller at a time, since the targets observe side by side.
"""

from __future__ import annotations

import asyncio

from controller.errors import NotFound, SpecError
from controller.okta.client import OktaClient
from controller.okta.shapes import App
from controller.planning.base.desired import Desired


class AppLookup:
    """The app of one integration."""

    def __init__(self, client: OktaClient) -> None:
        self._client = client
        self._id_by_label: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def app_id(self, desired: Desired) -> str:
        """The id of the app: the one that was found in an earlier process, until `app` has seen that it is
        another's now. Raises SpecError where a label names none or several."""
        if desired.app_id:
            return desired.app_id
        async with self._lock:
            label = desired.app_label
            if label not in self._id_by_label:
                # A search is drawn from the scarcest bucket, and a process that starts has every app to find.
                self._id_by_label[label] = desired.pinned_app or await self._find(label)
            return self._id_by_label[label]

    async def app(self, desired: Desired) -> App:
        """The app, whole. A pinned app that was renamed or deleted is looked up again by its label."""
        app_id = await self.app_id(desired)
        try:
            app = await self._client.app(app_id)
        except NotFound:
            if desired.app_id:
                raise SpecError(
                    f"there is no app with the id {app_id} in this org",
                    field="spec.okta.app.id",
                    reason="AppNotFound",
                ) from None
            app = None
        if app is not None and (desired.app_id or app.get("label") == desired.app_label):
            return app
        self._id_by_label[desired.app_label] = await self._find(desired.app_label)
        return await self._client.app(self._id_by_label[desired.app_label])

    async def _find(self, label: str) -> str:
        found = [app for app in await self._client.apps_by_label(label) if app.get("status") != "DELETED"]
        if len(found) == 1:
            return found[0]["id"]
        if not found:
            raise SpecError(
                f"no app of this org has the label {label!r}; labels are compared exactly",
                field="spec.okta.app.label",
                reason="AppNotFound",
            )
        ids = ", ".join(sorted(app["id"] for app in found))
        raise SpecError(
            f"{len(found)} apps have the label {label!r}; name one by spec.okta.app.id: {ids}",
            field="spec.okta.app.label",
            reason="AppAmbiguous",
        )
