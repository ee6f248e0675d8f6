"""From a resource's body to its typed spec, or to an error that names the field.

Called by operator.run_inputs (lenient: an older operator may read a newer resource) and by the CLI and the
tests of examples (strict: a typo is an error). The API server has checked bounds and rules already; here
they are checked again where the models can say them, because ratcheting keeps what an older schema
accepted.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from controller.api.meta import Api
from controller.api.object_names import HINTS
from controller.errors import SpecError
from controller.parsing import as_object, as_text

Spec = TypeVar("Spec", bound=Api)


def parse(model: type[Spec], body: Mapping[str, Any], strict: bool = False) -> Spec:
    """The spec of a resource's `body` (the whole object; its kind and name go into the error).
    Raises SpecError with the first field that is wrong, `spec.okta.app.label`, and what to write there;
    `strict` also refuses fields that the model doesn't have."""
    raw = body.get("spec")
    metadata = as_object(body.get("metadata"))
    where = {"kind": as_text(body.get("kind")), "name": as_text(metadata.get("name"))}
    if not isinstance(raw, Mapping):
        raise SpecError("is missing: a resource without spec says nothing", field="spec", **where)
    if strict:
        for path, known in _unknown(model, raw, "spec"):
            raise SpecError(
                f"is no field of {where['kind'] or model.__name__}{_hint(path, known)}", field=path, **where
            )
    try:
        return model.model_validate(dict(raw))
    except ValidationError as error:
        first = error.errors()[0]
        raise SpecError(_fix(first), field=_path(first), **where) from error


def _path(error: ErrorDetails) -> str:
    path = "spec"
    for part in error["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path


def _fix(error: ErrorDetails) -> str:
    """What is wrong and what to write, without repeating a value that may be long."""
    if error["type"] == "missing":
        return "is required: add it"
    if (hint := HINTS.get(str(error.get("ctx", {}).get("pattern", "")))) is not None:
        return hint
    text = error["msg"]
    return text[:1].lower() + text[1:]


def _hint(path: str, known: list[str]) -> str:
    near = difflib.get_close_matches(path.rsplit(".", 1)[-1], known, n=1)
    return f": did you mean {near[0]}?" if near else f"; it has {', '.join(sorted(known))}"


def _unknown(model: type[BaseModel], raw: Mapping[str, Any], path: str) -> Iterator[tuple[str, list[str]]]:
    """Paths of fields that no model names, with the names that the model there has."""
    fields = {info.alias or name: info.annotation for name, info in model.model_fields.items()}
    for key, value in raw.items():
        if key not in fields:
            yield f"{path}.{key}", list(fields)
        elif (inner := _model_in(fields[key])) is not None:
            for place, item in _objects_in(value, f"{path}.{key}"):
                yield from _unknown(inner, item, place)


def _objects_in(value: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The object itself, or the objects of a list, with their paths."""
    items = (
        [(f"{path}[{index}]", item) for index, item in enumerate(value)] if isinstance(value, list) else []
    )
    for place, item in items or [(path, value)]:
        if isinstance(item, Mapping):
            yield place, item


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model within an annotation such as `tuple[Window, ...] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_in(inner))), None)
