"""The OpenAPI document of the admin API, served at /admin/v1/openapi.json.

Made of the table of routes, and of the pydantic models in it, which check bodies and parameters and of which
the answers are made: what the API does and what the document says are one text. Tests drive the API by it
(schemathesis).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import cache
from typing import Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from controller.provider.admin.problems import ProblemAnswer
from controller.provider.admin.routes import ROUTES, AdminOperation

Json = dict[str, object]
Model = tuple[type[BaseModel], Literal["validation", "serialization"]]
Schemas = Callable[[Model], Json]
TEMPLATE = "#/components/schemas/{model}"


def _models() -> Iterator[Model]:
    """Every model that a body, an answer or a refusal has."""
    for operation in ROUTES.values():
        if operation.body is not None:
            yield operation.body, "validation"
        yield from ((answer, "serialization") for answer in operation.answers)
    yield ProblemAnswer, "serialization"


def _parameters(operation: AdminOperation, pattern: str) -> Iterator[Json]:
    if "{id}" in pattern:
        yield _parameter("id", "path", {"type": "string"}, "The id of the resource")
    if operation.parameters is not None:
        properties: dict[str, Json] = operation.parameters.model_json_schema()["properties"]
        for name, schema in properties.items():
            yield _parameter(name, "query", schema, str(schema.get("description", "")))
    for name, meaning in operation.headers.items():
        yield _parameter(name, "header", {"type": "string"}, meaning)


def _parameter(name: str, place: str, schema: Json, description: str) -> Json:
    return {
        "name": name, "in": place, "required": place == "path", "schema": schema, "description": description,
    }  # fmt: skip


def _operation(method: str, pattern: str, schema_of: Schemas) -> Json:
    operation = ROUTES[method, pattern]
    problem = {"application/problem+json": {"schema": schema_of((ProblemAnswer, "serialization"))}}
    described: Json = {
        "operationId": f"{method.lower()}-{pattern.replace('/', '-').replace('{id}', 'one')}",
        "summary": (operation.handler.__doc__ or "").strip().partition("\n")[0],
        "parameters": list(_parameters(operation, pattern)),
        "responses": {
            str(operation.status): {"description": "Done"} | _content(operation, schema_of),
            "4XX": {"description": "Refused; `reason`, `detail` and `field` say why", "content": problem},
        },
    }
    if operation.body is not None:
        content = {"application/json": {"schema": schema_of((operation.body, "validation"))}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _content(operation: AdminOperation, schema_of: Schemas) -> Json:
    found = [schema_of((answer, "serialization")) for answer in operation.answers]
    if not found:
        return {}
    content: Json = {"application/json": {"schema": found[0] if len(found) == 1 else {"anyOf": found}}}
    if operation.text_type:
        content[operation.text_type] = {"schema": {"type": "string"}}
    return {"content": content}


def build_document() -> Json:
    """The document; its paths are relative to /admin/v1/{organization}."""
    schemas, definitions = models_json_schema(list(dict.fromkeys(_models())), ref_template=TEMPLATE)
    paths: dict[str, Json] = {}
    for method, pattern in ROUTES:
        paths.setdefault(f"/{pattern}", {})[method.lower()] = _operation(method, pattern, schemas.__getitem__)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Admin API of the SCIM provider",
            "version": "1",
            "description": "What an organization's administrators do. Errors are RFC 9457 problem details.",
        },
        "servers": [{"url": "/admin/v1/{organization}", "variables": {"organization": {"default": "acme"}}}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "schemas": definitions["$defs"],
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


@cache
def document_bytes() -> bytes:
    """The document as JSON."""
    return json.dumps(build_document(), ensure_ascii=False).encode()
