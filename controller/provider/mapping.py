"""The value -> group table: the value of one attribute decides which group a person is in.

Pure: parsed here, put into effect by memberships, shown and saved by admin. Values are exact and
case-sensitive. While the table has entries it owns every membership of people in the organization.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from controller.errors import SpecError
from controller.provider.profiles import GROUP_ATTRIBUTE

EXTERNAL_NAME = GROUP_ATTRIBUTE.rpartition(":")[2]


class Entry(BaseModel):
    """Some values and the group they lead to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: tuple[str, ...] = Field(min_length=1, max_length=1000)
    group: str = Field(min_length=1, max_length=256)

    @field_validator("values")
    @classmethod
    def _each_is_text(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if any(not value or len(value) > 256 for value in values):
            raise ValueError("a value has 1 to 256 characters")
        return values


class Unmapped(BaseModel):
    """What becomes of a person whose value leads nowhere, or who has none."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Literal["Keep", "Remove", "UseValue", "Default"] = "Keep"
    group: str | None = Field(None, max_length=256)

    @model_validator(mode="after")
    def _default_names_a_group(self) -> Unmapped:
        if (self.action == "Default") != bool(self.group):
            raise ValueError("group is given with action Default, and only with it")
        return self


class MappingTable(BaseModel):
    """The table as it is saved and shown."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )

    attribute: str = Field(GROUP_ATTRIBUTE, max_length=256)
    entries: tuple[Entry, ...] = Field((), max_length=10_000)
    create_groups: Literal["Never", "WhenMissing"] = "Never"
    unmapped: Unmapped = Unmapped()

    @field_validator("attribute")
    @classmethod
    def _only_the_extension(cls, attribute: str) -> str:
        # The external name alone is what an identity provider's console shows of it.
        if attribute.lower() not in (GROUP_ATTRIBUTE.lower(), EXTERNAL_NAME):
            raise ValueError(f"must be {GROUP_ATTRIBUTE}, or {EXTERNAL_NAME} for short")
        return GROUP_ATTRIBUTE

    @model_validator(mode="after")
    def _a_value_leads_to_one_group(self) -> MappingTable:
        seen: set[str] = set()
        for entry in self.entries:
            for value in entry.values:
                if value in seen:
                    raise ValueError(f"the value {value!r} is given twice")
                seen.add(value)
        return self


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a person belongs: a group, no group, or wherever they are (`keep`)."""

    group: str | None = None
    keep: bool = False


KEEP = Destination(keep=True)
NOWHERE = Destination()


class ValueMapping:
    """A parsed table and its lookup."""

    __slots__ = ("_groups", "table", "text")

    def __init__(self, text: str, table: MappingTable) -> None:
        self.text, self.table = text, table
        self._groups = {value: entry.group for entry in table.entries for value in entry.values}

    @property
    def is_on(self) -> bool:
        """Whether the table owns memberships."""
        return bool(self._groups)

    def matches(self, value: str | None) -> bool:
        """Whether `value` is in the table."""
        return value is not None and value in self._groups

    def destination(self, value: str | None) -> Destination:
        """Where a person with `value` belongs."""
        if value is not None and value in self._groups:
            return Destination(self._groups[value])
        unmapped = self.table.unmapped
        if unmapped.action == "Default":
            return Destination(unmapped.group)
        if unmapped.action == "UseValue":
            return Destination(value or None)
        return KEEP if unmapped.action == "Keep" else NOWHERE

    def group_names(self) -> tuple[str, ...]:
        """The groups that the table names, in order, each once."""
        names = dict.fromkeys(entry.group for entry in self.table.entries)
        if self.table.unmapped.group:
            names[self.table.unmapped.group] = None
        return tuple(names)


def mapping_text(table: MappingTable) -> str:
    """The table as canonical JSON text."""
    return json.dumps(table.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))


EMPTY_MAPPING = mapping_text(MappingTable())


@lru_cache(maxsize=64)
def parse_mapping(text: str) -> ValueMapping:
    """The mapping in `text`, which `mapping_text` wrote."""
    return ValueMapping(text, MappingTable.model_validate_json(text))


def read_table(body: object) -> MappingTable:
    """The table in a request body. Raises SpecError naming the field at fault."""
    try:
        return MappingTable.model_validate(body)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise SpecError(message, field=".".join(map(str, first["loc"])) or "mapping") from None


def digest(*parts: object) -> str:
    """16 hexadecimal digits that stand for `parts`."""
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
