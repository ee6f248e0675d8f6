"""The org's token endpoint and its access tokens: client_credentials with private_key_jwt, DPoP where asked.

Called by access for every call with Bearer or DPoP, and by app for POST /oauth2/v1/token.
Source: developer.okta.com, Implement OAuth for Okta with a service app; Configure DPoP. RFC 7523, RFC 9449.
"""

from __future__ import annotations

from controller.sandbox.okta.calls import Call
from controller.sandbox.okta.problems import OktaProblem
from controller.sandbox.okta.store import Org, secret_hash


def authenticate(org: Org, call: Call, scheme: str, token: str) -> None:
    """Sets the call's principal and scopes; 401 E0000011 for a token that is unknown or has expired."""
    entry = org.access_tokens.get(secret_hash(token))
    if entry is None or entry["expires"] <= org.clock.now().timestamp():
        raise OktaProblem("E0000011")
    call.principal, call.scopes = org.principals[entry["client"]], frozenset(entry["scopes"])
