"""The closed set of reasons that conditions and events carry; docs/reasons.md is generated from here.

Errors and problems of other rooms bring their reason as text; `known_reason` maps what is not in the set to
the reason of the error's class, so that a reader of conditions meets documented words only. Pure.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """A reason with what it means and what to do."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Reason:
        made = str.__new__(cls, value)
        made._value_ = value
        made.meaning = meaning
        return made

    # Ready
    SUCCEEDED = "Succeeded", "The last reconcile did all that it may do now."
    SUSPENDED = "Suspended", "spec.suspend is true: no call is made to Okta or the provider."
    WRITES_FAILED = "WritesFailed", "Every write of the last reconcile failed; status.failures tells why."
    NOT_VERIFIED = "NotVerified", "Nothing has used this yet, so nothing is known about it."

    # Reconciling
    PROGRESSING = "Progressing", "A new generation is being worked on."
    PROGRESSING_WITH_RETRY = "ProgressingWithRetry", "The last attempt failed and is repeated by itself."
    WAITING_FOR_PERSON = "WaitingForPerson", "A manual step blocks; it is looked for again on the interval."
    WAITING = "Waiting", "Something that is named is not there yet."
    RUN_DEADLINE = "RunDeadline", "The run took too long; what it did is kept, and another one goes on."

    # What a person has to edit
    INVALID_SPEC = "InvalidSpec", "The spec asks for what cannot be; the message names the field and the fix."
    INVALID_EXPRESSION = "InvalidExpression", "An expression is outside the subset that is understood."
    UNKNOWN_ATTRIBUTE = "UnknownAttribute", "An expression reads an attribute that Okta's user schema lacks."
    CONFLICT = (
        "Conflict",
        "Another resource came first, or Okta itself still provisions; the later one yields.",
    )
    VALUE_CLAIMED_TWICE = (
        "ValueClaimedTwice",
        "Two GroupMappings claim one value; remove it from one of them.",
    )
    GROUP_NAMED_TWICE = "GroupNamedTwice", "Two rows of mappings name one group in two ways."
    GROUPS_NOT_SERVED = (
        "GroupsNotServed",
        "The provider shows no SCIM /Groups, which groups.via: ScimGroups needs; people are provisioned.",
    )
    GROUP_TABLE_IN_USE = (
        "GroupTableInUse",
        "The provider's own value to group table decides memberships; empty it, or use UserAttribute.",
    )
    URL_REFUSED = "UrlRefused", "A URL is not one that the operator calls; the message says why."
    TOO_MANY_PEOPLE = "TooManyPeople", "More people than the state of one integration can hold."
    UNEXPECTED_ERROR = "UnexpectedError", "A bug: the log has the traceback. It is tried again."

    # ReferencesResolved
    RESOLVED = "Resolved", "Everything that the resource names was found."
    INTEGRATION_NOT_FOUND = "IntegrationNotFound", "No ScimIntegration of that name is in this namespace."
    ORG_NOT_FOUND = "OrgNotFound", "No OktaOrg of that name is there."
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed", "The OktaOrg does not allow this namespace to refer to it."
    SECRET_NOT_FOUND = "SecretNotFound", "A Secret, or a key of it, is missing; create it."
    SECRET_FORBIDDEN = "SecretForbidden", "The operator may not read the Secret; name it in its role."
    SECRET_KEY_MISSING = "SecretKeyMissing", "A Secret lacks a key or its value is empty; add it."
    CA_BUNDLE_NOT_FOUND = "CaBundleNotFound", "The CA bundle, or its key, is missing; create it."
    APP_NOT_FOUND = "AppNotFound", "The Okta org has no app of that id or label."
    APP_AMBIGUOUS = "AppAmbiguous", "Several apps have that label; give the id of one."
    APP_CHANGED = "AppChanged", "The label now leads to another app than the one that status pins."
    GROUP_NOT_FOUND = "GroupNotFound", "An Okta group that is named is not there or not the only one."
    GROUP_AMBIGUOUS = "GroupAmbiguous", "Several Okta groups have that name; give the id of one."
    PROVIDER_GROUP_MISSING = "ProviderGroupMissing", "The provider has no group of that name; create it."
    PROVIDER_GROUP_AMBIGUOUS = (
        "ProviderGroupAmbiguous",
        "The provider has several groups of that name; rename all but one.",
    )
    USER_NOT_FOUND = "UserNotFound", "A login that is named has no user in Okta."

    # CredentialsValid
    ACCEPTED = "Accepted", "Okta and the provider took the credentials."
    CREDENTIALS_REJECTED = "CredentialsRejected", "A credential was refused; put a valid one into its Secret."
    ACCESS_DENIED = (
        "AccessDenied",
        "A credential is valid and may not do this; give its owner the role or scope.",
    )
    MISSING_SCOPE = "MissingScope", "The service app lacks an OAuth scope; grant it in Okta."
    MISSING_PERMISSION = "MissingPermission", "The credential's role may not do this; widen the role in Okta."
    PROOF_REFUSED = "ProofOfPossessionRefused", "Okta did not take the DPoP proof; check the app's setting."
    HOST_NOT_ALLOWED = (
        "HostNotAllowed",
        "The Secret does not name this host as its audience; nothing was sent.",
    )
    CREDENTIALS_INVALID = "CredentialsInvalid", "A Secret holds what cannot be a credential of its kind."
    PROBE_FAILED = "ProbeFailed", "The test of the SCIM credentials did not succeed."

    # PrerequisitesMet
    MET = "Met", "Plan and single sign-on are as required."
    NOT_REQUIRED = "NotRequired", "Nothing is required."
    NOT_VERIFIABLE = (
        "NotVerifiable",
        "The provider has no admin API; a person has to check. It does not block.",
    )
    PLAN_TOO_LOW = "PlanTooLow", "The organization at the provider is on another plan."
    SSO_MISSING = "SsoMissing", "SAML single sign-on is not set up in Okta or at the provider."

    # Configured
    CONFIGURED = "Configured", "The app and the provider are set up as declared."
    MANUAL_STEP_REQUIRED = "ManualStepRequired", "A person has something to do; status.manualSteps says what."
    CONFIGURATION_DRIFT = "ConfigurationDrift", "A setting differs from what is declared."

    # InSync
    IN_SYNC = "InSync", "Accounts are as declared."
    DRIFT_DETECTED = "DriftDetected", "Something differs and is not put right: mode Observe or drift Report."
    DRIFT_UNKNOWN = "DriftUnknown", "The last reconcile could not compare."
    AWAITING_APPROVAL = "AwaitingApproval", "A plan waits for the annotation scim-operator.dev/approve."
    SAFETY_THRESHOLD_EXCEEDED = (
        "SafetyThresholdExceeded",
        "A safeguard holds a class of actions until approved.",
    )
    READ_INCOMPLETE = (
        "ReadIncomplete",
        "Removals are held: fewer people were read than expected. A complete read, a second one that "
        "agrees, or an approval lets them go; the message says which.",
    )
    OUTSIDE_WINDOW = "OutsideWindow", "Writing waits for a window of spec.windows."
    PEOPLE_FAILED = "PeopleFailed", "Some people could not be provisioned; status.failures tells why."
    PEOPLE_WAITING = "PeopleWaiting", "Some people wait for a seat."
    MANUAL_STEP_OPEN = "ManualStepOpen", "A manual step is open."

    # WithinCapacity
    WITHIN_LIMIT = "WithinLimit", "There are seats."
    NEAR_LIMIT = "NearLimit", "The share in use is above spec.warnAtPercent."
    AT_CAPACITY = "AtCapacity", "No seat is free, or someone waits for one."
    OVER_CAPACITY = "OverCapacity", "More seats are used than there are."
    NO_LIMIT = "NoLimit", "No SeatLimit refers to the integration."
    SEATS_UNKNOWN = "SeatsUnknown", "The number of seats or of accounts could not be read."

    # Other systems
    UNAVAILABLE = "Unavailable", "No answer, a server error or half an answer; tried again by itself."
    UNREACHABLE = "Unreachable", "No connection could be made."
    HOST_NOT_FOUND = "HostNotFound", "The host's name does not resolve; check the URL."
    CONNECTION_REFUSED = "ConnectionRefused", "Nothing listens at the URL; check it."
    CONNECTION_CLOSED = "ConnectionClosed", "The connection broke before the answer was complete."
    TIMEOUT = "Timeout", "No answer within the time allowed."
    TLS_FAILED = "TLSFailed", "The TLS handshake failed; a private CA needs caBundleRef."
    PROXY_FAILED = "ProxyFailed", "The proxy refused the connection."
    ANSWER_TOO_LARGE = (
        "AnswerTooLarge",
        "An answer was larger than is read; see the settings PAGE_BYTES and ANSWER_BYTES.",
    )
    ENCODING_REFUSED = (
        "EncodingRefused",
        "An answer was encoded in a way that was not asked for; only one layer of gzip is read.",
    )
    PAUSE_TOO_LONG = (
        "PauseTooLong",
        "A 429 asked for a longer pause than the setting LONGEST_PAUSE_SECONDS; tried again by itself.",
    )
    INCOMPLETE = "Incomplete", "A listing was not complete; nothing was decided on half a reading."
    NOT_SCIM = "NotScim", "The provider answered with something that is not SCIM; check the base URL."
    NOT_OKTA = "NotOkta", "The URL of the OktaOrg does not answer as an Okta org does."
    NOT_ADMIN_API = "NotAdminApi", "The admin URL does not answer as the provider's admin API does."
    FOREIGN_LINK = "ForeignLink", "An answer pointed to another host; it was not followed."
    FILTER_IGNORED = "FilterIgnored", "The provider ignores a filter that the operator depends on."
    READ_ONLY_MODE = "ReadOnlyMode", "The Okta org is in read-only mode."
    SEARCH_UNAVAILABLE = "SearchUnavailable", "Okta's search does not answer at the moment."
    CHANGED_MEANWHILE = "ChangedMeanwhile", "Something else was changing the same thing; tried again."
    RATE_LIMITED = "RateLimited", "Too many requests; tried again when the limit resets."
    REJECTED = "Rejected", "A request was refused; the message has the other system's words."
    NOT_FOUND = "NotFound", "What was asked for is gone."
    NOT_CONFIRMED = "NotConfirmed", "A write was accepted, but reading it back showed something else."
    SEATS_EXHAUSTED = "SeatsExhausted", "The provider refused an account for want of a seat."

    PERMISSION_LOST = "PermissionLost", "The process may not read its resources any more, and ends."
    WATCH_ENDED = (
        "WatchEnded",
        "The watches of the resources ended for good; the process ends and begins anew.",
    )
    NOT_LEADING = "NotLeading", "This process does not lead any more and writes nothing."
    STOPPING = "Stopping", "The operator was told to stop; the next one goes on."
    NOT_JSON = "NotJson", "The answer is not JSON; check the URL."
    REDIRECTED = (
        "Redirected",
        "The answer is a redirect, which is not followed; name that host if it is right.",
    )

    GROUP_RULE_FILLS_SEATS = (
        "GroupRuleFillsSeats",
        "A group rule of Okta puts people into the seat group; deactivate it or name another group.",
    )

    # Single people, in messages of PeopleFailed
    PROTECTED = "Protected", "The person is protected by the OktaOrg and left as they are."
    ADOPTED_KEPT = "AdoptedKept", "The account was there before and is not deactivated."
    DUPLICATE_EXTERNAL_ID = (
        "DuplicateExternalId",
        "Several accounts carry one externalId; delete all but one.",
    )
    ACCOUNT_AMBIGUOUS = (
        "AccountAmbiguous",
        "Several accounts bear the person's user name in other spellings; delete all but one.",
    )
    LOOKS_ALIKE = (
        "LooksAlike",
        "An account that belongs to nobody looks like the person's name and is another; it is not adopted.",
    )
    DUPLICATE_USER_NAME = (
        "DuplicateUserName",
        "Several people have one user name; change all but one in Okta.",
    )
    FOREIGN_EXTERNAL_ID = "ForeignExternalId", "The account of that name belongs to somebody else's id."
    USER_NAME_MISSING = "UserNameMissing", "The person has no user name in the app; give one in Okta."
    VALUE_UNKNOWN = (
        "ValueUnknown",
        "Okta's documentation does not say what an expression gives for a person, so the attribute is not "
        "written. Give the expression a value for that case.",
    )
    VALUE_NOT_SENT = "ValueNotSent", "A value cannot be sent; correct it in Okta. The other fields are sent."
    PUSH_FAILED = "PushFailed", "Okta's own provisioning told an error for this person."

    # Single writes, in status.failures
    DEPENDENCY_FAILED = "DependencyFailed", "Something that it needs did not succeed, so it was not tried."
    PENDING_CONFIRMATION = "PendingConfirmation", "It was accepted and waits for somebody to confirm."
    ADMIN_API_MISSING = "AdminApiMissing", "It needs spec.provider.admin."
    TOKENS_NOT_TOLD = "TokensNotTold", "The admin API tells no fingerprints of tokens: none is rotated."
    SECRET_OWNED = (
        "SecretOwnedByOther",
        "Something else keeps the Secret, so that no token is written into it; name another one.",
    )
    SECRET_NOT_WRITABLE = "SecretNotWritable", "The operator may not patch the Secret; give it the verb."
    NEW_TOKEN_REFUSED = "NewTokenRefused", "The test of a new token failed; the old one stays."
    READ_ONLY = "ReadOnly", "This process writes no Secrets."
    TOKEN_MISSING = "TokenMissing", "It needs spec.provider.oktaTokenRef."
    ALREADY_ASSIGNED = "AlreadyAssigned", "The app has that assignment already."
    ASSIGNED_THROUGH_GROUP = "AssignedThroughGroup", "A group assigns the person; remove them from the group."
    APP_METADATA = "AppMetadata", "The app's definition in Okta does not allow that."
    APP_REPLACE_REFUSED = "AppReplaceRefused", "Okta pushes to the app; spec.okta.allowAppReplace permits it."
    APP_SETTINGS = "AppSettings", "It has to be changed in Okta's Admin Console."
    ATTRIBUTE_IS_MAPPED = "AttributeIsMapped", "A mapping sets the attribute; change the mapping."
    CONNECTION_TEST_FAILED = "ConnectionTestFailed", "Okta could not reach the provider with its token."
    CREDENTIAL_SCHEME = "CredentialScheme", "The app's sign-on scheme sets the user name."
    DEACTIVATION_REFUSED = "DeactivationRefused", "Okta does not deactivate this."
    FEATURE_NOT_ENABLED = "FeatureNotEnabled", "The org lacks the feature; ask Okta to enable it."
    FEATURES_LOST = "FeaturesLost", "Replacing the app has switched features off; switch them on by hand."
    FIELD_MAPPING = "FieldMapping", "Okta refuses the mapping; check its expression."
    IMMUTABLE_ATTRIBUTE = "ImmutableAttribute", "Delete the attribute and create it again."
    INVALID = "Invalid", "Okta calls the request invalid; the message has its words."
    INVALID_FILTER = "InvalidFilter", "Okta does not take a filter."
    MASTERED_ELSEWHERE = "MasteredElsewhere", "Another source owns this profile."
    READ_ONLY_ATTRIBUTE = "ReadOnlyAttribute", "The attribute cannot be written."
    RESERVED_ATTRIBUTE = "ReservedAttribute", "The name is reserved; choose another variable name."
    UNSUPPORTED = "Unsupported", "The endpoint does not do that."
    WRONG_STATE = "WrongState", "The app or the user has to be activated first."

    # Events only
    DRIFT_CORRECTED = "DriftCorrected", "Edits by hand were undone."
    APPROVAL_IGNORED = "ApprovalIgnored", "The approval names a plan that does not wait."
    USER_SYNCED = "UserSynced", "One person was reconciled on request."
    USER_SYNC_FAILED = "UserSyncFailed", "One person could not be reconciled; the message says why."
    DEPROVISIONED = "Deprovisioned", "What the operator did was undone before the resource went."
    STATE_LEFT_BEHIND = (
        "StateLeftBehind",
        "An earlier version's ConfigMaps are not read any more; delete them as the message says.",
    )
    RELEASED = "Released", "The resource went and nothing remote was touched."
    TOKEN_ROTATED = (
        "TokenRotated",
        "A new token was issued, tested and stored; the old one stays until it is in use.",
    )
    TOKEN_REVOKED = "TokenRevoked", "A token was revoked: it was replaced, or was issued and never stored."


KNOWN = {reason.value: reason for reason in Reason}


def known_reason(text: str, otherwise: Reason) -> Reason:
    """The reason named `text`, or `otherwise` where the set has no such word."""
    return KNOWN.get(text, otherwise)
