"""Who is believed about where a request comes from."""

from __future__ import annotations

from typing import Any

import pytest

from cr.proxy import TrustedProxy, parsed
from cr.settings import SettingsError
from tests.fixtures.site import MakeApp


def seen(proxy: str | None, peer: str | None, **headers: str) -> tuple[str | None, str, str]:
    """The address, the scheme and the host that the site sees."""
    environ: dict[str, Any] = {"wsgi.url_scheme": "http", "HTTP_HOST": "inside:3000"}
    if peer:
        environ["REMOTE_ADDR"] = peer
    environ |= {f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()}
    TrustedProxy(parsed(proxy)).rewrite(environ)
    assert not [name for name in environ if "FORWARDED" in name]
    return environ.get("REMOTE_ADDR"), environ["wsgi.url_scheme"], environ["HTTP_HOST"]


FORWARDED = {"for": "203.0.113.9", "proto": "https", "host": "rules.example"}


@pytest.mark.parametrize(
    ("proxy", "peer"),
    [
        ("172.18.0.1", "172.18.0.1"),
        ("172.18.0.1", "::ffff:172.18.0.1"),
        ("fd00::1", "fd00:0::1"),
        (None, "127.0.0.1"),
        (None, "::1"),
    ],
)
def test_the_trusted_proxy_is_believed(proxy: str | None, peer: str) -> None:
    assert seen(proxy, peer, **FORWARDED) == ("203.0.113.9", "https", "rules.example")


@pytest.mark.parametrize(
    ("proxy", "peer"),
    [("172.18.0.1", "172.18.0.2"), ("172.18.0.1", "127.0.0.1"), (None, "203.0.113.7"), (None, None)],
)
def test_nobody_else_is_believed(proxy: str | None, peer: str | None) -> None:
    assert seen(proxy, peer, **FORWARDED) == (peer, "http", "inside:3000")


@pytest.mark.parametrize(
    ("hops", "client"),
    [
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("198.51.100.1, 203.0.113.9, 172.18.0.1", "203.0.113.9"),
        ("203.0.113.9, nonsense", "172.18.0.1"),
        ("nonsense, 203.0.113.9", "203.0.113.9"),
        ("2001:db8::7", "2001:db8::7"),
        ("", "172.18.0.1"),
    ],
)
def test_the_client_is_the_rightmost_address_that_is_not_our_proxy(hops: str, client: str) -> None:
    assert seen("172.18.0.1", "172.18.0.1", **{"for": hops})[0] == client


def test_only_schemes_of_the_web_are_taken_over() -> None:
    assert seen(None, "127.0.0.1", proto="javascript")[1] == "http"


def test_a_proxy_that_is_no_address_stops_the_start(make_app: MakeApp) -> None:
    with pytest.raises(SettingsError, match=r"^CLOUDRON_PROXY_IP: "):
        make_app(CLOUDRON_PROXY_IP="proxy.example")
