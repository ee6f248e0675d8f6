"""The SCIM resources of the provider as models: RFC 7643's own, with what real clients need beside them.

Used by protocol, which binds them to profiles. The objects come from scim2-models; what is changed here is
said at each class. Docstrings are what /Schemas shows as descriptions.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AnyExtension,
    CaseExact,
    ComplexAttribute,
    Extension,
    Group,
    GroupMember,
    Mutability,
    Name,
    Reference,
    Required,
    Resource,
    Uniqueness,
    User,
)
from scim2_models import EnterpriseUser as StrictEnterpriseUser

from controller.provider.profiles import CALENDLY_SCHEMA

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

# Subclassed through Any: scim2-models builds its classes at run time, out of sight of mypy.
_Email: Any = User.Emails
_Member: Any = GroupMember


class Email(_Email):  # type: ignore[misc]
    """An e-mail address of any domain: scim2-models refuses .local, .test and the like, which Okta sends."""

    value: str | None = None
    """The address."""


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


class CalendlyUser(Extension):
    """The extension whose value decides a person's group."""

    __schema__ = URN(CALENDLY_SCHEMA)
    group: Annotated[str | None, CaseExact.true] = None
    """The value that the value -> group table looks up, exact and case-sensitive."""


class NarrowUser(Resource[AnyExtension]):
    """User Account"""

    # The attributes that Calendly takes; every other one is refused.
    __schema__ = URN(CORE_USER)
    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    """Unique, and the e-mail address that the person signs in with."""
    name: Name | None = None
    """The components of the person's name."""
    display_name: str | None = None
    """The name shown to others."""
    active: bool | None = None
    """False frees the seat; the record stays."""
    emails: list[Email] | None = None
    """The address invitations go to."""


# The names under which /Schemas presents them.
AnyDomainUser.__name__ = NarrowUser.__name__ = "User"
NamedGroup.__name__ = "Group"
