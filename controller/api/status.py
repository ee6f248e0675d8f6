"""What every status shares: conditions, counts, texts with caps.

The models here and in the modules of the kinds make the schemas, and every status is written from them
(reconcile.status, by way of status_document). Bounds keep a status below 64 KiB whatever the size of the
org. A text that is longer than its field is cut here; lists are cut by the code that fills them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from controller.api.meta import OKTA_ID, Api, Int32, keyed, text

VALUE: Final = 128
MESSAGE: Final = 1024
SHORT_MESSAGE: Final = 256
NAME: Final = 64
CONDITIONS: Final = 16


def bounded(longest: int) -> Any:
    """Validator of a text that is cut to `longest` characters: one value that is too long must not cost the
    whole status, which an API server would refuse."""

    def cut(value: object) -> object:
        is_long = isinstance(value, str) and len(value) > longest
        return f"{str(value)[: longest - 1]}…" if is_long else value

    return BeforeValidator(cut)


Value = Annotated[str, text(VALUE), bounded(VALUE)]
Name = Annotated[str, text(NAME), bounded(NAME)]
Message = Annotated[str, text(MESSAGE), bounded(MESSAGE)]
ShortMessage = Annotated[str, text(SHORT_MESSAGE), bounded(SHORT_MESSAGE)]
OktaIdText = Annotated[str, text(OKTA_ID), bounded(OKTA_ID)]
Time = Annotated[str, Field(max_length=NAME, json_schema_extra={"format": "date-time"})]
Count = Annotated[Int32, Field(ge=0)]
Generation = Annotated[int, Field(strict=True, json_schema_extra={"format": "int64"})]


class Status(Api):
    """Base of every part of a status; nothing in it is ever required of a reader."""

    model_config = ConfigDict(frozen=True)


class Condition(Status):
    """One aspect of the resource, as Kubernetes API conventions have it."""

    type: Annotated[str, text(NAME, 1, pattern="^[A-Z][A-Za-z]*$")]
    """Name of the aspect."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    observed_generation: Annotated[Generation, Field(ge=0)] | None = None
    """metadata.generation that this is about."""
    last_transition_time: Time
    """When `status` last changed."""
    reason: Annotated[str, text(NAME, 1, pattern="^[A-Z][A-Za-z]*$")]
    """Why, in one word of a documented set."""
    message: Message
    """Why, for a reader, with what to do where something is to be done."""


class KindStatus(Status):
    """What the status of every kind has. Its fields may be assigned, so that a run changes what it has found
    out and keeps the rest; the parts in it may not."""

    model_config = ConfigDict(frozen=False, validate_assignment=True)

    observed_generation: Annotated[Generation, Field(ge=-1)] | None = None
    """metadata.generation of the last attempt that read the spec, failed ones included; -1 before the
    first."""
    conditions: Annotated[tuple[Condition, ...], keyed(CONDITIONS, "type")] = ()
    """Ready is the summary. Reconciling and Stalled are present only while they are True."""


class Seats(Status):
    """Seats, as counts."""

    limit: Count | None = None
    """Seats there are."""
    used: Count | None = None
    """Active and pending accounts."""
    pending: Count | None = None
    """Accounts that were invited and not accepted; contained in used. Absent where the provider does not
    tell."""
    available: Count | None = None
    """Seats that may still be given: limit - reserved - used."""
    reserved: Count | None = None
    """Seats kept free by spec.reserve."""
    waiting: Count | None = None
    """People who wait for a seat."""
    percent_used: Count | None = None
    """Used as a share of the limit."""


class Forecast(Status):
    """When the seats run out at the present slope, from one count a day."""

    full_time: Time | None = None
    """Day on which every seat that is not reserved is taken; absent where there is too little history, where
    the slope cannot be told from none, or where that day is more than two years away."""
    earliest_time: Time | None = None
    """The day is not earlier than this 19 times of 20."""
    latest_time: Time | None = None
    """The day is not later than this 19 times of 20; absent where it may never come."""
    seats_per_month: Annotated[Int32, Field()] | None = None
    """Seats taken in thirty days at the present slope; negative where they come free."""
    seats_per_month_error: Count | None = None
    """How far seatsPerMonth may be off either way, 19 times of 20."""
    days: Count | None = None
    """Days of history that it rests on, 90 at most."""
    message: ShortMessage | None = None
    """The same for a reader, or why there is no forecast."""
