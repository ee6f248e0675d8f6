"""The judge itself: with the overlays Okta's own examples pass, without them those that the overlays name
fail.
"""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import yaml

from tests.contract.okta.openapi import HERE, METHODS, ContractError, Document, apply_overlay, load_document

# Wrong in themselves: a postal code that is a number; one event where a list is due.
BROKEN_EXAMPLES = {"ListLogs", "LogTargetChangeDetails"}


def examples(document: Document) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """(name, schema, value) of every example of a request or an answer."""
    for path, item in document.source["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            answers = [document._resolved(each) for each in operation["responses"].values()]
            for described in [operation.get("requestBody", {}), *answers]:
                content = (described.get("content") or {}).get("application/json", {})
                for name, example in content.get("examples", {}).items():
                    value = document._resolved(example).get("value")
                    if value is not None:
                        yield f"{method} {path} {name}", content["schema"], value


def failing(document: Document) -> set[str]:
    failed = set()
    for name, schema, value in examples(document):
        try:
            document.validate(name, schema, value)
        except ContractError:
            failed.add(name.rsplit(" ", 1)[1])
    return failed


def test_oktas_own_examples_pass_with_the_overlays() -> None:
    assert failing(load_document()) == BROKEN_EXAMPLES


def test_the_document_has_the_operations_that_the_operator_needs() -> None:
    assert len(load_document().source["paths"]) == 29
    assert len(load_document().operations()) == 40


def test_without_the_overlays_the_examples_that_they_are_for_fail() -> None:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    bare = Document(yaml.load((HERE / "okta-openapi-subset.yaml").read_text(), loader))
    assert failing(bare) > BROKEN_EXAMPLES | {"Removepropertymapping", "AppUserSSOEx", "SAML_2_0"}


def test_an_overlay_for_a_place_that_is_gone_is_an_error() -> None:
    with pytest.raises(KeyError):
        apply_overlay({"components": {}}, "components/schemas/Nothing", {})


def call(method: str, path: str, body: Any = None, status: int = 200, answer: Any = None) -> None:
    request = httpx.Request(method, "http://a.test" + path, json=body)
    load_document().check(request, httpx.Response(status, json=answer, request=request))


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "answer", "words"),
    [
        ("GET", "/api/v1/apps?size=3", None, 200, [], "no query parameter 'size'"),
        ("GET", "/api/v1/apps?limit=201", None, 200, [], "greater than the maximum"),
        ("GET", "/api/v1/apps", None, 200, {}, "is not of type 'array'"),
        ("GET", "/api/v1/apps", None, 418, {"errorCode": 5}, "errorCode"),
        ("GET", "/api/v1/apps", None, 202, [], "which is not described"),
        ("GET", "/api/v1/users", None, 200, [{"status": "ASLEEP"}], "ASLEEP"),
        ("GET", "/api/v1/users", None, 200, [{"created": "yesterday"}], "date-time"),
        ("PUT", "/api/v1/apps/0oa1", {"signOnMode": "SAML_2_0"}, 200, {}, "'label' is a required property"),
        ("POST", "/api/v1/mappings/prm1", {"properties": {"a": {"pushStatus": "OFTEN"}}}, 200, {}, "OFTEN"),
        ("POST", "/api/v1/apps/0oa1/users", {"scope": "USER"}, 200, {}, "'id' is a required property"),
        ("POST", "/api/v1/apps/0oa1/users", None, 200, {}, "the body is required"),
        ("POST", "/api/v1/apps/0oa1/lifecycle/activate", {"a": 1}, 200, {}, "takes no body"),
        (
            "GET",
            "/api/v1/apps/0oa1",
            None,
            200,
            {"label": "x", "signOnMode": "SAML_2_0", "features": ["FLY"]},
            "FLY",
        ),
    ],
)
def test_what_breaks_the_contract_is_found(
    method: str, path: str, body: Any, status: int, answer: Any, words: str
) -> None:
    with pytest.raises(ContractError, match=words):
        call(method, path, body, status, answer)


def test_a_call_that_the_document_does_not_have_is_told_apart() -> None:
    request = httpx.Request("PUT", "http://a.test/api/v1/groups/00g1/users/00u1")
    assert load_document().check(request, httpx.Response(204, request=request)) is False
