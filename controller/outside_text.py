"""Text from outside, made fit to be shown: the one door to messages, status, events, logs, plans, terminals.

Whatever Okta, a provider, an API server or a person wrote may repeat a credential in any form, or hold
characters that a terminal or a page obeys. `shown` masks every credential in use, removes such characters and
bounds the length. It is called where messages are made (errors.clip) and again where they leave the process:
status and events (operator.cluster), log lines (logs), what scimctl prints (cli.terminal).

A credential is in use from the moment it is read or sent (`remember`), and stays masked when it was replaced:
the newest KEPT of them. Matching works on the text as a reader would decode it: percent, JSON, HTML and
backslash escapes are undone, white space and invisible characters are ignored, case and the two alphabets of
base64 do not count. A part of WINDOW characters is enough, if it is no word. Imports nothing of the package.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

MASK = "**********"
SHORTEST = 8
"""A shorter secret is not masked: it would be found in ordinary words."""
WINDOW = 12
"""So many characters of a credential in a row are masked; of a shorter credential, all of it."""
WORDS = 20
"""What WINDOW is for a part without any digit, which may be words of an ordinary message."""
_KEY = 8
_STEP = WINDOW - _KEY + 1
"""Keys of _KEY characters, one every _STEP: any WINDOW in a row hold one of them whole."""
KEPT = 20_000
"""Credentials that are remembered, the newest ones."""
LIMIT = 1024
_CACHED = 512

_ESCAPES = re.compile(
    r"%([0-9A-Fa-f]{2})|\\u\{?([0-9A-Fa-f]{4})\}?|\\x([0-9A-Fa-f]{2})|&#[xX]([0-9A-Fa-f]{1,6});|&#([0-9]{1,7});"
    r"|\\([0-3][0-7]{2})|\\(.)|&(amp|lt|gt|quot|apos|sol|plus|equals);"
    r"|0x([0-9A-Fa-f]{2})(?![0-9A-Fa-f])|=([0-9A-F]{2})"
)
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'", "sol": "/", "plus": "+", "equals": "="}
_TERMINAL = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_].*?(?:\x07|\x1b\\|\Z)|\x1b.?|\x9b[0-?]*[ -/]*[@-~]", re.DOTALL
)
_UNSEEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_NOTHING = re.compile("[\\s\"':;,|\x00-\x1f\x7f-\x9f]|" + _UNSEEN.pattern)
"""What may stand between the letters of a credential: a line break, a quotation mark, what nobody sees."""
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_\[\]!|~]|^[#+>-]|(?<=^[0-9])[.)])")
_MENTION = re.compile(r"(?<![\w.+-])@(?=\w)")
_LINK = re.compile(r"(?i)\b(?:https?|ftp|mailto)(?=:)|\bwww(?=\.)")
_JWT = re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?")
"""Assertions and proofs are made anew for each request: they are known by their look."""
_PLAIN = {ord(upper): upper.lower() for upper in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"} | {
    ord("-"): "+",
    ord("_"): "/",
}


class _Credentials:
    """Forms of the credentials in use, found by the windows in them."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._windows: dict[str, list[str]] = {}
        self._short: set[str] = set()
        self.version = 0

    def add(self, secret: str) -> None:
        if secret in self._kept:
            self._kept.move_to_end(secret)
            return
        forms = tuple(dict.fromkeys(form for form in _forms(secret) if len(form) >= SHORTEST))
        self._kept[secret] = forms
        for form in forms:
            self._index(form)
        if len(self._kept) > KEPT:
            self._forget_oldest()
        self.version += 1

    def _index(self, form: str) -> None:
        if len(form) < WINDOW:
            self._short.add(form)
        for key in _keys(form):
            self._windows.setdefault(key, []).append(form)

    def _forget_oldest(self) -> None:
        _, forms = self._kept.popitem(last=False)
        for form in forms:
            self._short.discard(form)
            for window in _keys(form):
                left = [other for other in self._windows.get(window, ()) if other is not form]
                if left:
                    self._windows[window] = left
                else:
                    self._windows.pop(window, None)

    def spans(self, plain: str) -> Iterator[tuple[int, int]]:
        """Where `plain`, normalised text, holds a part of a credential."""
        for form in self._short:
            at = plain.find(form)
            while at >= 0:
                yield at, at + len(form)
                at = plain.find(form, at + 1)
        windows, at = self._windows, 0
        last = len(plain) - _KEY
        while windows and at <= last:
            forms = windows.get(plain[at : at + _KEY])
            found = _widest(plain, at, forms) if forms is not None else None
            if found is None:
                at += 1
                continue
            yield found
            at = max(found[1] - _KEY + 1, at + 1)


