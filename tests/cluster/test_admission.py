"""The chart's admission policy on a real API server: who may approve a plan, and under which name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from controller.api import API_VERSION
from tests.cluster.control_plane import PEOPLE, ControlPlane, token_of
from tests.cluster.fixtures import RELEASE, needs_a_real_server
from tests.unit.api.samples import SMALLEST, resource

pytestmark = needs_a_real_server
ADA, EVE = PEOPLE
"""Ada may edit and approve, Eve may only edit."""
PATH = f"/apis/{API_VERSION}/namespaces/default/scimintegrations"
MERGE = {"content-type": "application/merge-patch+json"}
APPROVE, BY = "scim-operator.dev/approve", "scim-operator.dev/approved-by"
JSON = dict[str, Any]
SECONDS = 30


def bind(admin: httpx.Client, name: str, role: str, user: str) -> None:
    """Lets `user` do in `default` what the chart's ClusterRole `role` says."""
    body = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
    }
    admin.post("/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings", json=body)


def until_enforced(admin: httpx.Client) -> None:
    """A policy takes effect a moment after it is there."""
    deadline = time.monotonic() + SECONDS
    forged = with_annotations({APPROVE: "d", BY: "somebody else"})
    while admin.post(PATH, params={"dryRun": "All"}, json=forged).status_code != 403:
        assert time.monotonic() < deadline, "the policy refuses nothing"
        time.sleep(0.2)


@pytest.fixture(scope="module")
def clients(plane: ControlPlane, admin: httpx.Client) -> Iterator[dict[str, httpx.Client]]:
    """Ada's and Eve's."""
    for user in (ADA, EVE):
        bind(admin, f"{user.partition('@')[0]}-edits", f"{RELEASE}-edit", user)
    bind(admin, "ada-approves", f"{RELEASE}-approve", ADA)
    until_enforced(admin)
    opened = {user: plane.client(token_of(user)) for user in (ADA, EVE)}
    yield opened
    for client in opened.values():
        client.close()


@pytest.fixture
def put(admin: httpx.Client) -> Iterator[Callable[[JSON], None]]:
    """Stores an integration with annotations, whatever any policy says: the administrator may approve."""

    def stored(annotations: JSON) -> None:
        admin.post(PATH, json=with_annotations({})).raise_for_status()
        own = {**annotations, BY: "admin"} if APPROVE in annotations else annotations
        admin.patch(f"{PATH}/sample", json=meta(own), headers=MERGE).raise_for_status()

    yield stored
    admin.delete(f"{PATH}/sample")


def with_annotations(annotations: JSON) -> JSON:
    body = resource("ScimIntegration", SMALLEST["ScimIntegration"])
    return body | {"metadata": {**body["metadata"], "annotations": annotations}}


def meta(annotations: JSON) -> JSON:
    return {"metadata": {"annotations": annotations}}


NAME_MESSAGE = "approved-by has to be your own name"
VERB_MESSAGE = "needs the verb approve"
CASES: dict[str, tuple[str, JSON, JSON, str]] = {
    "with the verb and one's own name": (ADA, {}, {APPROVE: "d1", BY: ADA}, ""),
    "in somebody else's name": (ADA, {}, {APPROVE: "d1", BY: EVE}, NAME_MESSAGE),
    "in nobody's name": (ADA, {}, {APPROVE: "d1"}, NAME_MESSAGE),
    "without the verb": (EVE, {}, {APPROVE: "d1", BY: EVE}, VERB_MESSAGE),
    "without the verb, only the name": (EVE, {}, {BY: EVE}, VERB_MESSAGE),
    "another digest in the old name": (ADA, {APPROVE: "d1"}, {APPROVE: "d2"}, NAME_MESSAGE),
    "another digest in one's own name": (ADA, {APPROVE: "d1"}, {APPROVE: "d2", BY: ADA}, ""),
    "another name for what was approved": (EVE, {APPROVE: "d1"}, {BY: EVE}, VERB_MESSAGE),
    "taking an approval away with the verb": (ADA, {APPROVE: "d1"}, {APPROVE: None, BY: None}, ""),
    "taking one away without the verb": (EVE, {APPROVE: "d1"}, {APPROVE: None, BY: None}, VERB_MESSAGE),
    "something else beside an old approval": (EVE, {APPROVE: "d1"}, {"team": "blue"}, ""),
    "asking for a reconcile": (EVE, {}, {"scim-operator.dev/requested-at": "1"}, ""),
}  # fmt: skip


@pytest.mark.parametrize(("user", "before", "change", "told"), CASES.values(), ids=CASES.keys())
def test_an_approval_by_update(
    clients: dict[str, httpx.Client],
    put: Callable[[JSON], None],
    user: str,
    before: JSON,
    change: JSON,
    told: str,
) -> None:
    put(before)
    answer = clients[user].patch(f"{PATH}/sample", json=meta(change), headers=MERGE)
    assert answer.status_code == (403 if told else 200), answer.text
    assert told in (answer.json()["message"] if told else "")


@pytest.mark.parametrize(
    ("user", "annotations", "told"),
    [
        (ADA, {APPROVE: "d1", BY: ADA}, ""),
        (ADA, {APPROVE: "d1", BY: EVE}, NAME_MESSAGE),
        (EVE, {APPROVE: "d1", BY: EVE}, VERB_MESSAGE),
        (EVE, {}, ""),
    ],
)
def test_an_approval_by_create(
    clients: dict[str, httpx.Client], user: str, annotations: JSON, told: str
) -> None:
    answer = clients[user].post(PATH, params={"dryRun": "All"}, json=with_annotations(annotations))
    assert answer.status_code == (403 if told else 201), answer.text
    assert told in (answer.json()["message"] if told else "")


def test_the_status_subresource_is_no_way_around(
    clients: dict[str, httpx.Client], put: Callable[[JSON], None]
) -> None:
    put({})
    answer = clients[EVE].patch(f"{PATH}/sample/status", json=meta({APPROVE: "d", BY: EVE}), headers=MERGE)
    assert answer.status_code == 403


def test_a_server_side_apply_is_held_to_it_too(
    clients: dict[str, httpx.Client], put: Callable[[JSON], None]
) -> None:
    put({})
    answer = clients[EVE].patch(
        f"{PATH}/sample",
        params={"fieldManager": "eve", "force": "true"},
        json=with_annotations({APPROVE: "d1", BY: EVE}),
        headers={"content-type": "application/apply-patch+yaml"},
    )
    assert answer.status_code == 403
    assert VERB_MESSAGE in answer.json()["message"]
