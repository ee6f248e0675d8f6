"""spec.okta of a ScimIntegration: which org, which app, how people are named there.

Used by `scim_integration`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from controller.api.meta import Api, Bool, OktaId, rule, rules, text
from controller.api.object_names import NamespaceName, ObjectName


class OrgRef(Api):
    """An OktaOrg."""

    name: ObjectName
    """Name of the OktaOrg."""
    namespace: NamespaceName | None = None
    """Namespace of the OktaOrg; this resource's where omitted. Elsewhere only where the OktaOrg's
    allowedNamespaces lets this namespace in."""


class AppRef(Api):
    """An app of the Okta org."""

    model_config = ConfigDict(
        json_schema_extra=rules(rule("has(self.id) != has(self.label)", "give exactly one of id and label"))
    )

    id: OktaId | None = None
    """Okta's id of the app."""
    label: Annotated[str, text(100, 1)] | None = None
    """Exact label of the app. Several apps of one label are an error that names their ids. The id found is
    pinned in status: another app that takes the label later is never followed silently."""


class OktaApp(Api):
    """The Okta side of the integration."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "!self.allowAppReplace || has(self.usernameFormat)",
                "allowAppReplace goes with usernameFormat",
            )
        )
    )

    org_ref: OrgRef
    """The OktaOrg through which Okta is called."""
    app: AppRef
    """The app: give exactly one of id and label."""
    username_format: Literal["Email", "EmailLowercase", "OktaUsername"] | None = None
    """Application username format. Written only where it differs and Okta does not push yet, then read back.
    Omitted: verified and reported, never written."""
    allow_app_replace: Bool = False
    """true: write the username format even where Okta already pushes. Okta has no partial update of an app,
    and that PUT has wiped SCIM settings made by hand in the console."""
