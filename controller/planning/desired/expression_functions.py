"""The functions of Okta's expression language that need nothing but their arguments.

Called by expression with values that were evaluated already. Source: developer.okta.com, "Okta Expression
Language" (String, Array, Conversion functions). What that page does not say is not guessed, since the
operator would write the guess to people: it raises Undocumented. Replacements are literal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import iso3166

from controller.parsing import finite_number

MAX_RESULT = 16_384
"""Characters of a text, and entries of an array, that an expression makes at most."""
Function = Callable[..., Any]
"""Arguments and results are Value, or a tuple of them for an array."""


class Undocumented(Exception):
    """Only Okta can tell the result: its documentation does not."""


def as_text(value: Any) -> str:
    """`value` joined to a text: numbers and booleans as Java writes them. Raises Undocumented for null,
    arrays, and numbers that Java writes with an exponent."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and (value == 0 or 1e-3 <= abs(value) < 1e7):
        return str(value)
    raise Undocumented(value)


def as_place(value: Any) -> int:
    """`value` as a place in a text or an array."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise Undocumented(value)


def as_array(value: Any) -> tuple[Any, ...]:
    """`value`, which has to be an array."""
    if isinstance(value, tuple):
        return value
    raise Undocumented(value)


def bounded(value: Any) -> Any:
    """`value` cut to what an expression may make."""
    return value[:MAX_RESULT] if isinstance(value, str | tuple) else value


def _on_text(change: Callable[[str], Any]) -> Function:
    """A function of one text; of null it is null."""
    return lambda value: None if value is None else change(as_text(value))


def _append(value: Any, suffix: Any) -> Any:
    return _text_or_empty(value) + _text_or_empty(suffix)


def _text_or_empty(value: Any) -> str:
    return "" if value is None else as_text(value)


def _join(separator: Any, *parts: Any) -> Any:
    return _text_or_empty(separator).join(as_text(part) for part in parts if part is not None)


def _length(value: Any) -> Any:
    return 0 if value is None else len(as_text(value))


def _replace(value: Any, found: Any, new: Any, times: int = -1) -> Any:
    if value is None or not found:
        return value
    parts = as_text(value).split(as_text(found), times)
    joint = _text_or_empty(new)
    # So many parts already fill a result: the rest of a huge replacement is never made.
    kept = parts[: MAX_RESULT // max(1, len(joint)) + 2]
    return joint.join(kept)


def _replace_first(value: Any, found: Any, new: Any) -> Any:
    return _replace(value, found, new, 1)


def _contains(value: Any, part: Any) -> Any:
    return value is not None and part is not None and as_text(part) in as_text(value)


def _starts_with(value: Any, part: Any) -> Any:
    return value is not None and part is not None and as_text(value).startswith(as_text(part))


def _switch(value: Any, default: Any, *pairs: Any) -> Any:
    """The value of the first key that `value` contains: Okta compares by substring."""
    if value is not None:
        for key, result in zip(pairs[::2], pairs[1::2], strict=True):
            if key is not None and as_text(key) in as_text(value):
                return result
    return default


def _substring(value: Any, start: Any, end: Any) -> Any:
    if value is None:
        return None
    whole, first = as_text(value), max(as_place(start), 0)
    return whole[first : max(first, as_place(end))]


def _around(value: Any, part: Any, side: int) -> Any:
    """What is before (0) or behind (2) the first `part`, which has to be there."""
    if value is None:
        return None
    parts = as_text(value).partition(as_text(part)) if part else ("", "", "")
    if not parts[1]:
        raise Undocumented(part)
    return parts[side]


def _number_of(value: Any) -> float | None:
    """`value` as a number, null as null."""
    if value is None:
        return None
    if isinstance(value, bool):
        raise Undocumented(value)
    number = finite_number(value.strip() if isinstance(value, str) else value)
    if number is None:
        raise Undocumented(value)
    return float(number)


def _to_int(value: Any) -> Any:
    """The nearest whole number, halves upwards as Java's Math.round rounds."""
    number = _number_of(value)
    if number is None:
        return None
    nearest = math.floor(number + 0.5)
    if not -(2**31) <= nearest < 2**31:
        raise Undocumented(value)
    return nearest


def _add(array: Any, value: Any) -> Any:
    return (*as_array(array), value)


