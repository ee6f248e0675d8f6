"""URLs as planning compares them: what is no URL is like itself alone and goes to no host."""

from __future__ import annotations

import pytest

from controller.planning.desired.references import host_of, is_allowed_host
from controller.urls import normal_url

NO_URLS = ("https://scim.example.com:99999/x", "https://[::1", "https://a:²/")


@pytest.mark.parametrize("url", NO_URLS)
def test_what_is_no_url_goes_to_no_host(url: str) -> None:
    assert normal_url(url) == url.rstrip("/")
    assert host_of(url) == ""
    assert not is_allowed_host(url, frozenset({"scim.example.com"}))


def test_a_url_by_its_host() -> None:
    assert host_of("https://[::1]:8443/x") == "[::1]:8443"
    assert is_allowed_host("https://scim.example.com/x", frozenset({"scim.example.com:443"}))
