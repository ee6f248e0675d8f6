"""Durations as Go writes them ("10m", "2160h"), a text in YAML and a timedelta in code.

Called by the modules of the kinds. The CEL rules and `parse_duration` accept the same texts.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from controller.api.meta import rule
from controller.schema_keywords import RULES

_PATTERN: Final = r"^([0-9]+([.][0-9]+)?(ms|s|m|h))+$"
_PART: Final = re.compile(r"([0-9]+(?:[.][0-9]+)?)(ms|s|m|h)", re.ASCII)
_UNIT: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
}
_LONGEST: Final = 20
_MATCHES: Final = f"self.matches('{_PATTERN}')"


def parse_duration(text: str) -> timedelta:
    """The duration. Raises ValueError, whose text says what a duration looks like."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration: write a Go duration such as 10m or 2160h")
    try:
        return sum((float(number) * _UNIT[unit] for number, unit in parts), timedelta())
    except OverflowError:
        raise ValueError(f"{text!r} is longer than any duration: write one such as 10m or 2160h") from None


class Duration(str):
    """A Go duration: the text that was written, with its meaning as `timedelta`."""

    __slots__ = ()

    @property
    def timedelta(self) -> timedelta:
        """What the text means."""
        return parse_duration(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            lambda value: _checked(value, None), core_schema.str_schema(max_length=_LONGEST)
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = rule(_MATCHES, "a Go duration such as 10m or 2160h")
        return {"type": "string", "maxLength": _LONGEST, RULES: [made]}


class Bounds:
    """Marks a Duration with the shortest and the longest that is allowed, both included."""

    def __init__(self, shortest: str, longest: str) -> None:
        self.shortest, self.longest = shortest, longest

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            lambda value: _checked(value, self), handler(source)
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        made = handler(schema)
        made[RULES] = [*made[RULES], self._rule()]
        return made

    def _rule(self) -> dict[str, str]:
        low, high = f"duration('{self.shortest}')", f"duration('{self.longest}')"
        return rule(
            f"!{_MATCHES} || (duration(self) >= {low} && duration(self) <= {high})",
            f"between {self.shortest} and {self.longest}",
        )


def _checked(value: str, bounds: Bounds | None) -> Duration:
    try:
        meant = parse_duration(value)
    except ValueError as error:
        raise PydanticCustomError("duration", "{message}", {"message": str(error)}) from error
    if bounds and not parse_duration(bounds.shortest) <= meant <= parse_duration(bounds.longest):
        message = f"must be between {bounds.shortest} and {bounds.longest}"
        raise PydanticCustomError("duration", "{message}", {"message": message})
    return Duration(value)


Interval = Annotated[Duration, Bounds("1m", "24h")]
"""Time between two full reads."""
Resend = Annotated[Duration, Bounds("1h", "2160h")]
"""How long a change waits for a confirmation before it is sent again."""
Opening = Annotated[Duration, Bounds("1m", "168h")]
"""How long a window stays open."""
SafeguardWindow = Annotated[Duration, Bounds("1h", "168h")]
Rotation = Annotated[Duration, Bounds("24h", "8760h")]
Inactivity = Annotated[Duration, Bounds("24h", "87600h")]
