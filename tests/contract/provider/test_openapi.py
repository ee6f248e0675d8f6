"""Schemathesis drives the admin API by its own OpenAPI document, within a bounded budget."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
import schemathesis.specs.openapi.checks as openapi_checks
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error

from controller.clock import SystemClock
from controller.provider.admin.openapi import build_document
from controller.provider.admin.routes import ROUTES
from controller.provider.app import CreatedOrganization, add_organization, build_app
from controller.provider.organizations import NewOrganization
from tests.contract.provider.serve import free_port
from tests.contract.provider.world import Client, user

CHECKS = [
    not_a_server_error,
    openapi_checks.response_schema_conformance,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
]
BUDGET = settings(
    max_examples=25,
    deadline=None,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


ids: dict[str, str] = {}


def _created(url: str, token: str, body: dict[str, Any]) -> str:
    answer = httpx.post(url, json=body, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, CreatedOrganization]]:
    """A provider on loopback with one organization that has a person and a group."""
    folder: Path = tmp_path_factory.mktemp("openapi")
    app = build_app(f"sqlite:///{folder}/provider.sqlite")
    org = add_organization(app.database, NewOrganization("Acme"), SystemClock())
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started and thread.is_alive():
        thread.join(0.02)
    url = f"http://127.0.0.1:{port}"
    ids["people"] = _created(url + org.scim_path + "/Users", org.scim_token, user("ada@x.com"))
    ids["groups"] = _created(url + org.admin_path + "/groups", org.admin_token, {"displayName": "Pioneers"})
    yield url, org
    server.should_exit = True
    thread.join()


@pytest.fixture
def api(served: tuple[str, CreatedOrganization]) -> schemathesis.schemas.BaseSchema:
    """The document, bound to the server."""
    url, org = served
    schema = schemathesis.openapi.from_dict(build_document())
    schema.config.update(base_url=url + org.admin_path)
    schema.config.update(headers={"Authorization": f"Bearer {org.admin_token}"})
    return schema


@pytest.mark.parametrize(("method", "path"), list(ROUTES))
def test_the_api_does_what_its_document_says(
    api: schemathesis.schemas.BaseSchema, method: str, path: str
) -> None:
    turns = itertools.count()

    @BUDGET
    @given(case=api[f"/{path}"][method].as_strategy())
    def check(case: schemathesis.Case[Any]) -> None:
        kind = path.partition("/")[0]
        if kind in ids and "{id}" in path and next(turns) % 2:
            case.path_parameters = {"id": ids[kind]}
        case.call_and_validate(checks=CHECKS)

    check()


async def test_the_document_is_served_and_names_every_route(acme: Client) -> None:
    document = (await acme.http.get("/admin/v1/openapi.json")).json()
    described = {
        (method.upper(), path.lstrip("/"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert described == set(ROUTES)
    assert all(
        operation["summary"] for methods in document["paths"].values() for operation in methods.values()
    )
