"""How names are compared: one rule for the operator and for the provider that is bundled with it.

Called wherever a userName, a login, a group's name or an attribute's name is looked up without case. RFC 7643
section 2.2 (caseExact) and RFC 7644 section 5 ask for it; it equals scim2-models' default key. Lower case
rather than full case folding, which takes `straße` for `strasse`: those are two people. What merely looks
the same is for messages, never for a decision.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from unicodedata import category, name, normalize

_UNSEEN = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\U000e0000-\U000e0fff]")
"""Code points that are drawn as nothing and are in no category that says so (Default_Ignorable)."""
_DOTTED = str.maketrans({"ı": "i", "\u0307": None})
"""The i of Turkish, in any case: with full folding `İ` becomes `i` and a dot."""


def fold(text: str) -> str:
    """`text` as it is compared: NFC, in lower case. Two names are one if their folds are equal."""
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFC", text).lower())


def shape(text: str) -> str:
    """What the eye makes of `text`: without case, forms of a letter, spaces and what is drawn as nothing.
    Names of one shape may still be two people: only for messages."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text.lower()
    letters = normalize("NFKC", normalize("NFKC", text).casefold()).translate(_DOTTED)
    return "".join(letter for letter in letters if not _is_unseen(letter))


def _is_unseen(letter: str) -> bool:
    return letter.isspace() or category(letter) in ("Cf", "Cc") or _UNSEEN.match(letter) is not None


def difference(one: str, other: str) -> str:
    """In what two names differ that look the same: `only in Unicode normalization`. "" if they are equal, if
    they differ in case alone, or if anybody sees the difference."""
    if one == other or shape(one) != shape(other):
        return ""
    left, right = normalize("NFC", one), normalize("NFC", other)
    if fold(one) == fold(other):
        is_case_only = one.lower() == other.lower()
        return "" if is_case_only else "only in Unicode normalization: composed and decomposed letters"
    hidden = _unseen_in(left) ^ _unseen_in(right)
    if hidden:
        return f"in characters that are not seen: {_listed(hidden)}"
    pairs = list(zip_longest(left, right, fillvalue=""))
    by_weight = sorted(pairs, key=lambda pair: (fold(pair[0]) == fold(pair[1]), pair[0] == pair[1]))
    return f"in letters that look alike: {_listed(set(by_weight[0]) - {''})}"


def _unseen_in(text: str) -> set[str]:
    return {letter for letter in text if _is_unseen(letter)}


def _listed(letters: set[str]) -> str:
    return ", ".join(f"U+{ord(letter):04X} {name(letter, '')}".rstrip() for letter in sorted(letters))
