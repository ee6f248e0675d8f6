"""x-kubernetes-validations: compiled with the schema, evaluated top down over an object.

Called by `structural`, after plain validation found nothing that blocks. Follows
apiextensions-apiserver's schema/cel/validation.go: rules of a node before those below it, null is never
validated, transition rules need an old value, an unchanged value is not refused, an evaluation error is
a finding. The run-time cost budget is not kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cel

from controller.schema import findings
from controller.schema.celvalues import like, to_cel
from controller.schema.correlation import Old, at_item, at_key, is_same
from controller.schema.expressions import Expression, ExpressionError, compile_expression
from controller.schema.findings import OMIT, Finding, SchemaError
from controller.schema.node import Node

_KEYS: Final = frozenset(["rule", "message", "messageExpression", "reason", "fieldPath", "optionalOldSelf"])
_REASONS: Final = ("FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate")
_MESSAGE_LIMIT: Final = 5 * 1024


@dataclass(frozen=True, slots=True)
class Rule:
    """One compiled rule. `field_path` is appended to the path of the node it stands on."""

    expression: Expression
    source: str
    message: str
    message_expression: Expression | None
    reason: str
    field_path: str
    optional_old_self: bool

    @property
    def label(self) -> str:
        return self.message or self.source


@dataclass(frozen=True, slots=True)
class RuleTree:
    """The rules of a node and of what stands below it; branches without any are left out."""

    node: Node
    rules: tuple[Rule, ...] = ()
    properties: Mapping[str, RuleTree] = field(default_factory=dict)
    additional: RuleTree | None = None
    items: RuleTree | None = None


def compile_rules(node: Node, path: str = "openAPIV3Schema") -> RuleTree | None:
    """The tree of rules, or None where there is none. Raises SchemaError with all that don't compile."""
    problems: list[Finding] = []
    tree = _compile(_with_type_meta(node), path, problems)
    if problems:
        raise SchemaError(problems)
    return tree


def _with_type_meta(node: Node) -> Node:
    """At the root a rule reaches apiVersion, kind and metadata.name, whatever the schema says."""
    text = Node("string", {})
    names = Node("object", {}, properties={"name": text, "generateName": text})
    meta = {"apiVersion": text, "kind": text, "metadata": names}
    properties = {**node.properties, **meta}
    return Node(node.type, node.raw, properties=properties)


def _compile(node: Node, path: str, problems: list[Finding]) -> RuleTree | None:
    rules = []
    for index, raw in enumerate(node.raw.get("x-kubernetes-validations", ())):
        where = f"{path}.x-kubernetes-validations[{index}]"
        try:
            rules.append(_compile_rule(raw, node))
        except ExpressionError as error:
            problems.append(findings.invalid(f"{where}.rule", raw.get("rule"), str(error)))
        except SchemaError as error:
            problems += [Finding(f"{where}{f.field}", f.type, f.message, f.value) for f in error.findings]
    properties = {}
    for name, sub in node.properties.items():
        tree = _compile(sub, f"{path}.properties[{name}]", problems)
        if tree:
            properties[name] = tree
    additional = (
        _compile(node.additional, f"{path}.additionalProperties", problems) if node.additional else None
    )
    items = _compile(node.items, f"{path}.items", problems) if node.items else None
    if not (rules or properties or additional or items):
        return None
    return RuleTree(node, tuple(rules), properties, additional, items)


def _compile_rule(raw: Mapping[str, Any], node: Node) -> Rule:
    problems = list(_check_rule(raw, node))
    if problems:
        raise SchemaError(problems)
    source = raw["rule"].strip()
    expression = compile_expression(source, node)
    if raw.get("optionalOldSelf") and not expression.uses_old_self:
        detail = "may not be set if oldSelf is not used in rule"
        raise SchemaError([findings.invalid(".optionalOldSelf", True, detail)])
    template = raw.get("messageExpression")
    return Rule(
        expression=expression,
        source=source,
        message=raw.get("message", "").strip(),
        message_expression=compile_expression(template, node) if template else None,
        reason=raw.get("reason", "FieldValueInvalid"),
        field_path=raw.get("fieldPath", ""),
        optional_old_self=bool(raw.get("optionalOldSelf")),
    )


def _check_rule(raw: Mapping[str, Any], node: Node) -> Iterator[Finding]:
    for key in raw:
        if key not in _KEYS:
            yield findings.forbidden(f".{key}", "is not a field of a validation rule")
    if not str(raw.get("rule", "")).strip():
        yield findings.required(".rule", "rule is not specified")
    message = raw.get("message", "")
    if "message" in raw and not message.strip():
        yield findings.invalid(".message", message, "message must be non-empty if specified")
    if "\n" in message.strip():
        yield findings.invalid(".message", message, "message must not contain line breaks")
    if raw.get("reason", _REASONS[0]) not in _REASONS:
        yield findings.not_supported(".reason", raw["reason"], _REASONS)
    path = raw.get("fieldPath")
    if path is not None and not _is_field_path(path, node):
        yield findings.invalid(
            ".fieldPath", path, "fieldPath must be a valid path: does not refer to a valid field"
        )


