"""spec.attributes and spec.groups of a ScimIntegration: what is pushed about a person.

Used by `scim_integration`. Sources are Okta expressions, whose safe subset planning.desired.expression
compiles.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict

from controller.api.meta import GROUP_NAME, Api, keyed, rule, rules, text

SOURCE = text(1024, 1)


class AttributeItem(Api):
    """One mapped attribute."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.target in ['givenName','familyName','email','displayName'] || has(self.scim)",
                "a target beyond the four gives scim",
            ),
            rule(
                "self.target != 'userName'",
                "userName is the app user's credential: use okta.usernameFormat",
            ),
        )
    )

    target: Annotated[str, text(64, 1)]
    """Attribute of the Okta app user: givenName, familyName, email, displayName, or another that gives
    scim."""
    source: Annotated[str, SOURCE]
    """Okta expression over the Okta user profile, such as user.firstName."""
    push: Literal["Always", "OnCreate"] = "Always"
    """Always: kept equal. OnCreate: sent with a new account only."""
    scim: Annotated[str, text(256)] | None = None
    """SCIM path that the target is written to, such as title or
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department."""


class Attributes(Api):
    """Which attributes are pushed."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.pruneSchema == 'Never' || self.policy == 'Exact'",
                "pruneSchema: Unmapped needs policy: Exact",
            )
        )
    )

    policy: Literal["Exact", "Additive"] = "Additive"
    """Additive: only the attributes listed are touched. Exact: every other mapping of the app is removed."""
    prune_schema: Literal["Never", "Unmapped"] = "Never"
    """Unmapped: also delete custom attributes of the app that nothing maps, since Okta sends them all the
    same. Deleting one loses its values."""
    items: Annotated[tuple[AttributeItem, ...], keyed(100, "target")] | None = None
    """The attributes. Omitted: givenName, familyName, email and displayName, as far as the profile allows
    them. userName is not among them: it is the app user's credential."""


class GroupAttribute(Api):
    """The attribute of the Okta app user that carries the group value."""

    display_name: Annotated[str, text(100, 1)] | None = None
    """Title in the Okta console; `name` where omitted."""
    name: Annotated[str, text(60, 1, pattern="^[A-Za-z][A-Za-z0-9_]*$")]
    """Variable name in the app user schema, such as calendlyGroup."""
    external_name: Annotated[str, text(256, 1)]
    """SCIM attribute name, such as group."""
    external_namespace: Annotated[str, text(256, 1)]
    """SCIM schema URN, such as urn:calendly:scim:schemas:2.0:User."""


class GroupSource(Api):
    """Where the group value comes from."""

    user_type: Annotated[str, text(100)] = "default"
    """Name of the Okta user type that this expression is for; `default` serves every type without its own."""
    source: Annotated[str, SOURCE]
    """Okta expression over the Okta user profile, such as user.department."""


class Unmapped(Api):
    """People whose value no GroupMapping claims."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule("(self.action == 'Default') == has(self.group)", "group goes with action: Default")
        )
    )

    action: Literal["Keep", "Remove", "UseValue", "Default"] = "Keep"
    """Keep: their groups stay as they are. Remove: they are in none. UseValue: the value is the group's name.
    Default: they are put into `group`."""
    group: Annotated[str, text(GROUP_NAME, 1)] | None = None
    """The group of action: Default."""


class Groups(Api):
    """How people get into the provider's groups."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.via == 'UserAttribute' || !has(self.attribute)",
                "attribute goes with via: UserAttribute",
            )
        )
    )

    via: Literal["UserAttribute", "ScimGroups"] = "UserAttribute"
    """UserAttribute: a value on the user, which the provider maps to a group. ScimGroups: the operator itself
    puts people into the provider's SCIM /Groups and takes them out; with provisioning.by: Operator only.
    People are taken out of groups that a GroupMapping or `unmapped` names, and of the one into which the
    operator has put them; no other group is touched, and none is deleted. Whoever is deactivated keeps their
    groups."""
    attribute: GroupAttribute | None = None
    """The attribute that carries the value, with via: UserAttribute. Omitted: the profile's own, where it has
    one."""
    sources: Annotated[tuple[GroupSource, ...], keyed(10, "userType", shortest=1)]
    """The source of the value, one for each type of people that needs its own."""
    create_groups: Literal["Never", "WhenMissing"] = "Never"
    """WhenMissing: a group that a GroupMapping names and the provider lacks is created. Never: it is told on
    the GroupMapping, and people who belong there stay where they are."""
    unmapped: Unmapped = Unmapped()
    """What happens to people whose value no GroupMapping claims."""
