"""Attributes and the group attribute of a spec: paths that the profile takes, expressions that compile.

Called by desired. Every expression is parsed first, so that a person's profile is read once with the
attributes of all of them; then each is compiled against that reading.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from controller.api.attributes import AttributeItem, Groups
from controller.api.scim_integration import ScimIntegrationSpec
from controller.errors import SpecError
from controller.model.people import Reads
from controller.names import fold
from controller.planning.base.desired import Attribute, DesiredGroups, Expression, Profile
from controller.planning.desired.expression import compile_node, parse_expression
from controller.planning.desired.expression_syntax import Node, attributes_in
from controller.planning.desired.mapping_claims import Claims
from controller.planning.desired.profiles import DEFAULT_SOURCES, GROUP_ATTRIBUTES, TARGET_PATHS
from controller.planning.groups.mapping_table import grouped

_RESERVED = frozenset({"username", "active", "externalid", "id", "schemas", "meta", "password", "groups"})


@dataclass(frozen=True, slots=True)
class _Draft:
    """An attribute whose expression is parsed and not compiled yet."""

    target: str
    path: str
    text: str
    node: Node
    always: bool


@dataclass(frozen=True, slots=True)
class Values:
    """What is read of and written about a person."""

    reads: Reads
    attributes: tuple[Attribute, ...]
    group: DesiredGroups | None


def build_values(
    spec: ScimIntegrationSpec, profile: Profile, claims: Claims, mappings: frozenset[str]
) -> Values:
    """The compiled attributes and the desired groups. Raises SpecError naming the field."""
    drafts = _drafts(spec, profile)
    names = _group_names(spec, profile)
    path = f"{names[3]}:{names[2]}" if names[1] else ""
    _check_path(path, "spec.groups.attribute", profile)
    sources = _sources(spec.groups, only_here=_evaluates_here(spec))
    if path in {draft.path for draft in drafts}:
        raise SpecError(
            f"{path} is written by spec.attributes.items too; remove it there", field="spec.groups.attribute"
        )
    nodes = [draft.node for draft in drafts] + [node for _, node in sources.values()]
    read = tuple(sorted(frozenset().union(*map(attributes_in, nodes)))) if nodes else ()
    attributes = tuple(
        Attribute(d.target, d.path, number, compile_node(d.text, d.node, read), d.always)
        for number, d in enumerate(drafts)
    )
    paths = tuple(draft.path for draft in drafts) + ((path,) if path else ())
    group = None
    if spec.groups is not None:
        compiled = {name: compile_node(text, node, read) for name, (text, node) in sources.items()}
        group = _desired_groups(spec.groups, names, compiled, claims, mappings)
        group = replace(group, path=path, index=len(drafts))
    return Values(Reads(read, paths), attributes, group)


def _desired_groups(
    groups: Groups,
    names: tuple[str, str, str, str],
    sources: Mapping[str, Expression],
    claims: Claims,
    mappings: frozenset[str],
) -> DesiredGroups:
    """All but where the value is written."""
    title, name, external_name, namespace = names
    return DesiredGroups(
        groups.via,
        path="",
        index=0,
        attribute_name=name,
        attribute_title=title,
        external_name=external_name,
        external_namespace=namespace,
        sources=sources,
        table=claims.table,
        rows=grouped(claims.table),
        owners=claims.owners,
        create_groups=groups.create_groups == "WhenMissing",
        unmapped=groups.unmapped.action,
        unmapped_group=groups.unmapped.group or "",
        contested=claims.contested,
        mappings=mappings,
    )


def _drafts(spec: ScimIntegrationSpec, profile: Profile) -> list[_Draft]:
    items = spec.attributes.items
    if items is None:
        allowed = profile.allowed_paths
        chosen = [t for t, path in TARGET_PATHS.items() if allowed is None or path in allowed]
        items = tuple(AttributeItem(target=target, source=DEFAULT_SOURCES[target]) for target in chosen)
    drafts: list[_Draft] = []
    for number, item in enumerate(items):
        field = f"spec.attributes.items[{number}]"
        path = _path(item, field)
        _check_path(path, f"{field}.scim", profile)
        if path in {draft.path for draft in drafts}:
            raise SpecError(f"an earlier item writes {path} too; remove one", field=field)
        node = parse_expression(item.source, f"{field}.source", only_here=_evaluates_here(spec))
        drafts.append(_Draft(item.target, path, item.source, node, item.push == "Always"))
    return drafts


def _path(item: AttributeItem, field: str) -> str:
    path = item.scim or TARGET_PATHS.get(item.target)
    if path is None:
        known = ", ".join(TARGET_PATHS)
        raise SpecError(
            f"the target {item.target} is not one of {known}; say with scim which SCIM path it is written to",
            field=f"{field}.scim",
        )
    if fold(path) in _RESERVED:
        raise SpecError(f"{path} is not written by an attribute; remove the item", field=f"{field}.scim")
    return path


def _check_path(path: str, field: str, profile: Profile) -> None:
    if path and profile.allowed_paths is not None and path not in profile.allowed_paths:
        allowed = ", ".join(sorted(profile.allowed_paths)) or "none"
        raise SpecError(
            f"the profile {profile.name} does not take {path}; it takes {allowed}. Remove it, or add it to "
            "spec.provider.profile.overrides.allowedPaths",
            field=field,
        )


def _group_names(spec: ScimIntegrationSpec, profile: Profile) -> tuple[str, str, str, str]:
    """Title, variable name, external name and namespace of the group attribute; empty where there is none."""
    groups = spec.groups
    if groups is None:
        return "", "", "", ""
    if groups.via == "ScimGroups":
        _check_scim_groups(spec, profile)
        return "", "", "", ""
    given = groups.attribute
    if given is not None:
        return given.display_name or given.name, given.name, given.external_name, given.external_namespace
    if profile.name not in GROUP_ATTRIBUTES:
        raise SpecError(
            f"the profile {profile.name} has no group attribute of its own; give name, externalName and "
            "externalNamespace",
            field="spec.groups.attribute",
        )
    return GROUP_ATTRIBUTES[profile.name]


def _check_scim_groups(spec: ScimIntegrationSpec, profile: Profile) -> None:
    if spec.provisioning.by == "Okta":
        raise SpecError(
            "ScimGroups needs provisioning.by: Operator: where Okta provisions, its own Group Push keeps "
            "the provider's groups. Set that up in Okta, or write via: UserAttribute",
            field="spec.groups.via",
        )
    if not profile.serves_groups:
        raise SpecError(
            f"the profile {profile.name} has no SCIM /Groups; write via: UserAttribute, or another "
            "spec.provider.profile where the provider does have them",
            field="spec.groups.via",
        )


def _evaluates_here(spec: ScimIntegrationSpec) -> bool:
    """Whether the operator itself writes the values. If Okta does, it evaluates what the operator cannot."""
    return spec.provisioning.by == "Operator"


def _sources(groups: Groups | None, *, only_here: bool) -> dict[str, tuple[str, Node]]:
    """User type -> the text of its expression and its tree."""
    found: dict[str, tuple[str, Node]] = {}
    for number, one in enumerate(groups.sources if groups is not None else ()):
        field = f"spec.groups.sources[{number}]"
        if one.user_type in found:
            raise SpecError(f"the user type {one.user_type} has a source already; remove one", field=field)
        found[one.user_type] = (
            one.source,
            parse_expression(one.source, f"{field}.source", only_here=only_here),
        )
    return found