def _is_field_path(path: str, node: Node) -> bool:
    if not re.fullmatch(r"(\.[^.\[\]']+|\['[^']+'\])+", path):
        return False
    current: Node | None = node
    for dotted, quoted in re.findall(r"\.([^.\[\]']+)|\['([^']+)'\]", path):
        current = current.child(dotted or quoted) if current else None
    return current is not None


@dataclass(frozen=True, slots=True)
class Subject:
    """A value with what it was before. `is_kept`: it, or the nearest part with a known past, is unchanged."""

    value: Any
    old: Old | None
    is_kept: bool = False

    def below(self, value: Any, old: Old | None) -> Subject:
        same = self.is_kept or (old is not None and is_same(value, old.value))
        return Subject(value, old, same if old is not None else self.is_kept)


def check_rules(value: Any, tree: RuleTree, old: Any = None) -> list[Finding]:
    """What the rules say against a whole object; `old` is what an update replaces."""
    before = None if old is None else Old(old, tree.node)
    return list(_check(Subject(value, before, old is not None and is_same(value, old)), tree, ""))


def _check(subject: Subject, tree: RuleTree, path: str) -> Iterator[Finding]:
    value = subject.value
    if value is None:
        return
    yield from _check_node(subject, tree, path)
    if isinstance(value, dict):
        for key, item in value.items():
            inner = subject.below(item, at_key(subject.old, key))
            if key in tree.properties:
                yield from _check(inner, tree.properties[key], f"{path}.{key}" if path else key)
            elif tree.additional and key not in tree.node.properties:
                yield from _check(inner, tree.additional, f"{path}[{key}]")
    elif isinstance(value, list) and tree.items:
        for index, item in enumerate(value):
            inner = subject.below(item, at_item(subject.old, item))
            yield from _check(inner, tree.items, f"{path}[{index}]")


def _check_node(subject: Subject, tree: RuleTree, path: str) -> Iterator[Finding]:
    if not tree.rules:
        return
    variables = {"self": to_cel(subject.value, tree.node)}
    if subject.old is not None:
        before = like(subject.old.value, subject.value, tree.node)
        variables["oldSelf"] = to_cel(before, tree.node)
    for rule in tree.rules:
        if rule.expression.uses_old_self and subject.old is None and not rule.optional_old_self:
            continue
        finding = _evaluate(rule, variables, subject.value, tree.node, path)
        if finding and (rule.expression.uses_old_self or not subject.is_kept):
            yield finding


def _evaluate(rule: Rule, variables: Mapping[str, Any], value: Any, node: Node, path: str) -> Finding | None:
    if rule.optional_old_self:
        present = "oldSelf" in variables
        optional = cel.OptionalValue.of(variables["oldSelf"]) if present else cel.OptionalValue.none()
        variables = {**variables, "oldSelf": optional}
    at = path or findings.NO_FIELD
    try:
        verdict = rule.expression.evaluate(variables)
    except ExpressionError as error:
        return findings.invalid(at, node.type, f"{error} evaluating rule: {rule.label}")
    if verdict is True:
        return None
    if verdict is not False:
        return findings.invalid(at, node.type, f"cel expression must evaluate to a bool: {rule.source}")
    return _refusal(rule, variables, value, node, f"{path}{rule.field_path}".removeprefix(".") or at)


def _refusal(rule: Rule, variables: Mapping[str, Any], value: Any, node: Node, path: str) -> Finding:
    detail = _dynamic_message(rule, variables) or rule.message or f"failed rule: {rule.source}"
    if rule.reason == "FieldValueForbidden":
        return findings.forbidden(path, detail)
    if rule.reason == "FieldValueRequired":
        return findings.required(path, detail)
    shown = OMIT if node.type in ("object", "array") else value
    if rule.reason == "FieldValueDuplicate":
        return findings.duplicate(path, shown)
    return findings.invalid(path, shown, detail)


def _dynamic_message(rule: Rule, variables: Mapping[str, Any]) -> str:
    """The message that messageExpression gives; "" where it fails, is empty, too long or of several lines."""
    if rule.message_expression is None:
        return ""
    try:
        text = rule.message_expression.evaluate(variables)
    except ExpressionError:
        return ""
    text = text.strip() if isinstance(text, str) else ""
    return "" if "\n" in text or len(text.encode()) > _MESSAGE_LIMIT else text
