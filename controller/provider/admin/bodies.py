"""What the admin API takes, as models: they check bodies and parameters, and the OpenAPI document shows them.

Called by the handlers (by way of AdminCall), and by the console, whose forms are checked in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Annotated, Literal, TypeGuard, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails

from controller.clock import parse_rfc3339
from controller.errors import SpecError
from controller.provider.admin.answers import Scope
from controller.provider.admin.problems import Problem
from controller.provider.journal import LAST
from controller.provider.organizations import (
    BILLING_METHODS,
    MAX_SEATS,
    PLANS,
    BillingMethod,
    PlanName,
    one_of,
)
from controller.provider.profiles import PROFILES
from controller.provider.seats import Status
from controller.provider.tokens import MAX_NAME, parse_lifetime

M = TypeVar("M", bound=BaseModel)
STATUSES = get_args(Status)
LARGEST_PEOPLE_PAGE, LARGEST_JOURNAL_PAGE, LARGEST_EXPORT = 1000, 500, 100_000
LAST_SEQ = 1 << 59


@dataclass(frozen=True, slots=True)
class Must:
    """Says what a member has to be. `is_setting`: of the right kind, it may still be refused, with 422."""

    be: str
    is_setting: bool = False


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("blank")
    return text


def _moment(text: str) -> str:
    """The moment as it is stored."""
    try:
        return parse_rfc3339(text).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except OverflowError as error:
        raise ValueError("out of range") from error


def _split(scopes: object) -> object:
    return scopes.split() if isinstance(scopes, str) else scopes


def _digits(text: object) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ValueError("not a number")
    return int(text)


def _up_to(largest: int) -> Must:
    return Must(f"a number from 0 to {largest}")


_NOT_BLANK = AfterValidator(_not_blank)
_TEXT = Must("text of 1 to 256 characters")
_SHORT_TEXT = Must(f"text of 1 to {MAX_NAME} characters")
_FLAG = Must("true or false")
_SEATS = Must(f"a whole number from 0 to {MAX_SEATS}", is_setting=True)
Text = Annotated[str, Field(min_length=1, max_length=256, json_schema_extra={"pattern": r"\S"}), _NOT_BLANK]
ShortText = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME, json_schema_extra={"pattern": r"\S"}), _NOT_BLANK
]
SeatNumber = Annotated[int, Field(ge=0, le=MAX_SEATS)]
Moment = Annotated[str, AfterValidator(_moment), Field(json_schema_extra={"format": "date-time"})]
Lifetime = Annotated[
    timedelta | None,
    PlainValidator(parse_lifetime),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "null"}]}),
]
Number = Annotated[int, BeforeValidator(_digits)]
KnownProfile = Annotated[
    str,
    PlainValidator(partial(one_of, "profile", allowed=tuple(PROFILES))),
    WithJsonSchema({"enum": list(PROFILES)}),
]


class Body(BaseModel):
    """A JSON object: the members of the model and no others, each of its own type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, alias_generator=to_camel)


class PersonEdit(Body):
    """An edit by hand: the members that are sent are set, null takes one away."""

    user_name: Annotated[Text, _TEXT] = ""
    display_name: Annotated[Text | None, _TEXT] = None
    given_name: Annotated[Text | None, _TEXT] = None
    family_name: Annotated[Text | None, _TEXT] = None
    email: Annotated[Text | None, _TEXT] = None
    external_id: Annotated[Text | None, _TEXT] = None
    active: Annotated[bool | None, _FLAG] = None
    last_active: Annotated[Moment | None, Must("an RFC 3339 time")] = None
    group: Annotated[Text | None, _TEXT] = None
    groups: Annotated[list[str], Must("a list of displayNames")] = []


class GroupBody(Body):
    """The name of a group."""

    display_name: Annotated[Text, _TEXT]


class BillingBody(Body):
    """How seats are paid for."""

    method: Annotated[BillingMethod | None, Must(f"one of {', '.join(BILLING_METHODS)}", is_setting=True)] = (
        None
    )


class SeatsBody(Body):
    """How many seats there are."""

    purchased: Annotated[SeatNumber | None, _SEATS] = None


class SettingsBody(Body):
    """The settings of an organization, any of them; null leaves one as it is."""

    name: Annotated[ShortText | None, _SHORT_TEXT] = None
    plan: Annotated[PlanName | None, Must(f"one of {', '.join(PLANS)}", is_setting=True)] = None
    sso: Annotated[bool | None, _FLAG] = None
    scim_enabled: Annotated[bool | None, _FLAG] = None
    billing: Annotated[BillingBody | None, Must("an object with method")] = None
    seats: Annotated[SeatsBody | None, Must("an object with purchased")] = None
    profile: KnownProfile | None = None
    overrides: Annotated[dict[str, object] | None, Must("an object")] = None


