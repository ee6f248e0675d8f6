"""`scimctl probe URL`: whether a health or readiness page answers with success; for `helm test` and probes.

The image has no curl, and needs none.
"""

from __future__ import annotations

from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from controller.cli.terminal import emit
from controller.errors import SpecError, clip
from controller.parsing import split_url

SECONDS = 10.0
MOST_BYTES = 500


def probe(url: str) -> bool:
    """Whether `url` answers 2xx within ten seconds; prints what it answers, or why there is no answer.
    SpecError where it is no HTTP URL."""
    try:
        is_http = split_url(url).scheme in ("http", "https")
    except ValueError:
        is_http = False
    if not is_http:
        raise SpecError("has to be an http or https URL", field="URL")
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=SECONDS) as answer:
            emit(f"{url}: {_text(answer.read(MOST_BYTES))}")
            return True
    except HTTPError as error:
        emit(f"{url}: {error.code} {_text(error.read(MOST_BYTES))}")
    except (OSError, HTTPException, ValueError) as error:
        emit(f"{url}: {clip(str(getattr(error, 'reason', None) or error), 200)}")
    return False


def _text(body: bytes) -> str:
    return " ".join(body.decode("utf-8", "replace").split())
