"""Access reviews: requests that are answered and not stored.

Called by app and discovery. Whoever holds the token may do everything, and that is what these say.
"""

from __future__ import annotations

from dataclasses import dataclass

from scim_sandbox.kubernetes.resources import Object

USER = "sandbox:admin"
_GROUPS = ["system:masters", "system:authenticated"]


@dataclass(frozen=True)
class Review:
    """One kind of review; `namespaced` ones have the namespace in their path."""

    group: str
    plural: str
    kind: str
    namespaced: bool = False


REVIEWS = (
    Review("authorization.k8s.io", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    Review("authorization.k8s.io", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
    Review("authorization.k8s.io", "subjectaccessreviews", "SubjectAccessReview"),
    Review("authorization.k8s.io", "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    Review("authentication.k8s.io", "selfsubjectreviews", "SelfSubjectReview"),
)
VERSION = "v1"


def find_review(group: str, version: str, plural: str) -> Review | None:
    """The review served at this place, if any."""
    if version != VERSION:
        return None
    return next((one for one in REVIEWS if (one.group, one.plural) == (group, plural)), None)


def answered(review: Review, document: Object) -> Object:
    """`document` with the status that says yes."""
    metadata = {**(document.get("metadata") or {}), "creationTimestamp": None}
    answer = {"kind": review.kind, "apiVersion": f"{review.group}/{VERSION}", "metadata": metadata}
    if review.kind == "SelfSubjectReview":
        return {**answer, "status": {"userInfo": {"username": USER, "groups": _GROUPS}}}
    if review.kind == "SelfSubjectRulesReview":
        rules = {
            "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
            "incomplete": False,
        }
        return {**answer, "spec": document.get("spec") or {}, "status": rules}
    reason = "the embedded API server allows everything to whoever holds its token"
    return {**answer, "spec": document.get("spec") or {}, "status": {"allowed": True, "reason": reason}}
