"""A status as its model and as the document that an API server stores.

Called by reconcile.status, which changes a model and writes the document. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from controller.api.status import KindStatus

Document = dict[str, Any]
Model = TypeVar("Model", bound=KindStatus)


def read_status(model: type[Model], document: Mapping[str, Any]) -> Model:
    """The model of `document`, without what does not fit: another version of the operator, or anybody who may
    write a status, may have left it there. Of a list only the items go that do not fit."""
    kept: Mapping[str, Any] = document
    while True:
        try:
            return model.model_validate(kept)
        except ValidationError as error:
            kept = _without(kept, [one["loc"] for one in error.errors(include_url=False)])


def _without(document: Mapping[str, Any], places: list[tuple[int | str, ...]]) -> Document:
    items = {place[:2] for place in places if _is_item(document, place)}
    fields = {place[0] for place in places if place[:2] not in items}
    return {
        name: _without_items(value, {place[1] for place in items if place[0] == name})
        for name, value in document.items()
        if name not in fields
    }


def _is_item(document: Mapping[str, Any], place: tuple[int | str, ...]) -> bool:
    return len(place) > 1 and isinstance(document.get(str(place[0])), list | tuple)


def _without_items(value: Any, places: set[int | str]) -> Any:
    if not places:
        return value
    return [one for number, one in enumerate(value) if number not in places]


def write_status(status: KindStatus) -> Document:
    """The document of `status`, without what is empty: an API server would store it, and a reader learns
    nothing from it."""
    return pruned(status.model_dump(mode="json", by_alias=True, exclude_none=True))


def pruned(document: Mapping[str, Any]) -> Document:
    """`document` without fields that are empty, in whatever depth."""
    kept = {}
    for name, value in document.items():
        inner = pruned(value) if isinstance(value, dict) else value
        if isinstance(inner, list):
            inner = [pruned(one) if isinstance(one, dict) else one for one in inner]
        if inner not in (None, "", [], {}):
            kept[name] = inner
    return kept