def _remove(array: Any, value: Any) -> Any:
    return tuple(item for item in as_array(array) if item != value)


def _get(array: Any, place: Any) -> Any:
    """array[place], counted from 0."""
    items, at = as_array(array), as_place(place)
    if not 0 <= at < len(items):
        raise Undocumented(place)
    return items[at]


def _flatten(*values: Any) -> Any:
    """Every value, those of arrays one by one."""
    flat: list[Any] = []
    for value in values:
        flat.extend(_flatten(*value) if isinstance(value, tuple) else (value,))
    return tuple(flat)


def _has(array: Any, value: Any) -> Any:
    return value in as_array(array)


def _size(array: Any) -> Any:
    return 0 if array is None else len(as_array(array))


def _csv(array: Any) -> Any:
    return ",".join(as_text(item) for item in as_array(array))


def _country(form: Callable[[iso3166.Country], str]) -> Function:
    """The country that a code of ISO 3166-1 means (alpha-2, alpha-3, numeric), in another form."""

    def convert(code: Any) -> Any:
        found = None if code is None else iso3166.countries.get(as_text(code), None)
        if found is None or len(as_text(code)) > 3:
            raise Undocumented(code)
        return form(found)

    return convert


@dataclass(frozen=True, slots=True)
class Signature:
    """A function and how many arguments it takes; `most` None: any number."""

    call: Function
    least: int
    most: int | None
    shape: str
    makes_array: bool = False


FUNCTIONS: dict[str, Signature] = {
    "String.append": Signature(_append, 2, 2, "text, suffix"),
    "String.join": Signature(_join, 2, None, "separator, text, ..."),
    "String.len": Signature(_length, 1, 1, "text"),
    "String.removeSpaces": Signature(_on_text(lambda text: "".join(text.split())), 1, 1, "text"),
    "String.trim": Signature(_on_text(str.strip), 1, 1, "text"),
    "String.replace": Signature(_replace, 3, 3, "text, found, new"),
    "String.replaceFirst": Signature(_replace_first, 3, 3, "text, found, new"),
    "String.stringContains": Signature(_contains, 2, 2, "text, part"),
    "String.startsWith": Signature(_starts_with, 2, 2, "text, part"),
    "String.stringSwitch": Signature(_switch, 4, None, "text, default, key, value, ..."),
    "String.substring": Signature(_substring, 3, 3, "text, start, end"),
    "String.substringAfter": Signature(lambda text, part: _around(text, part, 2), 2, 2, "text, part"),
    "String.substringBefore": Signature(lambda text, part: _around(text, part, 0), 2, 2, "text, part"),
    "String.toUpperCase": Signature(_on_text(str.upper), 1, 1, "text"),
    "String.toLowerCase": Signature(_on_text(str.lower), 1, 1, "text"),
    "Convert.toInt": Signature(_to_int, 1, 1, "value"),
    "Convert.toNum": Signature(_number_of, 1, 1, "value"),
    "Arrays.add": Signature(_add, 2, 2, "array, value", makes_array=True),
    "Arrays.remove": Signature(_remove, 2, 2, "array, value", makes_array=True),
    "Arrays.clear": Signature(
        lambda array: () if array is None else as_array(array)[:0], 1, 1, "array", True
    ),
    "Arrays.get": Signature(_get, 2, 2, "array, place"),
    "Arrays.flatten": Signature(_flatten, 1, None, "value, ...", makes_array=True),
    "Arrays.contains": Signature(_has, 2, 2, "array, value"),
    "Arrays.size": Signature(_size, 1, 1, "array"),
    "Arrays.isEmpty": Signature(lambda array: _size(array) == 0, 1, 1, "array"),
    "Arrays.toCsvString": Signature(_csv, 1, 1, "array"),
    "Iso3166Convert.toAlpha2": Signature(_country(lambda found: found.alpha2), 1, 1, "code"),
    "Iso3166Convert.toAlpha3": Signature(_country(lambda found: found.alpha3), 1, 1, "code"),
    "Iso3166Convert.toNumeric": Signature(_country(lambda found: found.numeric), 1, 1, "code"),
    "Iso3166Convert.toName": Signature(_country(lambda found: found.name), 1, 1, "code"),
}
