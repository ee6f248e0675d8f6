"""Which URLs may be called."""

from __future__ import annotations

import pytest

from controller.transport.urls import UrlRefused, check_url, origin


@pytest.mark.parametrize(
    "url",
    [
        "https://acme.okta.com",
        "https://scim.example.com:8443/scim/v2/acme",
        "http://127.0.0.1:8080",
        "http://localhost:9000/x",
        "http://[::1]:80",
    ],
)
def test_https_and_loopback_are_accepted(url: str) -> None:
    assert check_url(url + "/") == url


@pytest.mark.parametrize(
    ("url", "fix"),
    [
        ("http://scim.example.com", "use https"),
        ("ftp://x", "write https://"),
        ("acme.okta.com", "write https://"),
        ("https://", "write https://"),
        ("https://user:pw@host/x", "put them into the Secret"),
        ("https://host/x?tenant=1", "without ? and #"),
        ("https://host:99999/", "not a URL"),
        ("http://169.254.169.254/latest", "link-local or metadata"),
        ("https://169.254.10.1/", "link-local or metadata"),
        ("https://[fe80::1]/", "link-local or metadata"),
        ("https://[::ffff:169.254.169.254]/", "link-local or metadata"),
        ("https://2852039166/", "link-local or metadata"),
        ("https://0xa9fea9fe/", "link-local or metadata"),
        ("https://metadata.google.internal/", "link-local or metadata"),
        ("https://0.0.0.0/", "link-local or metadata"),
        ("http://provider.scim.svc/x", "SCIM_OPERATOR_ALLOW_HTTP_SERVICES"),
    ],
)
def test_a_refused_url_names_the_fix(url: str, fix: str) -> None:
    with pytest.raises(UrlRefused, match=fix.replace("?", r"\?")):
        check_url(url)


def test_services_in_the_cluster_are_plain_http_by_a_setting_only() -> None:
    assert check_url("http://provider.scim.svc:8000/x", True) == "http://provider.scim.svc:8000/x"
    with pytest.raises(UrlRefused):
        check_url("http://provider.svc.example.com/x", True)


def test_loopback_is_plain_http_only_where_it_is_allowed() -> None:
    with pytest.raises(UrlRefused, match="ALLOW_HTTP_LOOPBACK"):
        check_url("http://127.0.0.1:1", allow_http_loopback=False)


def test_an_org_url_has_no_path() -> None:
    with pytest.raises(UrlRefused, match=r"write only https://acme\.okta\.com"):
        check_url("https://acme.okta.com/admin", allow_path=False)


def test_origin_fills_in_the_port_and_ignores_case() -> None:
    assert origin("https://ACME.okta.com/a") == origin("https://acme.okta.com:443/b")
    assert origin("https://acme.okta.com") != origin("https://acme.okta.com:8443")