_CREDENTIALS = _Credentials()


def remember(secret: str) -> None:
    """From now on `secret`, which was read or sent, is masked wherever text is shown; not if it is shorter
    than SHORTEST."""
    stripped = secret.strip()
    if len(stripped) >= SHORTEST:
        _CREDENTIALS.add(stripped)


def masked(text: str) -> str:
    """`text` with MASK in place of every part of a credential in use, in whatever form."""
    if len(text) < SHORTEST:
        return text
    return _masked_short(text, _CREDENTIALS.version) if len(text) <= _CACHED else _masked(text)


@lru_cache(maxsize=8192)
def _masked_short(text: str, version: int) -> str:
    """The same texts are shown again and again: conditions, names, columns."""
    return _masked(text)


def _masked(text: str) -> str:
    if "eyJ" in text:
        text = _JWT.sub(MASK, text)
    has_escapes = any(sign in text for sign in ("%", "\\", "&", "=", "0x"))
    if not has_escapes and next(_CREDENTIALS.spans(_normal(text)), None) is None:
        return text
    spans: list[tuple[int, int]] = []
    for plain, places in _readings(text):
        spans += [(places[start][0], places[end - 1][1]) for start, end in _CREDENTIALS.spans(plain)]
    if not spans:
        return text
    parts, done = [], 0
    for start, end in sorted(spans):
        if start >= done:
            parts += [text[done:start], MASK]
        done = max(done, end)
    return "".join(parts) + text[done:]


def clean(text: str) -> str:
    """`text` without what a terminal obeys or nobody sees: escape sequences, control and bidirectional
    characters, characters of no width. Lines and tabs stay; half a surrogate pair becomes U+FFFD."""
    plain = _SURROGATE.sub("\ufffd", _unsequenced(text))
    if plain.isprintable() and (plain.isascii() or not _UNSEEN.search(plain)):
        return plain
    return "".join([_seen(letter) for letter in _CONTROL.sub(" ", _UNSEEN.sub("", plain))])


def _seen(letter: str) -> str:
    """`letter`, or what stands for it: a joiner belongs to its word, a code point of no meaning is shown as
    such."""
    if letter.isprintable() or letter in "\n\t\u200c\u200d":
        return letter
    return " " if letter.isspace() else "\ufffd"


def _unsequenced(text: str) -> str:
    """`text` without sequences that a terminal obeys. They go before masking: what stood on both sides of one
    stands together then."""
    return _TERMINAL.sub("", text) if "\x1b" in text or "\x9b" in text else text


def _fit(text: str) -> str:
    return clean(masked(_unsequenced(text)))


def shown(text: str, limit: int = LIMIT) -> str:
    """`text` for a message: masked, cleaned, on one line of at most `limit` characters."""
    # Only what can be shown is looked at, with room for what goes away and for a credential at the cut.
    flat = " ".join(_fit(text[: 8 * limit + 4096]).split())
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"


def shown_block(text: str) -> str:
    """`text` of many lines, masked and cleaned."""
    return _fit(text)


