"""What is wrong with a value, in the words of kube-apiserver.

Called by every module of the room. One constructor for each kind of field error of
k8s.io/apimachinery/pkg/util/validation/field, so that wording lives in one place.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

NO_FIELD: Final = "<nil>"
OMIT: Final = object()
"""A bad value that is not shown, as kube-apiserver leaves out objects and lists that a rule refused."""

BLOCKING: Final = frozenset(
    {
        "FieldValueNotSupported",
        "FieldValueRequired",
        "FieldValueTooLong",
        "FieldValueTooMany",
        "FieldValueTypeInvalid",
    }
)
"""Kinds after which no CEL rule is evaluated: a rule may rely on types, presence and sizes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One field error. `type` is a Kubernetes cause reason, `message` what stands in the cause
    ("Invalid value: 11: spec.size in body should be less than or equal to 10")."""

    field: str
    type: str
    message: str
    value: Any = None

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class SchemaError(ValueError):
    """A schema that kube-apiserver would refuse. `findings` say where and why."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        super().__init__("; ".join(map(str, self.findings)))


def go_quote(text: str) -> str:
    """`text` as Go's %q prints it, for printable text."""
    return json.dumps(text, ensure_ascii=False)


def go_number(value: float) -> str:
    """A number as Go's %v prints it: integral floats without a fraction."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return go_number(value)
    if isinstance(value, str):
        return go_quote(value)
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _with_value(title: str, value: Any, detail: str) -> str:
    text = title if value is OMIT else f"{title}: {_shown(value)}"
    return f"{text}: {detail}" if detail else text


def invalid(field: str, value: Any, detail: str) -> Finding:
    return Finding(field, "FieldValueInvalid", _with_value("Invalid value", value, detail), value)


def type_invalid(field: str, value: Any, detail: str) -> Finding:
    return Finding(field, "FieldValueTypeInvalid", _with_value("Invalid value", value, detail), value)


def required(field: str, detail: str = "") -> Finding:
    return Finding(field, "FieldValueRequired", _with_value("Required value", OMIT, detail))


def forbidden(field: str, detail: str) -> Finding:
    return Finding(field, "FieldValueForbidden", _with_value("Forbidden", OMIT, detail))


def duplicate(field: str, value: Any) -> Finding:
    return Finding(field, "FieldValueDuplicate", _with_value("Duplicate value", value, ""), value)


def not_supported(field: str, value: Any, supported: Iterable[Any]) -> Finding:
    names = ", ".join(go_quote(v if isinstance(v, str) else _shown(v)) for v in supported)
    detail = f"supported values: {names}"
    return Finding(field, "FieldValueNotSupported", _with_value("Unsupported value", value, detail), value)


def too_long(field: str, limit: int) -> Finding:
    detail = f"may not be more than {limit} byte{'' if limit == 1 else 's'}"
    return Finding(field, "FieldValueTooLong", _with_value("Too long", OMIT, detail))


def too_many(field: str, count: int, limit: int) -> Finding:
    detail = f"must have at most {limit} item{'' if limit == 1 else 's'}"
    return Finding(field, "FieldValueTooMany", _with_value("Too many", count, detail), count)
