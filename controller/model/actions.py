"""What can be done to whom. A plan is a tuple of these; targets carry them out.

The order of ActionKind is the order of a run: settings before people, what frees a seat before what
takes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from controller.model.people import Value


class Touch(StrEnum):
    """How the safeguards count an action."""

    SETTING = "Setting"
    CREATE = "Create"
    CHANGE = "Change"
    REMOVAL = "Removal"
    LEAVER = "Leaver"


class ActionKind(StrEnum):
    """In the order of a run. `subject` of each is told behind it."""

    ENABLE_SCIM = "EnableScim"  # "organization"
    ISSUE_TOKEN = "IssueToken"  # noqa: S105 - "operator" or "okta": whose token; see planning.tokens.rotation
    SAVE_GROUP_TABLE = "SaveGroupTable"  # "group-mapping"; see planning.groups.mapping_table for its fields
    SET_USERNAME_FORMAT = "SetUsernameFormat"  # app id
    ADD_APP_ATTRIBUTE = "AddAppAttribute"  # attribute name
    SET_MAPPING = "SetMapping"  # profile mapping id
    REMOVE_APP_ATTRIBUTE = "RemoveAppAttribute"  # attribute name
    ENABLE_CONNECTION = "EnableConnection"  # app id
    SET_TO_APP = "SetToApp"  # app id
    DISABLE_CONNECTION = "DisableConnection"  # app id
    CREATE_SEAT_GROUP = "CreateSeatGroup"  # group name
    ASSIGN_GROUP = "AssignGroup"  # Okta group id
    ASSIGN_USER = "AssignUser"  # Okta user id
    ADD_TO_SEAT_GROUP = "AddToSeatGroup"  # Okta user id
    REMOVE_FROM_SEAT_GROUP = "RemoveFromSeatGroup"  # Okta user id
    UNASSIGN_GROUP = "UnassignGroup"  # Okta group id
    UNASSIGN_USER = "UnassignUser"  # Okta user id
    DELETE_SEAT_GROUP = "DeleteSeatGroup"  # group name; Okta group id of one that the spec does not name
    DEACTIVATE_ACCOUNT = "DeactivateAccount"  # Okta user id, or scim:<id> where there is none
    UPDATE_ACCOUNT = "UpdateAccount"  # Okta user id
    REACTIVATE_ACCOUNT = "ReactivateAccount"  # Okta user id
    CREATE_ACCOUNT = "CreateAccount"  # Okta user id
    CREATE_PROVIDER_GROUP = "CreateProviderGroup"  # displayName
    CHANGE_MEMBERSHIPS = "ChangeMemberships"  # Okta user id; see planning.groups.memberships for its fields
    REVOKE_TOKEN = "RevokeToken"  # noqa: S105 - token id


ACCOUNT_KINDS = frozenset(
    {
        ActionKind.CREATE_ACCOUNT,
        ActionKind.UPDATE_ACCOUNT,
        ActionKind.REACTIVATE_ACCOUNT,
        ActionKind.DEACTIVATE_ACCOUNT,
    }
)
"""What is written to the account of one person."""
ORDER = {kind: number for number, kind in enumerate(ActionKind)}


@dataclass(frozen=True, slots=True)
class Action:
    """One change of one thing. Equal content means equal action: a digest is over these fields."""

    kind: ActionKind
    subject: str
    """The natural key of what is changed; with `kind` unique in a plan."""
    label: str
    """What a person calls the subject: a login, a group's name."""
    touch: Touch
    before: tuple[tuple[str, Value], ...]
    """The fields that change as they were read: `userName`, `active`, `externalId` and SCIM paths of
    `Reads.paths` for accounts, names of settings otherwise; () for a creation."""
    after: tuple[tuple[str, Value], ...]
    """The same fields as they should be, None for a value that is taken away. Creations hold every field."""
    why: str
    """One sentence for a reader: "department is now Sales EMEA in Okta"."""
    remote_id: str = ""
    """SCIM id of the account, where it has one; the digest of the group table that a save replaces; the id
    of the token that a new one replaces. Not part of the digest."""
    people: tuple[str, ...] = ()
    """Okta ids of the people whom the action touches beyond its subject, such as the members of a group."""
    needs: tuple[str, ...] = ()
    """Keys of actions that must have succeeded before."""
    is_switchover: bool = False
    """Part of the switch to another way of assigning: approved by a person in every mode."""

    @property
    def key(self) -> str:
        """`kind/subject`, unique in a plan."""
        return f"{self.kind.value}/{self.subject}"


class Result(StrEnum):
    """What became of an action."""

    DONE = "Done"
    """Read back as sent."""
    PENDING_CONFIRMATION = "PendingConfirmation"
    """Accepted; the SaaS waits for somebody, such as for a changed e-mail address."""
    FAILED = "Failed"
    """Refused, or the answer or the read-back was not what was sent."""
    SKIPPED = "Skipped"
    """Not tried, since something it needs failed or the run ended."""


TOOK_EFFECT = frozenset({Result.DONE, Result.PENDING_CONFIRMATION})


@dataclass(frozen=True, slots=True)
class Outcome:
    """One action and what became of it."""

    action: Action
    result: Result
    reason: str = ""
    """CamelCase, from the error: CredentialsRejected, SeatsExhausted, Unavailable, NotConfirmed ..."""
    message: str = ""
    remote_id: str = ""
    """SCIM id of a created account."""
    request_id: str = ""
    """What the other side calls the requests that it took, joined by commas."""
