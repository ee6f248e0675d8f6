"""The OpenAPI document of the admin API."""

from __future__ import annotations


def document_bytes() -> bytes:
    """The document as JSON."""
    return b"{}"