class NewTokenBody(Body):
    """A token to be issued."""

    name: Annotated[ShortText, _SHORT_TEXT]
    scopes: Annotated[
        list[Scope], BeforeValidator(_split), Must("a list"), Field(json_schema_extra={"minItems": 1})
    ] = ["scim"]
    expires_in: Lifetime = None


class PurchaseBody(Body):
    """The number of seats from now on."""

    purchased: Annotated[SeatNumber, _SEATS]


class Parameters(BaseModel):
    """Parameters of a query; those that are not known are ignored."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class PeopleParameters(Parameters):
    """Which people."""

    query: str = Field("", description="Part of a name or address, whatever its case")
    status: Annotated[Literal["", Status], Must(f"one of {', '.join(STATUSES)}")] = Field(
        "", description="Only people who stand so"
    )
    group: str = Field("", description="Only members of the group with exactly this displayName")
    limit: Annotated[Number, Field(ge=0, le=LARGEST_PEOPLE_PAGE), _up_to(LARGEST_PEOPLE_PAGE)] = Field(
        500, description="People on a page"
    )
    after: Annotated[Number, Field(ge=0, le=LAST_SEQ), _up_to(LAST_SEQ)] = Field(
        0, description="`next` of the page before"
    )


class MappingParameters(Parameters):
    """Whether to save."""

    preview: str = Field("", description="true: saves nothing, answers the preview")

    @property
    def is_preview(self) -> bool:
        """Whether nothing is to be saved."""
        return self.preview.lower() in ("true", "1", "yes")


class FormatParameter(Parameters):
    """How the journal is answered."""

    format: str = Field("", description="jsonl: lines, oldest first")


class JournalParameters(FormatParameter):
    """Which entries, newest first."""

    limit: Annotated[Number, Field(ge=0, le=LARGEST_JOURNAL_PAGE), _up_to(LARGEST_JOURNAL_PAGE)] = Field(
        100, description="Entries on a page"
    )
    before: Annotated[Number, Field(ge=0, le=LAST), _up_to(LAST)] = Field(
        LAST, description="`next` of the page before"
    )


class ExportParameters(Parameters):
    """Which entries, oldest first."""

    limit: Annotated[Number, Field(ge=0, le=LARGEST_EXPORT), _up_to(LARGEST_EXPORT)] = 10_000
    after: Annotated[Number, Field(ge=0, le=LAST), _up_to(LAST)] = 0


def checked_body(model: type[M], body: Mapping[str, object]) -> M:
    """The body as a model. Raises Problem or SpecError naming the member that is not as it must be."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        errors = error.errors(include_url=False)
    unknown = sorted(str(each["loc"][0]) for each in errors if _is_unknown(each) and len(each["loc"]) == 1)
    if unknown:
        raise unknown_member(
            unknown[0], tuple(each.alias or name for name, each in model.model_fields.items())
        )
    raise _refusal(model, errors[0])


def names_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The members that a body of this model has."""
    return tuple(each.alias or name for name, each in model.model_fields.items())


def unknown_member(name: str, known: tuple[str, ...]) -> Problem:
    """The refusal of a member that a body does not have."""
    return Problem(400, "UnknownField", f"{name!r} is not one of {', '.join(known)}", field=name)


def _is_model(part: object) -> TypeGuard[type[BaseModel]]:
    return isinstance(part, type) and issubclass(part, BaseModel)


def _is_unknown(error: ErrorDetails) -> bool:
    return error["type"] == "extra_forbidden"


def _refusal(model: type[BaseModel], error: ErrorDetails) -> Exception:
    """What is wrong with a member: it is missing, of another type, or a value that it can't have."""
    path = [part for part in error["loc"] if isinstance(part, str)]
    if _is_unknown(error):
        path.pop()  # of an object in the body only its whole is judged
    must, is_required, holder = None, False, model
    for name in path:
        field = next(each for each in holder.model_fields.values() if each.alias == name)
        must = next((each for each in field.metadata if isinstance(each, Must)), None)
        is_required = field.is_required()
        holder = next((each for each in get_args(field.annotation) if _is_model(each)), holder)
    shown = ".".join(path)
    if must is not None and must.is_setting:
        return SpecError(f"must be {must.be}", field=shown)
    if is_required and (error["type"] == "missing" or error["input"] is None):
        return Problem(400, "InvalidValue", f"{shown} is missing", field=shown)
    return Problem(400, "InvalidValue", f"{shown} must be {must.be if must else error['msg']}", field=shown)


def checked_parameters(model: type[M], query: Mapping[str, str]) -> M:
    """The query as a model. Raises Problem naming the parameter that is not as it must be."""
    try:
        return model.model_validate(query)
    except ValidationError as error:
        name = str(error.errors(include_url=False)[0]["loc"][0])
    field = next(each for each in model.model_fields.values() if each.alias == name)
    must = next(each for each in field.metadata if isinstance(each, Must))
    raise Problem(400, "InvalidParameter", f"{name} must be {must.be}", field=name)
