"""Who calls and whether they may: API tokens here, OAuth tokens by oauth; scopes and read-only roles.

Called by app before each handler. Source: developer.okta.com/docs/api, Authentication.
"""

from __future__ import annotations

from scim_sandbox.okta import oauth
from scim_sandbox.okta.calls import Call
from scim_sandbox.okta.problems import OktaProblem
from scim_sandbox.okta.store import Org


def authenticate(org: Org, call: Call) -> None:
    """Sets the call's principal (and scopes); 403 E0000005 without a credential, 401 E0000011 for a wrong
    one.
    """
    header = call.headers.get("authorization", "")
    if header[:4].upper() == "SSWS":  # Okta's own Python SDK leaves out the space behind it
        header = f"SSWS {header[4:].strip()}"
    scheme, _, token = header.partition(" ")
    if not token:
        raise OktaProblem("E0000005")
    if scheme.upper() == "SSWS":
        call.principal = org.token_owner(token.strip())
        if call.principal is None:
            raise OktaProblem("E0000011")
    elif scheme.upper() in ("BEARER", "DPOP"):
        oauth.authenticate(org, call, scheme.upper(), token.strip())
    else:
        raise OktaProblem("E0000011")


def authorize(org: Org, call: Call, scope: str) -> None:
    """403 E0000006 where the token lacks the scope or the role may only read; `manage` includes `read`."""
    assert call.principal is not None
    if call.scopes is not None and not {scope, _managing(scope)} & call.scopes:
        problem = OktaProblem("E0000006")
        problem.headers["www-authenticate"] = (
            f'Bearer authorization_uri="{org.url}/oauth2/v1/authorize", error="insufficient_scope",'
            f' error_description="The access token lacks a required scope.", scope="{scope}"'
        )
        raise problem
    if call.principal.read_only and call.method != "GET":
        raise OktaProblem("E0000006")


def _managing(scope: str) -> str:
    return scope.removesuffix(".read") + ".manage" if scope.endswith(".read") else scope
