"""The Okta app: username format, the group attribute, profile mappings, attributes that nothing maps.

Called by make_plan. Everything is read first and written on difference only; what Okta's API will not do for
this app is a step of okta_steps. Schema and mappings matter only where Okta itself provisions.
"""

from __future__ import annotations

from collections.abc import Mapping

from controller.model.actions import Action, ActionKind, Touch
from controller.model.actual import Actual, AppAttribute, AppState, Memory, ProfileMapping
from controller.model.people import Value
from controller.names import fold
from controller.planning.base.desired import Desired, DesiredGroups
from controller.planning.base.setting_drift import Found, Setting, weigh
from controller.planning.base.wording import shown

TEMPLATES = {
    "Email": "${source.email}",
    "EmailLowercase": "${fn:toLowerCase(source.email)}",
    "OktaUsername": "${source.login}",
}
"""Username templates of type BUILT_IN (Okta Applications API, userNameTemplate)."""
PUSH_STATUS = ".pushStatus"
_UNTOUCHED = frozenset({"userName", "login"})
"""Mapped by the app's sign-on settings; a mapping of them does not take."""
Properties = dict[str, tuple[str, str] | None]


def plan_app(desired: Desired, actual: Actual, memory: Memory, found: Found) -> None:
    """Adds what the app's settings need."""
    _plan_username(desired, actual.app, memory, found)
    if desired.by != "Okta" or actual.app.mappings is None or actual.app.attributes is None:
        return
    name = _plan_attribute(desired, actual.app, memory, found)
    keys = [_plan_mapping(desired, actual.app, memory, found, one, name) for one in actual.app.mappings]
    if desired.prune_schema and desired.attribute_policy == "Exact":
        _prune(desired, actual.app, found, name, tuple(key for key in keys if key))


def may_replace_app(desired: Desired, app: AppState) -> bool:
    """Whether the app may be PUT: that has wiped SCIM settings which were made by hand."""
    return desired.allow_app_replace or not app.is_pushing


def wants_other_username(desired: Desired, app: AppState) -> bool:
    """Whether the username format differs from the declared one."""
    return bool(desired.username_format) and app.username_template != TEMPLATES[desired.username_format]


def _plan_username(desired: Desired, app: AppState, memory: Memory, found: Found) -> None:
    if not desired.username_format:
        return
    template, action = TEMPLATES[desired.username_format], None
    if wants_other_username(desired, app):
        if not may_replace_app(desired, app):
            return
        action = Action(
            ActionKind.SET_USERNAME_FORMAT,
            app.app_id,
            app.label,
            Touch.SETTING,
            (("template", app.username_template), ("type", app.username_template_type)),
            (("template", template), ("type", "BUILT_IN")),
            f"the username format is declared as {desired.username_format}",
        )
    weigh(
        desired,
        memory,
        found,
        Setting("username", (template,), action, "username format", template, app.username_template),
    )


# The group attribute.


def find_attribute(app: AppState, group: DesiredGroups) -> AppAttribute | None:
    """The attribute with the declared external name, whatever its variable name is."""
    wanted = (group.external_name, group.external_namespace)
    return next((a for a in app.attributes or () if (a.external_name, a.external_namespace) == wanted), None)


def _plan_attribute(desired: Desired, app: AppState, memory: Memory, found: Found) -> str:
    """Adds the group attribute where it lacks; its variable name, or "" where there is and will be none."""
    group = desired.group
    if group is None:
        return ""
    present = find_attribute(app, group)
    if present is None and _is_taken(desired, app, group, found):
        return ""
    after = (
        ("title", group.attribute_title),
        ("externalName", group.external_name),
        ("externalNamespace", group.external_namespace),
        ("scope", "SELF"),
    )
    action = None
    if present is None:
        why = "the app has no attribute with this external name"
        name = group.attribute_name
        action = Action(
            ActionKind.ADD_APP_ATTRIBUTE, name, group.attribute_title, Touch.SETTING, (), after, why
        )
    what = f"app attribute {group.attribute_name}"
    values = [value for name, value in after if name != "title"]
    weigh(desired, memory, found, Setting("attribute", values, action, what, group.external_name))
    return present.name if present is not None else group.attribute_name


def _is_taken(desired: Desired, app: AppState, group: DesiredGroups, found: Found) -> bool:
    """Whether another attribute has the variable name; names ignore case (Okta Schemas API)."""
    names = {fold(name) for name in (*app.base_attributes, *(a.name for a in app.attributes or ()))}
    if fold(group.attribute_name) not in names:
        return False
    found.problem(
        desired,
        "AttributeNameTaken",
        f"the app has another attribute named {group.attribute_name}, with another external name; choose "
        "another name",
        "spec.groups.attribute.name",
    )
    return True


