"""Lists, pages, selectors and representations over HTTP."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.contract.kubernetes.player import TABLE
from tests.contract.kubernetes.widgets import GROUP, widget

WIDGETS = f"/apis/{GROUP}/v1/namespaces/default/widgets"


@pytest.fixture
async def widgets(api: httpx.AsyncClient) -> httpx.AsyncClient:
    """Five widgets, a to e, of sizes 1 to 5."""
    for size, name in enumerate("abcde", start=1):
        await api.post(WIDGETS, json=widget(name, {"size": size}, labels={"odd": str(size % 2)}))
    return api


def names(answer: httpx.Response) -> str:
    return "".join(item["metadata"]["name"] for item in answer.json()["items"])


async def test_pages_show_the_list_as_it_was_at_first(widgets: httpx.AsyncClient) -> None:
    first = await widgets.get(WIDGETS, params={"limit": "2"})
    assert (names(first), first.json()["metadata"]["remainingItemCount"]) == ("ab", 3)
    await widgets.delete(f"{WIDGETS}/d")
    await widgets.post(WIDGETS, json=widget("cc", {"size": 1}))
    token = first.json()["metadata"]["continue"]
    second = await widgets.get(WIDGETS, params={"limit": "9", "continue": token})
    assert names(second) == "cde"
    assert second.json()["metadata"]["resourceVersion"] == first.json()["metadata"]["resourceVersion"]


async def test_pages_of_a_selection_do_not_count_the_rest(widgets: httpx.AsyncClient) -> None:
    query = {"limit": "2", "labelSelector": "odd=1"}
    first = await widgets.get(WIDGETS, params=query)
    assert names(first) == "ac"
    assert "remainingItemCount" not in first.json()["metadata"]
    token = first.json()["metadata"]["continue"]
    assert names(await widgets.get(WIDGETS, params={**query, "continue": token})) == "e"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": "many"}, 400),
        ({"limit": "-1"}, 400),
        ({"continue": "e30"}, 400),
        ({"resourceVersion": "99999999999999"}, 504),
        ({"resourceVersion": "x"}, 500),
    ],
    ids=str,
)
async def test_bad_queries_are_refused(widgets: httpx.AsyncClient, query: dict[str, str], code: int) -> None:
    assert (await widgets.get(WIDGETS, params=query)).status_code == code


async def test_a_listing_of_one_name(widgets: httpx.AsyncClient) -> None:
    assert names(await widgets.get(WIDGETS, params={"fieldSelector": "metadata.name=c"})) == "c"
    assert names(await widgets.get(WIDGETS, params={"fieldSelector": "metadata.name=none"})) == ""
    everywhere = f"/apis/{GROUP}/v1/widgets"
    assert names(await widgets.get(everywhere, params={"fieldSelector": "metadata.name=c"})) == "c"
    both = {"fieldSelector": "metadata.name=c", "labelSelector": "odd=0"}
    assert names(await widgets.get(WIDGETS, params=both)) == ""


@pytest.mark.parametrize(
    ("include", "carried"), [("None", None), ("Metadata", "PartialObjectMetadata"), ("Object", "Widget")]
)
async def test_table_rows_carry_what_was_asked(
    widgets: httpx.AsyncClient, include: str, carried: str | None
) -> None:
    answer = await widgets.get(WIDGETS, headers=TABLE, params={"includeObject": include, "limit": "2"})
    table: Any = answer.json()
    assert [row["cells"] for row in table["rows"]] == [["a", 1, None, "0s"], ["b", 2, None, "0s"]]
    assert {(row.get("object") or {}).get("kind") for row in table["rows"]} == {carried}
    assert table["metadata"]["remainingItemCount"] == 3


async def test_metadata_alone(widgets: httpx.AsyncClient) -> None:
    form = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    found = (await widgets.get(WIDGETS, headers={"accept": form})).json()
    assert found["kind"] == "PartialObjectMetadataList"
    assert all(set(item) == {"kind", "apiVersion", "metadata"} for item in found["items"])
    form = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    one = (await widgets.get(f"{WIDGETS}/a", headers={"accept": form})).json()
    assert (one["kind"], one["metadata"]["name"]) == ("PartialObjectMetadata", "a")


async def test_what_cannot_be_written_is_not_acceptable(widgets: httpx.AsyncClient) -> None:
    protobuf = {"accept": "application/vnd.kubernetes.protobuf"}
    assert (await widgets.get(WIDGETS, headers=protobuf)).status_code == 406
    either = {"accept": "application/vnd.kubernetes.protobuf,application/json"}
    assert (await widgets.get(WIDGETS, headers=either)).json()["kind"] == "WidgetList"


async def test_a_get_with_a_content_type_is_a_get(widgets: httpx.AsyncClient) -> None:
    answer = await widgets.get(f"{WIDGETS}/a", headers={"content-type": "application/json"})
    assert answer.json()["metadata"]["name"] == "a"


async def test_collections_are_deleted_by_selection(widgets: httpx.AsyncClient) -> None:
    answer = await widgets.delete(WIDGETS, params={"labelSelector": "odd=1"})
    assert answer.json()["kind"] == "WidgetList"
    assert names(await widgets.get(WIDGETS)) == "bd"
    await widgets.delete(WIDGETS, params={"dryRun": "All"})
    assert names(await widgets.get(WIDGETS)) == "bd"
