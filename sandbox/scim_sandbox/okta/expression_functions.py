"""The functions of Okta's expression language, as its documentation describes them.

Called by expressions with evaluated arguments: texts, numbers, booleans, None, lists. A null given to a
function of one text comes back as null, as Okta's samples have it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any

from iso3166 import countries


class ExpressionError(Exception):
    """The expression is not one, or asks for what people here do not have."""


class Undetermined(ExpressionError):
    """Okta's documentation does not say what comes out."""


def text_of(value: Any) -> str:
    """`value` as Java joins it to a text."""
    if value is True or value is False:
        return str(value).lower()
    if isinstance(value, float) and value and not 0.001 <= abs(value) < 10_000_000:
        raise Undetermined("a number that Java writes with an exponent")
    if value is None or isinstance(value, list):
        raise Undetermined("null or an array in a text")
    return str(value)


def truth_of(value: Any) -> bool:
    """Whether a condition holds; null does not."""
    if value in (None, False, "false"):
        return False
    if value in (True, "true"):
        return True
    raise Undetermined("a condition that is no boolean")


def _given(function: Callable[..., Any]) -> Callable[..., Any]:
    """Of null, null."""

    def call(value: Any, *more: Any) -> Any:
        return None if value is None else function(text_of(value), *more)

    return call


def _optional(value: Any) -> str:
    return "" if value is None else text_of(value)


def _switch(text: Any, default: Any, *pairs: Any) -> Any:
    cases = list(zip(pairs[0::2], pairs[1::2], strict=True))
    chosen = [
        result for key, result in cases if text is not None and key is not None and key in text_of(text)
    ]
    return chosen[0] if chosen else default


def _cut(text: str, start: Any, end: Any) -> str:
    if not isinstance(start, int) or not isinstance(end, int):
        raise Undetermined("a place that is no whole number")
    return text[max(0, start) : max(0, start, end)]


def _parts(text: str, mark: Any) -> tuple[str, str]:
    if not mark or text_of(mark) not in text:
        raise Undetermined("a text without what is searched for")
    before, _, after = text.partition(text_of(mark))
    return before, after


def _decimal(value: Any) -> Decimal | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise Undetermined("a conversion of what is no number")
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        raise Undetermined("a conversion of what is no number") from None
    if not number.is_finite():
        raise Undetermined("a conversion of what is no number")
    return number


def _nearest(value: Any) -> int | None:
    number = _decimal(value)
    if number is None:
        return None
    # Halves go up, towards the larger number, as Java's Math.round has it.
    up = (number + Decimal("0.5")).to_integral_value("ROUND_FLOOR")
    if abs(up) >= 2**31:
        raise Undetermined("a number beyond 32 bits")
    return int(up)


def _to_num(value: Any) -> float | None:
    number = _decimal(value)
    return None if number is None else float(number)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Undetermined("an array is expected")
    return value


def _at(array: Any, place: Any) -> Any:
    found = _list(array)
    if not isinstance(place, int) or not 0 <= place < len(found):
        raise Undetermined("a place that is not there")
    return found[place]


def _flat(*values: Any) -> list[Any]:
    return [item for value in values for item in (_flat(*value) if isinstance(value, list) else [value])]


def _country(form: str) -> Callable[[Any], str]:
    def convert(code: Any) -> str:
        found = countries.get(text_of(code), None)
        if found is None or len(text_of(code)) > 3:
            raise Undetermined("an unknown code of a country")
        return str(getattr(found, form))

    return convert


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "String.append": lambda one, two: _optional(one) + _optional(two),
    "String.join": lambda mark, *parts: _optional(mark).join(
        text_of(part) for part in parts if part is not None
    ),
    "String.len": lambda text: len(_optional(text)),
    "String.removeSpaces": _given(lambda text: "".join(text.split())),
    "String.trim": _given(lambda text: text.strip()),
    "String.replace": _given(
        lambda text, old, new: text.replace(text_of(old), _optional(new)) if old else text
    ),
    "String.replaceFirst": _given(
        lambda text, old, new: text.replace(text_of(old), _optional(new), 1) if old else text
    ),
    "String.stringContains": lambda text, part: None not in (text, part) and text_of(part) in text_of(text),
    "String.startsWith": lambda text, part: (
        None not in (text, part) and text_of(text).startswith(text_of(part))
    ),
    "String.stringSwitch": _switch,
    "String.substring": _given(_cut),
    "String.substringAfter": _given(lambda text, mark: _parts(text, mark)[1]),
    "String.substringBefore": _given(lambda text, mark: _parts(text, mark)[0]),
    "String.toLowerCase": _given(lambda text: text.lower()),
    "String.toUpperCase": _given(lambda text: text.upper()),
    "Convert.toInt": _nearest,
    "Convert.toNum": _to_num,
    "Arrays.add": lambda array, value: [*_list(array), value],
    "Arrays.remove": lambda array, value: [item for item in _list(array) if item != value],
    "Arrays.clear": lambda array: [],
    "Arrays.get": _at,
    "Arrays.flatten": _flat,
    "Arrays.contains": lambda array, value: value in _list(array),
    "Arrays.size": lambda array: 0 if array is None else len(_list(array)),
    "Arrays.isEmpty": lambda array: array is None or not _list(array),
    "Arrays.toCsvString": lambda array: ",".join(text_of(item) for item in _list(array)),
    "Iso3166Convert.toAlpha2": _country("alpha2"),
    "Iso3166Convert.toAlpha3": _country("alpha3"),
    "Iso3166Convert.toNumeric": _country("numeric"),
    "Iso3166Convert.toName": _country("name"),
}
