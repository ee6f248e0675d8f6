"""The value -> group table that the GroupMappings of an integration declare together.

Called by desired. A value that two mappings claim is claimed by none until somebody settles it: it is told
on both, and whoever has that value stays where they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.api.group_mapping import GroupMappingSpec
from controller.model.plan import Problem
from controller.planning.base.inputs import Resource
from controller.planning.base.wording import shown

KIND = "GroupMapping"
Mappings = Sequence[Resource[GroupMappingSpec]]


@dataclass(frozen=True, slots=True)
class Claims:
    """`table`: value -> group; `owners`: value -> name of the mapping; both without the `contested`
    values."""

    table: Mapping[str, str]
    owners: Mapping[str, str]
    contested: frozenset[str]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Claim:
    mapping: str
    group: str
    field: str


def settle_claims(mappings: Mappings) -> Claims:
    """What the mappings claim together, in whatever order they come."""
    by_value: dict[str, list[_Claim]] = {}
    problems: list[Problem] = []
    for mapping in sorted(mappings, key=lambda one: one.name):
        groups: set[str] = set()
        for number, row in enumerate(mapping.spec.mappings):
            field = f"spec.mappings[{number}]"
            if row.provider_group in groups:
                problems.append(_named_twice(mapping.name, field, row.provider_group))
            groups.add(row.provider_group)
            for value in row.values:
                by_value.setdefault(value, []).append(
                    _Claim(mapping.name, row.provider_group, f"{field}.values")
                )
    contested = {value: claims for value, claims in by_value.items() if len(claims) > 1}
    for value in sorted(contested):
        problems.extend(_contested(value, contested[value]))
    settled = {value: claims[0] for value, claims in sorted(by_value.items()) if len(claims) == 1}
    return Claims(
        {value: claim.group for value, claim in settled.items()},
        {value: claim.mapping for value, claim in settled.items()},
        frozenset(contested),
        tuple(problems),
    )


def _contested(value: str, claims: Sequence[_Claim]) -> list[Problem]:
    """One problem for each mapping, naming another one."""
    found: dict[str, Problem] = {}
    for claim in claims:
        other = next((one.mapping for one in claims if one.mapping != claim.mapping), "")
        where = (
            f"GroupMapping {other} claims it too"
            if other
            else "another row of this GroupMapping claims it too"
        )
        found[claim.mapping] = Problem(
            KIND,
            claim.mapping,
            "ValueClaimedTwice",
            f"{claim.field}: the value {shown(value)} leads to {shown(claim.group)} here, and {where}; "
            "remove it from all but one. Until then people with this value stay in the groups they are in",
            claim.field,
        )
    return list(found.values())


def _named_twice(mapping: str, field: str, group: str) -> Problem:
    return Problem(
        KIND,
        mapping,
        "GroupNamedTwice",
        f"{field}.providerGroup: an earlier row names {shown(group)} too; put all its values into one row",
        f"{field}.providerGroup",
    )


def without_groups(mappings: Mappings, integration: str) -> tuple[Problem, ...]:
    """Problems of mappings whose integration does not say how people get into groups."""
    return tuple(
        Problem(
            KIND,
            mapping.name,
            "InvalidSpec",
            f"spec.integrationRef: ScimIntegration {integration} has no spec.groups; give it groups.sources",
            "spec.integrationRef",
        )
        for mapping in mappings
    )
