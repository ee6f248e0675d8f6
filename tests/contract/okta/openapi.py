"""Okta's OpenAPI document with the overlays, as a judge: `Document.check(request, response)` raises what is
wrong.

Used by the contract tests and by the unit tests of the simulator, whose client checks every call it makes.
"""

from __future__ import annotations

import copy
import json
import re
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import yaml
from jsonschema import Draft202012Validator, FormatChecker
from referencing import Registry, Resource

HERE = Path(__file__).parent
METHODS = ("get", "put", "post", "patch", "delete")

FORMATS = FormatChecker(formats=())


@FORMATS.checks("date-time", raises=ValueError)
def is_date_time(value: object) -> bool:
    """RFC 3339 with a time zone, as Okta writes every time."""
    return (
        not isinstance(value, str) or datetime.fromisoformat(value.replace("Z", "+00:00")).tzinfo is not None
    )


class ContractError(AssertionError):
    """A request or an answer is not what the document says; the message names where."""


@cache
def load_document() -> Document:
    """The document with its overlays, read once a process."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    source = yaml.load((HERE / "okta-openapi-subset.yaml").read_text(), loader)
    for overlay in yaml.load((HERE / "overlays.yaml").read_text(), loader)["overlays"]:
        apply_overlay(source, overlay["at"], overlay["set"])
    return Document(source)


def apply_overlay(source: dict[str, Any], at: str | list[str], changes: dict[str, Any]) -> None:
    """Sets keys of the object at `at` (names, or a path); null removes one. KeyError: no such place."""
    node: Any = source
    for part in at.split("/") if isinstance(at, str) else at:
        node = node[part]
    for key, value in changes.items():
        if value is None:
            del node[key]
        else:
            node[key] = value


class Document:
    """The operations of the document and a validator for each schema in it."""

    def __init__(self, source: dict[str, Any]) -> None:
        self.source = source
        self._schemas = _discriminated(
            {name: _json_schema(s) for name, s in source["components"]["schemas"].items()}
        )
        contents = {"$id": "urn:okta", "components": {"schemas": self._schemas}}
        self._registry = Registry().with_resource("urn:okta", Resource.from_contents(contents, _dialect()))
        self._paths = [(self._pattern(path), path) for path in source["paths"]]
        self._validators: dict[str, Draft202012Validator] = {}

    @staticmethod
    def _pattern(path: str) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{\w+\}", "[^/]+", path) + r"\Z")

    def operations(self) -> set[tuple[str, str]]:
        """Every (METHOD, path template) of the document."""
        return {
            (m.upper(), path) for path, item in self.source["paths"].items() for m in item if m in METHODS
        }

    def operation(self, method: str, path: str) -> dict[str, Any] | None:
        """The operation that a call is, None where the document has none; literal paths before templates."""
        matches = [template for pattern, template in self._paths if pattern.match(path)]
        for template in sorted(matches, key=lambda each: each.count("{")):
            found = self.source["paths"][template].get(method.lower())
            if found is not None:
                return {**found, "parameters": self._parameters(template, found)}
        return None

    def _parameters(self, template: str, operation: dict[str, Any]) -> list[dict[str, Any]]:
        both = [*self.source["paths"][template].get("parameters", []), *operation.get("parameters", [])]
        return [self._resolved(each) for each in both]

    def _resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self.source
            for part in node["$ref"].removeprefix("#/").split("/"):
                target = target[part]
            node = target
        return node

    def check(self, request: httpx.Request, response: httpx.Response) -> bool:
        """Whether the document knows the call; ContractError where the call or its answer break it."""
        operation = self.operation(request.method, request.url.path)
        if operation is None:
            return False
        where = f"{request.method} {request.url.path}"
        if response.status_code < 400:
            self._check_query(where, operation, request)
            self._check_request(where, operation, request)
        self._check_answer(where, operation, response)
        return True

    def _check_query(self, where: str, operation: dict[str, Any], request: httpx.Request) -> None:
        known = {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}
        for name, value in request.url.params.multi_items():
            if name not in known:
                raise ContractError(f"{where}: no query parameter {name!r}")
            schema = known[name].get("schema", {})
            typed = _typed(schema.get("type"), value)
            self.validate(f"{where} ?{name}", {**schema, "format": "none"}, typed)

    def _check_request(self, where: str, operation: dict[str, Any], request: httpx.Request) -> None:
        body = operation.get("requestBody")
        if body is None:
            if request.content:
                raise ContractError(f"{where}: takes no body")
            return
        if not request.content:
            if body.get("required"):
                raise ContractError(f"{where}: the body is required")
            return
        schema = body["content"]["application/json"]["schema"]
        self.validate(f"{where} request", schema, json.loads(request.content))

    def _check_answer(self, where: str, operation: dict[str, Any], response: httpx.Response) -> None:
        described = operation["responses"].get(str(response.status_code))
        if described is None and response.status_code >= 400:
            schema = {
                "$ref": "#/components/schemas/Error"
            }  # every operation can fail in ways not listed with it
        elif described is None:
            raise ContractError(f"{where}: answers {response.status_code}, which is not described")
        else:
            content = self._resolved(described).get("content") or {}
            schema = content.get("application/json", {}).get("schema")
        if schema is None:
            if response.content not in (b"", b"{}"):
                raise ContractError(f"{where}: answers {response.status_code} with a body")
            return
        self.validate(f"{where} -> {response.status_code}", schema, response.json())

    def validate(self, where: str, schema: dict[str, Any], value: Any) -> None:
        """ContractError with the first five faults of `value`."""
        key = json.dumps(schema, sort_keys=True)
        if key not in self._validators:
            whole = {"$schema": "https://json-schema.org/draft/2020-12/schema", **_json_schema(schema)}
            self._validators[key] = Draft202012Validator(
                whole, registry=self._registry, format_checker=FORMATS
            )
        faults = sorted(self._validators[key].iter_errors(value), key=lambda fault: fault.json_path)[:5]
        if faults:
            raise ContractError(f"{where}: " + "; ".join(f"{f.json_path}: {f.message[:200]}" for f in faults))


def _typed(kind: str | None, text: str) -> Any:
    if kind == "integer":
        return int(text) if text.lstrip("-").isdigit() else text
    return {"true": True, "false": False}.get(text, text) if kind == "boolean" else text


def _dialect() -> Any:
    from referencing.jsonschema import DRAFT202012

    return DRAFT202012


def _json_schema(node: Any) -> Any:
    """OpenAPI 3.0 schema -> JSON Schema: nullable, $ref beside others, discriminators kept for later."""
    if isinstance(node, list):
        return [_json_schema(each) for each in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return {"$ref": node["$ref"].replace("#/", "urn:okta#/", 1)}
    made = {
        key: _json_schema(value)
        for key, value in node.items()
        if key not in ("example", "examples", "nullable")
    }
    if node.get("nullable") is True:
        made.pop("x-nullable", None)
        return {"anyOf": [made, {"type": "null"}]}
    return made


def _discriminated(schemas: dict[str, Any]) -> dict[str, Any]:
    """Makes each discriminator hold: the value of the property says which schema applies beside the base."""
    made = copy.deepcopy(schemas)
    for name, schema in schemas.items():
        rule = schema.get("discriminator") if isinstance(schema, dict) else None
        if not isinstance(rule, dict):
            continue
        property_name, base = rule["propertyName"], f"{name}__base"
        made[base] = {key: value for key, value in schema.items() if key != "discriminator"}
        branches = []
        for value, reference in rule.get("mapping", {}).items():
            sub = reference.rsplit("/", 1)[1]
            made[sub] = _replace_ref(made[sub], name, base)
            chosen = {"properties": {property_name: {"const": value}}, "required": [property_name]}
            branches.append({"if": chosen, "then": {"$ref": f"urn:okta#/components/schemas/{sub}"}})
        made[name] = {"allOf": [{"$ref": f"urn:okta#/components/schemas/{base}"}, *branches]}
    return made


def _replace_ref(node: Any, name: str, base: str) -> Any:
    if isinstance(node, list):
        return [_replace_ref(each, name, base) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("$ref") == f"urn:okta#/components/schemas/{name}":
        return {"$ref": f"urn:okta#/components/schemas/{base}"}
    return {key: _replace_ref(value, name, base) for key, value in node.items()}
