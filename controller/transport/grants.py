"""What a token endpoint grants (RFC 6749 section 5.1): whether it is a token, and how long it lives.

Used by the OAuth parts of okta.auth and scim.auth. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeGuard

from controller.parsing import finite_number

LONGEST_SECONDS = 365 * 24 * 3600.0
"""A token that claims to live longer is asked for anew after that."""
_TOKEN = re.compile(r"[\x21-\x7e]+")


def is_token(value: object) -> TypeGuard[str]:
    """Whether `value` can be sent in an Authorization header: visible ASCII alone (RFC 6750 section 2.1)."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


def lifetime_seconds(body: Mapping[str, Any], default: float) -> float:
    """`expires_in` of a grant in seconds, `default` where it is missing or no positive number."""
    lives = finite_number(body.get("expires_in"))
    return min(lives, LONGEST_SECONDS) if lives is not None and lives > 0 else default
