"""Admission policies of the chart, judged as an API server judges them, with the project's CEL engine.

Knows what these policies use: variables, matchConditions, one authorizer check. Optional syntax (`.?`) is
not known to the engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import cel

from tests.contract.chart.rendering import render

JSON = dict[str, Any]
Asked = tuple[str, str, str, str, str]
"""(group, resource, namespace, name, verb)."""


@dataclass(frozen=True)
class Request:
    """What somebody asks of the API server; `old` is None on CREATE, `new` on DELETE."""

    old: JSON | None
    new: JSON | None
    may: frozenset[Asked] = frozenset()
    groups: tuple[str, ...] = ("system:authenticated",)
    user: str = "eve@example.com"

    @property
    def operation(self) -> str:
        return "CREATE" if self.old is None else "DELETE" if self.new is None else "UPDATE"


@dataclass(frozen=True)
class Policy:
    """One policy of the release."""

    spec: JSON

    def refusals(self, request: Request) -> list[str]:
        """The messages with which it refuses; none if it lets the request through, or is not asked."""
        (rule,) = self.spec["matchConstraints"]["resourceRules"]
        known: JSON = {
            "object": request.new,
            "oldObject": request.old,
            "authorizer": {"may": [list(one) for one in request.may]},
            "request": {
                "operation": request.operation,
                "userInfo": {"groups": list(request.groups), "username": request.user},
            },
        }
        conditions = self.spec.get("matchConditions", [])
        if request.operation not in rule["operations"]:
            return []
        if not all(evaluate(one["expression"], known) for one in conditions):
            return []
        known["variables"] = {}
        for one in self.spec["variables"]:
            known["variables"][one["name"]] = evaluate(one["expression"], known)
        return [
            str(evaluate(one["messageExpression"], known))
            for one in self.spec["validations"]
            if evaluate(one["expression"], known) is not True
        ]


def policy(resource: str, suffix: str, values: JSON) -> Policy:
    """The policy of the release for `resource` whose name ends with `suffix`."""
    (found,) = [
        one["spec"]
        for one in render(values)
        if one["kind"] == "ValidatingAdmissionPolicy"
        and one["metadata"]["name"].endswith(suffix)
        and one["spec"]["matchConstraints"]["resourceRules"][0]["resources"] == [resource]
    ]
    return Policy(found)


def _names(key: str) -> Any:
    return lambda check, value: {**check, key: value}


def _allowed(check: Mapping[str, Any]) -> bool:
    asked = [check.get(part, "") for part in ("group", "resource", "namespace", "name", "verb")]
    return asked in check["may"]


FUNCTIONS = {
    **{name: _names(name) for name in ("group", "resource", "namespace", "name")},
    "check": _names("verb"),
    "allowed": _allowed,
    "join": lambda items, separator: separator.join(items),
}


@cache
def _compiled(expression: str) -> cel.Program:
    return cel.compile(expression)


def evaluate(expression: str, variables: JSON) -> Any:
    """The value; an error of CEL is an error here, and a refusal at an API server (failurePolicy: Fail)."""
    program = _compiled(expression)
    used = {name: FUNCTIONS[name] for name in program.functions() if name in FUNCTIONS}
    return program.execute(cel.Context(variables=variables, functions=used))
