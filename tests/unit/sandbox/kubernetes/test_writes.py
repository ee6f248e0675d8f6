"""Create, replace, patch, apply and delete over HTTP, beyond what the recorded scenario covers."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from controller.clock import ManualClock
from tests.contract.kubernetes.player import APPLY, JSON_PATCH, MERGE
from tests.contract.kubernetes.widgets import GROUP, widget

WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"
ONE = f"{WIDGETS}/one"


async def created(api: httpx.AsyncClient, **spec: Any) -> dict[str, Any]:
    answer = await api.post(WIDGETS, json=widget("one", {"size": 1, **spec}))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def merged(api: httpx.AsyncClient, patch: Any, path: str = ONE, **params: str) -> httpx.Response:
    return await api.patch(path, json=patch, headers=MERGE, params=params)


async def test_clients_cannot_set_what_the_server_sets(api: httpx.AsyncClient) -> None:
    metadata = {"uid": "mine", "generation": 7, "creationTimestamp": "2000-01-01T00:00:00Z"}
    answer = (await api.post(WIDGETS, json=widget("one", {"size": 1}, **metadata))).json()["metadata"]
    assert answer["uid"] != "mine"
    assert (answer["generation"], answer["creationTimestamp"]) == (1, "2026-01-01T00:00:00Z")
    again = (await merged(api, {"metadata": {"creationTimestamp": None, "generation": 9}})).json()["metadata"]
    assert (again["generation"], again["creationTimestamp"]) == (1, "2026-01-01T00:00:00Z")


async def test_a_uid_is_a_precondition(api: httpx.AsyncClient) -> None:
    await created(api)
    answer = await merged(api, {"metadata": {"uid": "other"}, "spec": {"size": 2}})
    assert answer.status_code == 409
    assert "UID in precondition: other" in answer.json()["message"]


async def test_a_version_cannot_be_given_on_create(api: httpx.AsyncClient) -> None:
    answer = await api.post(WIDGETS, json=widget("one", {"size": 1}, resourceVersion="5"))
    assert "resourceVersion should not be set" in answer.json()["message"]


@pytest.mark.parametrize(
    ("metadata", "field", "reason"),
    [
        ({"labels": {"a": "b c"}}, "metadata.labels", "a value with a blank"),
        ({"labels": {"-": "x"}}, "metadata.labels", "a key without a letter"),
        ({"labels": {"a": "x" * 64}}, "metadata.labels", "a value that is too long"),
        ({"annotations": {"a/b/c": "x"}}, "metadata.annotations", "a prefix with a slash"),
        ({"annotations": {"a": "x" * 262145}}, "metadata.annotations", "more than 256 KiB"),
        ({"finalizers": ["bad name"]}, "metadata.finalizers", "a finalizer with a blank"),
        ({"ownerReferences": [{"name": "x"}]}, "metadata.ownerReferences[0].apiVersion", "half an owner"),
        ({"name": "x" * 254}, "metadata.name", "a name that is too long"),
        ({"name": ""}, "metadata.name", "no name"),
    ],
)
async def test_bad_metadata_is_refused_by_field(
    api: httpx.AsyncClient, metadata: dict[str, Any], field: str, reason: str
) -> None:
    body = {**widget("", {"size": 1}), "metadata": {"name": "one", **metadata}}
    answer = await api.post(WIDGETS, json=body)
    assert answer.status_code == 422, reason
    assert field in [cause["field"] for cause in answer.json()["details"]["causes"]], reason


@pytest.mark.parametrize(
    "metadata", [[], "x", {"labels": {"a": 1}}, {"finalizers": "x"}, {"name": 5}, {"ownerReferences": [1]}]
)
async def test_metadata_of_a_wrong_type_cannot_be_decoded(api: httpx.AsyncClient, metadata: Any) -> None:
    answer = await api.post(WIDGETS, json={**widget("one", {"size": 1}), "metadata": metadata})
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    assert "metadata" in answer.json()["message"]


async def test_unknown_fields_warn_by_default_and_are_silent_when_ignored(api: httpx.AsyncClient) -> None:
    obj = widget("one", {"size": 1, "zzz": 1}, zzz=1)
    answer = await api.post(WIDGETS, json=obj, params={"dryRun": "All"})
    assert answer.headers.get_list("warning") == [
        '299 - "unknown field \\"metadata.zzz\\""',
        '299 - "unknown field \\"spec.zzz\\""',
    ]
    ignored = await api.post(WIDGETS, json=obj, params={"dryRun": "All", "fieldValidation": "Ignore"})
    assert "warning" not in ignored.headers
    assert ignored.json()["spec"] == {"size": 1, "color": "Red"}


async def test_a_strict_patch_names_the_unknown_field(api: httpx.AsyncClient) -> None:
    await created(api)
    answer = await merged(api, {"spec": {"zzz": 1}}, fieldValidation="Strict")
    assert answer.status_code == 422
    assert 'strict decoding error: unknown field "spec.zzz"' in answer.json()["message"]


async def test_apply_refuses_undeclared_fields(api: httpx.AsyncClient) -> None:
    config = widget("one", {"size": 1, "zzz": 1})
    answer = await api.patch(ONE, json=config, headers=APPLY, params={"fieldManager": "me"})
    assert answer.status_code == 500
    assert answer.json()["message"].endswith(".spec.zzz: field not declared in schema")


async def test_apply_reads_yaml_and_checks_the_name(api: httpx.AsyncClient) -> None:
    document = f"apiVersion: {GROUP}/v1\nkind: Widget\nmetadata: {{name: one}}\nspec:\n  size: 2\n"
    headers, params = APPLY, {"fieldManager": "me"}
    answer = await api.patch(ONE, content=document, headers=headers, params=params)
    assert (answer.status_code, answer.json()["spec"]["size"]) == (201, 2)
    other = document.replace("name: one", "name: two")
    answer = await api.patch(ONE, content=other, headers=headers, params=params)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    answer = await api.patch(ONE, content="{a: [", headers=headers, params=params)
    assert "yaml parse error" in answer.json()["message"]


async def test_status_is_applied_under_a_version(api: httpx.AsyncClient) -> None:
    before = await created(api)
    params = {"fieldManager": "operator", "force": "true"}
    config = {**widget("one", {}), "status": {"note": "a", "observedGeneration": 1}}
    del config["spec"]
    first = (await api.patch(f"{ONE}/status", json=config, headers=APPLY, params=params)).json()
    assert first["status"] == {"note": "a", "observedGeneration": 1}
    same = (await api.patch(f"{ONE}/status", json=config, headers=APPLY, params=params)).json()
    assert same["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    shrunk = {**config, "status": {"note": "b"}}
    second = (await api.patch(f"{ONE}/status", json=shrunk, headers=APPLY, params=params)).json()
    assert second["status"] == {"note": "b"}
    stale = {"name": "one", "resourceVersion": before["metadata"]["resourceVersion"]}
    late = await api.patch(f"{ONE}/status", json={**config, "metadata": stale}, headers=APPLY, params=params)
    assert (late.status_code, late.json()["reason"]) == (409, "Conflict")


async def test_ownership_is_told_by_manager_and_subresource(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    await created(api)
    clock.advance(60)
    await merged(api, {"status": {"note": "x"}}, f"{ONE}/status", fieldManager="operator")
    found = (await api.get(ONE)).json()["metadata"]["managedFields"]
    assert [(one["manager"], one.get("subresource"), one["time"]) for one in found] == [
        ("python-httpx", None, "2026-01-01T00:00:00Z"),
        ("operator", "status", "2026-01-01T00:01:00Z"),
    ]
    assert found[1]["fieldsV1"] == {"f:status": {".": {}, "f:note": {}}}


async def test_managed_fields_may_be_reset_but_not_lost(api: httpx.AsyncClient) -> None:
    await created(api)
    kept = (await merged(api, {"metadata": {"managedFields": []}})).json()["metadata"]
    assert [one["manager"] for one in kept["managedFields"]] == ["python-httpx"]
    reset = (await merged(api, {"metadata": {"managedFields": [{}]}})).json()["metadata"]
    assert "managedFields" not in reset


async def test_a_write_without_a_change_makes_no_version(api: httpx.AsyncClient) -> None:
    before = await created(api)
    answer = await api.put(ONE, json=before)
    assert answer.json() == before


async def test_a_dry_run_of_an_update_stores_nothing(api: httpx.AsyncClient) -> None:
    before = await created(api)
    answer = (await merged(api, {"spec": {"size": 2}}, dryRun="All")).json()
    assert (answer["spec"]["size"], answer["metadata"]["generation"]) == (2, 2)
    assert (await api.get(ONE)).json() == before
    assert (await api.delete(ONE, params={"dryRun": "All"})).json()["status"] == "Success"
    assert (await api.get(ONE)).status_code == 200


@pytest.mark.parametrize(
    ("params", "code"), [({"dryRun": "Some"}, 400), ({"fieldValidation": "Loose"}, 422)], ids=str
)
async def test_bad_options_are_refused(api: httpx.AsyncClient, params: dict[str, str], code: int) -> None:
    answer = await api.post(WIDGETS, json=widget("one", {"size": 1}), params=params)
    assert answer.status_code == code
    assert next(iter(params)) in answer.json()["message"]


async def test_the_type_must_agree_with_the_path(api: httpx.AsyncClient) -> None:
    for change, message in (
        ({"apiVersion": f"{GROUP}/v2"}, "does not match the expected API version"),
        ({"kind": ""}, "Kind is missing"),
    ):
        answer = await api.post(WIDGETS, json={**widget("one", {"size": 1}), **change})
        assert answer.status_code == 400
        assert message in answer.json()["message"]


async def test_a_patch_must_leave_an_object(api: httpx.AsyncClient) -> None:
    await created(api)
    whole = [{"op": "replace", "path": "", "value": 1}]
    assert (await api.patch(ONE, json=whole, headers=JSON_PATCH)).status_code == 400
    assert (await merged(api, [1])).status_code == 400


async def test_replace_sets_spec_and_leaves_status(api: httpx.AsyncClient) -> None:
    await created(api)
    withstatus = (await merged(api, {"status": {"note": "x"}}, f"{ONE}/status")).json()
    answer = (await api.put(ONE, json={**withstatus, "spec": {"size": 5}, "status": {"note": "y"}})).json()
    assert (answer["spec"]["size"], answer["status"]) == (5, {"note": "x"})
    other = {**answer, "spec": {"size": 9}, "status": {"note": "z"}}
    answer = (await api.put(f"{ONE}/status", json=other)).json()
    assert (answer["spec"]["size"], answer["status"]) == (5, {"note": "z"})


async def test_deletion_preconditions(api: httpx.AsyncClient) -> None:
    before = (await created(api))["metadata"]
    stale = {"preconditions": {"resourceVersion": "1"}}
    answer = await api.request("DELETE", ONE, json=stale)
    assert (answer.status_code, answer.json()["reason"]) == (409, "Conflict")
    right = {"preconditions": {"uid": before["uid"], "resourceVersion": before["resourceVersion"]}}
    answer = await api.request("DELETE", ONE, json=right)
    assert answer.json()["details"]["uid"] == before["uid"]


async def test_stored_objects_are_never_changed_in_place(api: httpx.AsyncClient) -> None:
    before = await created(api, parts=[{"name": "a"}])
    await merged(api, {"spec": {"parts": [{"name": "b"}]}, "metadata": {"labels": {"x": "y"}}}, dryRun="All")
    await merged(api, {"spec": {"size": 99}})
    await merged(api, {"status": {"note": 5}}, f"{ONE}/status")
    assert (await api.get(ONE)).json() == before


@pytest.mark.parametrize(("before", "after"), [(1, True), (0, False), (2, 2.5)])
async def test_values_that_python_takes_for_equal_are_changes(
    api: httpx.AsyncClient, before: Any, after: Any
) -> None:
    await created(api, anything={"x": before})
    changed = (await merged(api, {"spec": {"anything": {"x": after}}})).json()
    assert (changed["metadata"]["generation"], changed["spec"]["anything"]["x"]) == (2, after)
    assert type((await api.get(ONE)).json()["spec"]["anything"]["x"]) is type(after)
