"""The SCIM resources of the provider as models: RFC 7643's own, with what real clients need besides.

Used by protocol, which binds them to profiles. The objects come from scim2-models; what is changed here is
said at each class. Docstrings are what /Schemas shows as descriptions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Protocol, Self, TypeAlias

from pydantic import Field, create_model
from pydantic.alias_generators import to_snake
from scim2_models import (
    URN,
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    Context,
    Extension,
    Group,
    GroupMember,
    Mutability,
    PatchOp,
    PatchOperation,
    Reference,
    Required,
    Resource,
    Schema,
    ScimFilter,
    SearchRequest,
    Uniqueness,
    User,
)
from scim2_models import EnterpriseUser as StrictEnterpriseUser

from controller.provider.profiles import GROUP_EXTENSION, Attribute

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

# What these are of is known when a profile's models are built. As text: at run time scim2-models refuses Any.
AnyFilter: TypeAlias = "ScimFilter[Any]"
AnySearch: TypeAlias = "SearchRequest[Any]"
AnyPatch: TypeAlias = "PatchOp[Any]"
PatchPart: TypeAlias = "PatchOperation[Any]"

# Subclassed through Any: scim2-models builds its classes at run time, out of sight of mypy.
_Email: Any = User.Emails
_Member: Any = GroupMember


class Email(_Email):  # type: ignore[misc]
    """An e-mail address of any domain: scim2-models refuses .local, .test and the like, which Okta sends."""

    value: str | None = None
    """The address."""


class SentBody(Protocol):
    """What is used of every model of scim2-models."""

    @classmethod
    def model_validate(cls, obj: object, /, *, scim_ctx: Context) -> Self: ...


class SentResource(SentBody, Protocol):
    """What is used of the model of a resource."""

    def model_dump(self, *, scim_ctx: Context) -> dict[str, object]: ...


class UserModel(SentResource, Protocol):
    """What every profile's User has; which class that is, the profile decides at run time."""

    user_name: str | None
    display_name: str | None
    external_id: str | None
    active: bool | None
    emails: list[Email] | None

    @classmethod
    def model_validate_json(cls, text: str, /) -> Self: ...
    def model_copy(self, *, deep: bool) -> Self: ...
    def replace(self, original: Self) -> bool: ...


class AnyDomainUser(User[AnyExtension]):
    """User Account"""

    __schema__ = URN(CORE_USER)
    emails: list[Email] | None = None  # type: ignore[assignment]
    """The user's e-mail addresses."""


class Member(_Member):  # type: ignore[misc]
    """A member of a group."""

    display: str | None = None
    """The name of the member, for display."""


class NamedGroup(Group):
    """Group"""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")
    # A displayName belongs to one group, since mappings refer to groups by it.
    display_name: Annotated[str | None, Required.true, Uniqueness.server] = None
    """The name of the group, unique within the organization."""
    members: list[Member] | None = None  # type: ignore[assignment]
    """The members of the group."""


class Manager(ComplexAttribute):
    """A person's manager. Nothing in it is required (RFC 7643 section 8.7.1): clients send the id alone, but
    scim2-models demands the URI as well."""

    value: Annotated[str | None, CaseExact.true] = None
    """The id of the user who is the manager."""
    ref: Reference[User] | None = Field(  # type: ignore[type-arg]
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    """The URI of the user who is the manager."""
    display_name: Annotated[str | None, Mutability.read_only] = None
    """The name of the manager, for display."""


class EnterpriseUser(StrictEnterpriseUser):
    """Enterprise User"""

    __schema__ = URN(ENTERPRISE_USER)
    manager: Manager | None = None  # type: ignore[assignment]
    """The user's manager."""


GroupExtension = Extension.from_schema(Schema.model_validate(GROUP_EXTENSION))


def group_value_of(user: UserModel) -> str | None:
    """The value of a User model that mappings look up; None if it is absent or empty."""
    extension = getattr(user, GroupExtension.__name__)
    return (extension.group or None) if extension else None


class NarrowUser(Resource[AnyExtension]):
    """User Account"""

    __schema__ = URN(CORE_USER)


def narrow_user(attributes: Mapping[str, Attribute]) -> type[NarrowUser[Any]]:
    """The model of a User that has these attributes of RFC 7643 only; every other one is refused."""
    fields: dict[str, Any] = {}
    for name, attribute in attributes.items():
        field = AnyDomainUser.model_fields[to_snake(name)]
        annotation: object = Annotated[
            field.annotation,
            Required.true if attribute.required else Required.false,
            Uniqueness.server if attribute.unique else Uniqueness.none,
        ]
        fields[to_snake(name)] = (annotation, Field(None, description=attribute.description))
    return create_model("User", __base__=NarrowUser, __doc__=NarrowUser.__doc__, **fields)


# The names under which /Schemas presents them.
AnyDomainUser.__name__ = "User"
NamedGroup.__name__ = "Group"