def shown_tree(value: Any) -> Any:
    """`value`, a JSON value, with every text in it masked and cleaned, keys too."""
    if isinstance(value, str):
        return _fit(value) if value else value
    if isinstance(value, dict):
        return {shown_tree(key): shown_tree(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown_tree(item) for item in value]
    return value


def markdown(text: str) -> str:
    """`text` as Markdown that shows just that: no link, image, mention, HTML or emphasis comes of it."""
    flat = " ".join(_fit(text).split())
    escaped = _MARKDOWN.sub(r"\\\1", flat.replace("&", "&amp;").replace("<", "&lt;"))
    # A mention needs the sign directly before a name, a bare link its scheme: what has no width parts them.
    return _LINK.sub(r"\g<0>&#8203;", _MENTION.sub("@&#8203;", escaped))


def _forms(secret: str) -> Iterator[str]:
    """How a careless or hostile server may repeat `secret`, normalised."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield _normal(secret)
    yield _normal(secret[::-1])
    yield raw.hex()
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode().rstrip("=")
        # The letters at both ends depend on what stands next to the secret.
        yield _normal(encoded[(0, 2, 3)[shift] :][: None if (len(raw) + shift) % 3 == 0 else -1])


def _normal(text: str) -> str:
    """`text` as it is compared: without what separates, in lower case, in one alphabet of base64."""
    return _NOTHING.sub("", "".join(map(_narrow, text)) if not text.isascii() else text).translate(_PLAIN)


def _narrow(letter: str) -> str:
    """A wide or styled letter as the plain one that a reader takes it for."""
    plain = unicodedata.normalize("NFKC", letter)
    return plain if len(plain) == 1 else letter


def _keys(form: str) -> Iterator[str]:
    if len(form) >= WINDOW:
        yield from (form[at : at + _KEY] for at in range(0, len(form) - _KEY + 1, _STEP))


def _readings(text: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """`text` as it is and as its escapes read, up to three times decoded: normalised, with the place in
    `text` of each character."""
    narrow = text if text.isascii() else "".join(map(_narrow, text))
    letters = [(letter, (at, at + 1)) for at, letter in enumerate(narrow)]
    for _ in range(4):
        kept = [(letter, place) for letter, place in letters if not _NOTHING.match(letter)]
        yield "".join([letter for letter, _ in kept]).translate(_PLAIN), [place for _, place in kept]
        decoded = _replaced(letters, _ESCAPES, _unescaped)
        if len(decoded) == len(letters):
            return
        # An escape may have spelled out a sequence of the terminal.
        letters = _replaced(decoded, _TERMINAL, lambda match: "")


def _gives_away(part: str, form: str) -> bool:
    if len(part) < WINDOW:
        return False
    return len(part) >= min(WORDS, len(form)) or any(letter.isdigit() for letter in part)


Letters = list[tuple[str, tuple[int, int]]]


def _replaced(letters: Letters, pattern: re.Pattern[str], new: Callable[[re.Match[str]], str]) -> Letters:
    text = "".join([letter for letter, _ in letters])
    found, done = [], 0
    for match in pattern.finditer(text):
        found += letters[done : match.start()]
        place = (letters[match.start()][1][0], letters[match.end() - 1][1][1])
        if letter := new(match):
            found.append((letter, place))
        done = match.end()
    return found + letters[done:]


def _unescaped(match: re.Match[str]) -> str:
    hexadecimal = match[1] or match[2] or match[3] or match[4] or match[9] or match[10]
    if hexadecimal:
        code = int(hexadecimal, 16)
    elif match[5] or match[6]:
        code = int(match[5]) if match[5] else int(match[6], 8)
    elif match[8]:
        return _NAMED[match[8]]
    else:
        return " " if match[7] in "nrtbfv" else str(match[7])
    return chr(code) if code < 0x110000 else "\ufffd"


def _widest(plain: str, at: int, forms: list[str]) -> tuple[int, int] | None:
    """The longest stretch around the key at `at` that `plain` shares with one of `forms` and that gives a
    credential away; None for none."""
    best: tuple[int, int] | None = None
    window = plain[at : at + _KEY]
    for form in forms:
        place = form.find(window)
        start, before = at, place
        while start > 0 and before > 0 and plain[start - 1] == form[before - 1]:
            start, before = start - 1, before - 1
        end, behind = at + _KEY, place + _KEY
        while end < len(plain) and behind < len(form) and plain[end] == form[behind]:
            end, behind = end + 1, behind + 1
        gives_away = _gives_away(plain[start:end], form)
        if gives_away and (best is None or end - start > best[1] - best[0]):
            best = (start, end)
    return best
