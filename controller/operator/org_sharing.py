"""Which OktaOrg an integration may use: its spec.allowedNamespaces, asked before anything else of it is read.

Called where a run gathers what it needs, for finalizers, rivals and counts. An org that does not allow the
namespace of an integration does not exist for it: nobody reads its Secret, calls its Okta or writes to it.
No I/O.
"""

from __future__ import annotations

from pydantic import ValidationError

from controller.api.okta_org import AllowedNamespaces
from controller.kube.client import Body
from controller.operator.store import Store, org_place


def needs_labels(store: Store, integration: Body) -> bool:
    """Whether the labels of the integration's namespace decide whether it may use its org."""
    _, home, _ = org_place(integration)
    allowed = _allowed(store.get(*org_place(integration)))
    is_elsewhere = home != integration["metadata"]["namespace"]
    return is_elsewhere and allowed is not None and allowed.from_ == "Selector"


def may_use(store: Store, integration: Body) -> bool | None:
    """Whether the org that `integration` refers to allows its namespace. None if that depends on labels that
    nobody has read yet. Of orgs that are missing only one's own may be used: whether another namespace has
    one is that namespace's business."""
    _, home, _ = org_place(integration)
    namespace = str(integration["metadata"]["namespace"])
    if home == namespace:
        return True
    allowed = _allowed(store.get(*org_place(integration)))
    if allowed is None:
        return False
    labels = store.labels_of(namespace)
    if labels is None and allowed.from_ == "Selector":
        return None
    return allowed.admits(namespace, home, labels)


def usable_org(store: Store, integration: Body) -> Body | None:
    """The OktaOrg of `integration`; None if there is none that it may use."""
    return store.get(*org_place(integration)) if may_use(store, integration) else None


def users_of(store: Store, namespace: str, name: str) -> list[Body]:
    """The integrations that use an org. Until labels were read, as after a restart, those count that have
    used it before."""
    found = [(user, may_use(store, user)) for user in store.users_of_org(namespace, name)]
    return [user for user, may in found if may or (may is None and (user.get("status") or {}).get("app"))]


def _allowed(org: Body | None) -> AllowedNamespaces | None:
    """What `org` says; None if it is missing or says something that nobody can read."""
    if org is None:
        return None
    try:
        return AllowedNamespaces.model_validate((org.get("spec") or {}).get("allowedNamespaces") or {})
    except ValidationError:
        return None