# Profile mappings.


def desired_properties(desired: Desired, mapping: ProfileMapping, name: str) -> Properties:
    """Attribute of the app -> (expression, push status) as it should be; None for one that has to go.

    `name` is the variable name of the group attribute, "" for none."""
    properties: Properties = {
        one.target: (one.expression.text, "PUSH" if one.always else "DONT_PUSH") for one in desired.attributes
    }
    if desired.group is not None and name:
        source = desired.group.sources.get(mapping.user_type) or desired.group.sources.get("default")
        if source is not None:
            properties[name] = (source.text, "PUSH")
    if desired.attribute_policy == "Exact":
        for extra in mapping.properties:
            if extra not in properties and extra not in _UNTOUCHED:
                properties[extra] = None
    return properties


def _plan_mapping(
    desired: Desired, app: AppState, memory: Memory, found: Found, mapping: ProfileMapping, name: str
) -> str:
    """Adds the change of one mapping; the key of its action, or ""."""
    properties = _with_targets(desired, app, found, desired_properties(desired, mapping, name), name)
    differing = {key: value for key, value in properties.items() if mapping.properties.get(key) != value}
    kept = sorted((key, *value) for key, value in properties.items() if value is not None)
    flat: list[Value] = [desired.attribute_policy, *(part for row in kept for part in row)]
    action = _mapping_action(mapping, differing, found) if differing else None
    first = min(differing, default="")
    expected, actual = properties.get(first), mapping.properties.get(first)
    setting = Setting(
        f"mapping {mapping.mapping_id}",
        flat,
        action,
        f"mapping of {first} for user type {mapping.user_type}",
        expected[0] if expected else None,
        actual[0] if actual else None,
    )
    return action.key if weigh(desired, memory, found, setting) and action is not None else ""


def _with_targets(
    desired: Desired, app: AppState, found: Found, properties: Properties, name: str
) -> Properties:
    """The properties whose attribute the app has, or will have; the others are told once."""
    if not app.base_attributes:
        return properties
    known = {*app.base_attributes, *(a.name for a in app.attributes or ()), name}
    for number, one in enumerate(desired.attributes):
        if one.target not in known:
            path = f"spec.attributes.items[{number}].target"
            told = f"the app has no attribute {shown(one.target)}; correct the name or add it in Okta"
            if all(problem.field != path for problem in found.problems):
                found.problem(desired, "AttributeNotFound", told, path)
    return {key: value for key, value in properties.items() if key in known or value is None}


def _mapping_action(mapping: ProfileMapping, differing: Properties, found: Found) -> Action:
    before: list[tuple[str, Value]] = []
    after: list[tuple[str, Value]] = []
    for key in sorted(differing):
        for fields, pair in ((before, mapping.properties.get(key)), (after, differing[key])):
            fields.append((key, pair[0] if pair else None))
            if pair or differing[key]:
                fields.append((key + PUSH_STATUS, pair[1] if pair else None))
    first = min(differing)
    gone = differing[first] is None
    why = (
        f"{first} is mapped and not declared"
        if gone
        else f"{first} is declared as {shown(_text(differing[first]))}"
    )
    adds = tuple(action.key for action in found.actions if action.kind is ActionKind.ADD_APP_ATTRIBUTE)
    label = f"mapping of user type {mapping.user_type}"
    return Action(
        ActionKind.SET_MAPPING,
        mapping.mapping_id,
        label,
        Touch.SETTING,
        tuple(before),
        tuple(after),
        why,
        needs=adds,
    )


def _text(pair: tuple[str, str] | None) -> str:
    return pair[0] if pair else ""


def _prune(desired: Desired, app: AppState, found: Found, name: str, needs: tuple[str, ...]) -> None:
    """Removes custom attributes that nothing maps once the mappings are up to date: Okta sends them all the
    same."""
    mapped = {one.target for one in desired.attributes} | {name}
    for attribute in app.attributes or ():
        if attribute.name in mapped:
            continue
        fields: Mapping[str, Value] = {
            "title": attribute.title,
            "externalName": attribute.external_name,
            "externalNamespace": attribute.external_namespace,
        }
        found.actions.append(
            Action(
                ActionKind.REMOVE_APP_ATTRIBUTE,
                attribute.name,
                attribute.title or attribute.name,
                Touch.SETTING,
                tuple(fields.items()),
                tuple((key, None) for key in fields),
                "nothing maps this attribute, and Okta would send it all the same",
                needs=needs,
            )
        )
