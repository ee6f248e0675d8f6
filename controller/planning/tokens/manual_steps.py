"""What a person has to do while a token is replaced: carry it over, enter it in Okta, find who clings to it.

Called by rotation. None of them blocks: the old token works until the new one is in use.
"""

from __future__ import annotations

from controller.model.actual import AppState, Token
from controller.model.plan import ManualStep
from controller.planning.base.desired import Desired, TokenPlace
from controller.planning.base.wording import shown


def carry_step(place: TokenPlace) -> ManualStep:
    """Issued tokens go to another Secret than the one in use; somebody, or something, carries them over."""
    return ManualStep(
        "token-carry-over",
        f"Bring the new token from the Secret {place.secret} to the Secret {place.used_secret}",
        f"Kubernetes: the Secret {place.used_secret}, or where its keeper takes it from",
        f"A new token was issued into the key {place.key} of the Secret {place.secret}. The operator uses "
        f"the Secret {place.used_secret}, which still holds the old one. Copy the value to where that Secret "
        "comes from, such as your secret store. The old token stays valid until the new one is seen in use.",
        "Read",
        blocks=False,
    )


def enter_step(desired: Desired, app: AppState, place: TokenPlace, token: Token) -> ManualStep:
    """Okta's API does not set the token of this app."""
    made = f"{token.created:%Y-%m-%d}" if token.created is not None else "now"
    return ManualStep(
        "okta-token",
        "Enter the new token in Okta",
        f"Okta: Applications > {app.label} > Provisioning > Integration",
        f"Select Edit. API token: the value of the key {place.key} in the Secret "
        f"{desired.namespace}/{place.secret}, issued {made}. Select Test API Credentials, wait for the "
        "success message, then select Save. The step is done when the provider sees Okta use the new token; "
        "the old one stays valid until then.",
        "Read",
        blocks=False,
    )


def still_used_step(place: TokenPlace, token: Token) -> ManualStep:
    """The overlap is over, and somebody still uses the old token."""
    agent = f", by {shown(token.last_user_agent)}" if token.last_user_agent else ""
    last = f"{token.last_used:%Y-%m-%d}" if token.last_used is not None else "never"
    return ManualStep(
        f"{place.holder}-token-still-used",
        f"Find who still uses the old token of the Secret {place.secret}",
        "Provider: Admin center > Login > Single sign-on",
        f"The token {shown(token.name)} (id {token.token_id}) was replaced, "
        f"yet it was used last on {last}{agent}. Give its user a token of their own. "
        "It is revoked by itself once nobody has used it for spec.provider.tokenRotation.minOverlap.",
        "Read",
        blocks=False,
    )
