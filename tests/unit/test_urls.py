"""The form in which URLs are compared."""

from __future__ import annotations

import pytest

from controller.urls import normal_authority, normal_path, normal_url, parse_address


@pytest.mark.parametrize(
    ("url", "normal"),
    [
        ("https://h", "https://h"),
        ("https://h/..", "https://h"),
        (" https://h/a/ ", "https://h/a"),
        ("https://u:p@h/x?y#z", "https://h/x"),
        ("https://b\u00fccher.example/\u00fc", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://stra\u00dfe.example", "https://xn--strae-oqa.example"),
        ("https://[2001:DB8:0::1]:443/", "https://[2001:db8::1]"),
        ("https://h/a%2541", "https://h/a%2541"),
        ("https://h/%2f%3a", "https://h/%2F%3A"),
        ("https://h:99999/", "https://h:99999"),
        ("https://\u2603/a/", "https://\u2603/a"),
        ("https:///x", "https:///x"),
        ("", ""),
    ],
)
def test_urls_of_one_place_have_one_form(url: str, normal: str) -> None:
    assert normal_url(url) == normal


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("SCIM.Example.com", "scim.example.com"),
        ("scim.example.com:443", "scim.example.com"),
        ("scim.example.com:80", "scim.example.com:80"),
        ("[::1]:8080", "127.0.0.1:8080"),
        ("::1", "127.0.0.1"),
        (" localhost:8080 ", "127.0.0.1:8080"),
        ("2001:db8::1", "[2001:db8::1]"),
        *((text, "") for text in ("a/b", "u@h", "h:x", "https://h", "")),
    ],
)
def test_hosts_are_compared_with_the_port_that_is_not_the_schemes_own(text: str, normal: str) -> None:
    assert normal_authority(text, "https") == normal


def test_paths_keep_what_a_server_may_tell_apart() -> None:
    assert normal_path("/A/%7euser//b/./c/../d/") == "/A/~user/b/d"
    assert normal_path("/a;b=1/@x") == "/a;b=1/@x"


def test_addresses_are_read_in_any_form_and_names_are_none() -> None:
    assert str(parse_address("0x7f.1")) == "127.0.0.1"
    assert parse_address("face.example") is None
    assert parse_address("1.2.3.4 x") is None
    assert parse_address("999.999.999.999") is None
