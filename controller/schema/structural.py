"""A compiled structural schema: the one thing that callers of this room hold.

Called by the embedded Kubernetes API for every write, and by `scimctl validate` for every document.
Compile once, use from any thread: nothing here changes after compile_schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from controller.schema import findings
from controller.schema.correlation import Old
from controller.schema.embedded import check_embedded, embeds
from controller.schema.findings import BLOCKING, Finding, SchemaError
from controller.schema.lists import check_lists
from controller.schema.node import UNSET, Node, parse_node
from controller.schema.rules import RuleTree, check_rules, compile_rules
from controller.schema.shape import apply_defaults, prune_unknown
from controller.schema.values import check_value

_UNCHECKED: Final = findings.invalid(
    findings.NO_FIELD,
    None,
    "some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)


@dataclass(frozen=True, slots=True)
class Structural:
    """A schema in use. The order of a write is prune, default, validate."""

    node: Node
    rules: RuleTree | None
    has_resources: bool = False
    """Whether resources may be embedded somewhere."""

    def default(self, obj: dict[str, Any]) -> dict[str, Any]:
        """`obj`, changed in place: defaults filled in, nulls removed where null is not allowed."""
        apply_defaults(obj, self.node)
        return obj

    def prune(self, obj: dict[str, Any]) -> list[str]:
        """The paths of the fields that the schema doesn't name, sorted; removed from `obj` in place."""
        return prune_unknown(obj, self.node)

    def validate(
        self, obj: dict[str, Any], old: dict[str, Any] | None = None, *, subresource: str = ""
    ) -> list[Finding]:
        """What kube-apiserver would refuse in `obj`, in its words; [] when nothing.
        `old` is the stored object of an update: what it leaves unchanged is not refused again and
        transition rules see it. With `subresource` ("status") only that part is checked for types and
        bounds, as for a write to /status; rules and list keys are always checked whole.
        apiVersion, kind and metadata are the caller's to check."""
        found = self._check_values(obj, old, subresource)
        if self.has_resources and not subresource:
            found += check_embedded(obj, self.node)
        if old is None or not list(check_lists(old, self.node)):
            found += check_lists(obj, self.node)
        if self.rules is None:
            return found
        if any(finding.type in BLOCKING for finding in found):
            return [*found, _UNCHECKED]
        return found + check_rules(obj, self.rules, old)

    def _check_values(self, obj: dict[str, Any], old: dict[str, Any] | None, part: str) -> list[Finding]:
        if not part:
            return check_value(obj, self.node, "", None if old is None else Old(old, self.node))
        node = self.node.properties.get(part)
        if node is None or part not in obj:
            return []
        before = Old(old[part], node) if old is not None and part in old else None
        return [_prefixed(part, finding) for finding in check_value(obj[part], node, "", before)]


def _prefixed(part: str, finding: Finding) -> Finding:
    if finding.field == findings.NO_FIELD:
        return finding
    field = f"{part}.{finding.field}" if finding.field else part
    return Finding(field, finding.type, finding.message, finding.value)


def compile_schema(openapi_v3_schema: Mapping[str, Any]) -> Structural:
    """The schema of one version of a CustomResourceDefinition (`spec.versions[].schema.openAPIV3Schema`),
    ready for use. Raises SchemaError when it is not structural, when a rule doesn't compile or when a default
    is not what its own schema allows."""
    node = parse_node(openapi_v3_schema)
    problems = list(_check_defaults(node, "openAPIV3Schema"))
    if problems:
        raise SchemaError(problems)
    return Structural(node, compile_rules(node), embeds(node))


def _check_defaults(node: Node, path: str) -> list[Finding]:
    found = []
    if node.default is not UNSET:
        wrong = check_value(node.default, node, "default")
        found += [Finding(f"{path}.{f.field}", f.type, f.message, f.value) for f in wrong]
    for name, sub in node.properties.items():
        found += _check_defaults(sub, f"{path}.properties[{name}]")
    for label, below in (("items", node.items), ("additionalProperties", node.additional)):
        if below is not None:
            found += _check_defaults(below, f"{path}.{label}")
    return found
