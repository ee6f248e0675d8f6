"""Whether JSON from outside has the types that a TypedDict says, before anything relies on them.

Used by okta.client, scim and scim.admin on every answer. A TypedDict is compiled once into a check of plain
isinstance calls. What it does not name is not looked at; null counts as missing, except for a key that is
Required. Pure.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final, Required, Union, get_args, get_origin, get_type_hints, is_typeddict

Check = Callable[[Any], str]
"""From a value to what is wrong with it, `.credentials is a text, not an object`, or ""."""

_WORDS: Final[dict[type, str]] = {
    str: "a text", bool: "a boolean", int: "a number", float: "a number", dict: "an object", list: "a list",
    type(None): "null",
}  # fmt: skip


def misfit(kind: type, value: object) -> str:
    """What of `value` is not as the TypedDict `kind` says, `credentials.userName is a list, not a text`; ""
    if everything is."""
    return _check_of(kind)(value).removeprefix(".")


@lru_cache(maxsize=256)
def _check_of(kind: Any) -> Check:
    if is_typeddict(kind):
        return _object_check(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Required:
        return _check_of(arguments[0])
    if origin in (Union, types.UnionType):
        (inner,) = (each for each in arguments if each is not type(None))
        return _check_of(inner)
    if origin is list:
        return _list_check(_check_of(arguments[0]))
    if origin is dict:
        return _values_check(_check_of(arguments[1]))
    return _plain_check(kind)


def _plain_check(kind: Any) -> Check:
    if kind is Any:
        return lambda value: ""

    def check(value: Any) -> str:
        # By exact type: bool is an int to Python, not to JSON.
        return "" if type(value) is kind else _told(value, kind)

    return check


def _list_check(item: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, list):
            return _told(value, list)
        for number, each in enumerate(value):
            if fault := item(each):
                return f"[{number}]{fault}"
        return ""

    return check


def _values_check(item: Check) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return _told(value, dict)
        return next(
            (f".*{fault}" for each in value.values() if each is not None and (fault := item(each))), ""
        )

    return check


def _object_check(kind: Any) -> Check:
    hints = get_type_hints(kind, include_extras=True)
    fields = [(name, _check_of(hint), get_origin(hint) is Required) for name, hint in hints.items()]

    def check(value: Any) -> str:
        if not isinstance(value, dict):
            return _told(value, dict)
        for name, inner, is_required in fields:
            part = value.get(name)
            if part is None or part == "":
                if is_required:
                    return f".{name} is missing"
            elif fault := inner(part):
                return f".{name}{fault}"
        return ""

    return check


def _told(value: object, kind: type) -> str:
    return f" is {_WORDS.get(type(value), 'something else')}, not {_WORDS[kind]}"
