"""The OpenAPI document is made of the models that check what is sent."""

from __future__ import annotations

from typing import Any

from controller.provider.admin.openapi import build_document
from controller.provider.admin.routes import ROUTES

DOCUMENT: Any = build_document()
SCHEMAS = DOCUMENT["components"]["schemas"]


def test_every_body_of_the_document_is_the_model_that_its_handler_checks_with() -> None:
    for (method, path), operation in ROUTES.items():
        described = DOCUMENT["paths"][f"/{path}"][method.lower()]
        if operation.body is None:
            assert "requestBody" not in described
            continue
        reference = described["requestBody"]["content"]["application/json"]["schema"]["$ref"]
        shown = SCHEMAS[reference.rpartition("/")[2]]
        model = operation.body.model_json_schema(ref_template="#/components/schemas/{model}")
        assert shown["properties"] == model["properties"]
        assert shown["additionalProperties"] is False


def test_bodies_and_answers_allow_no_member_that_is_not_described() -> None:
    open_ones = {name for name, schema in SCHEMAS.items() if schema.get("additionalProperties") is not False}
    assert open_ones == {"ProblemAnswer"}


def test_every_reference_leads_somewhere() -> None:
    def references(value: Any) -> list[str]:
        if isinstance(value, dict):
            here = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
            return here + [each for item in value.values() for each in references(item)]
        return [each for item in value for each in references(item)] if isinstance(value, list) else []

    assert {each.rpartition("/")[2] for each in references(DOCUMENT)} <= set(SCHEMAS)
