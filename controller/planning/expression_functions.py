"""The functions of Okta's expression language that the safe subset has.

Called by expression with values that were evaluated already. A null attribute gives null, or what Okta's
table of String functions says. Replacements are literal; nothing here runs a pattern that somebody else
wrote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.model.people import Value
from controller.parsing import finite_number

MAX_RESULT = 16_384
Function = Callable[..., Value]


def as_text(value: Value) -> str:
    """`value` joined to a text: numbers and booleans as Okta writes them, null as the word, as SpEL does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def as_int(value: Value) -> int:
    """`value` as a whole number; 0 where it is none."""
    number = as_number(value)
    return 0 if number is None else round(number)


def as_number(value: Value) -> float | None:
    """`value` as a number that JSON can carry, a boolean as 1 or 0; None where it is none, as "nan" is."""
    if isinstance(value, str):
        return finite_number(value.strip())
    return finite_number(int(value) if isinstance(value, bool) else value)


def _on_text(change: Callable[[str], Value]) -> Function:
    return lambda value: None if value is None else change(as_text(value))


def _append(value: Value, suffix: Value) -> Value:
    return ("" if value is None else as_text(value)) + ("" if suffix is None else as_text(suffix))


def _join(separator: Value, *parts: Value) -> Value:
    glue = "" if separator is None else as_text(separator)
    return glue.join(as_text(part) for part in parts if part is not None)


def _length(value: Value) -> Value:
    return 0 if value is None else len(as_text(value))


def _replace(value: Value, found: Value, new: Value, times: int = -1) -> Value:
    if value is None or not found:
        return value
    parts = as_text(value).split(as_text(found), times)
    joint = "" if new is None else as_text(new)
    # So many parts already fill a result: the rest of a huge replacement is never made.
    kept = parts[: MAX_RESULT // max(1, len(joint)) + 2] if joint else parts
    return joint.join(kept)[:MAX_RESULT]


def _replace_first(value: Value, found: Value, new: Value) -> Value:
    return _replace(value, found, new, 1)


def _contains(value: Value, part: Value) -> Value:
    return value is not None and part is not None and as_text(part) in as_text(value)


def _starts_with(value: Value, part: Value) -> Value:
    return value is not None and part is not None and as_text(value).startswith(as_text(part))


def _switch(value: Value, default: Value, *pairs: Value) -> Value:
    """The value of the first key that `value` contains: Okta compares by substring."""
    if value is not None:
        for key, result in zip(pairs[::2], pairs[1::2], strict=True):
            if key is not None and as_text(key) in as_text(value):
                return result
    return default


def _substring(value: Value, start: Value, end: Value) -> Value:
    if value is None:
        return None
    whole = as_text(value)
    first = min(max(as_int(start), 0), len(whole))
    return whole[first : max(first, min(as_int(end), len(whole)))]


def _before(value: Value, part: Value) -> Value:
    return value if value is None or not part else as_text(value).partition(as_text(part))[0]


def _after(value: Value, part: Value) -> Value:
    return value if value is None or not part else as_text(value).partition(as_text(part))[2]


def _to_int(value: Value) -> Value:
    return None if value is None else as_int(value)


def _to_number(value: Value) -> Value:
    return as_number(value)


@dataclass(frozen=True, slots=True)
class Signature:
    """A function and how many arguments it takes; `most` None: any number."""

    call: Function
    least: int
    most: int | None
    shape: str


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
    "String.substringAfter": Signature(_after, 2, 2, "text, part"),
    "String.substringBefore": Signature(_before, 2, 2, "text, part"),
    "String.toUpperCase": Signature(_on_text(str.upper), 1, 1, "text"),
    "String.toLowerCase": Signature(_on_text(str.lower), 1, 1, "text"),
    "Convert.toInt": Signature(_to_int, 1, 1, "value"),
    "Convert.toNum": Signature(_to_number, 1, 1, "value"),
}
