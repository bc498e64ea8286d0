"""Where a request really comes from, and under which name the site is known.

Anybody can send `Host` and `X-Forwarded-*`. The latter are believed from one peer only: CLOUDRON_PROXY_IP, or without
it a proxy on this machine. From all others they are removed before anything can read them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

from cr.errors import ServerMisconfigured
from cr.settings import SettingsError

Address = IPv4Address | IPv6Address

FORWARDED = ("FORWARDED", "X_FORWARDED_FOR", "X_FORWARDED_HOST", "X_FORWARDED_PROTO", "X_FORWARDED_PORT", "X_REAL_IP")

# The whole header, port and all: "localhost:80@example.org" is a host name of example.org.
THIS_MACHINE = re.compile(r"(localhost|127(\.[0-9]{1,3}){3}|\[::1\])(:[0-9]{1,5})?")


def parsed(text: str | None) -> Address | None:
    """The address, an IPv4 one that is written as IPv6 in its own form; None for anything else."""
    try:
        address = ip_address((text or "").strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


class TrustedProxy:
    """Rewrites the environ of a request as the trusted proxy describes it."""

    def __init__(self, proxy: Address | None) -> None:
        self._proxy = proxy

    def trusts(self, address: Address | None) -> bool:
        if address is None:
            return False
        return address == self._proxy if self._proxy else address.is_loopback

    def rewrite(self, environ: dict[str, Any]) -> None:
        forwarded = {name: environ.pop(f"HTTP_{name}", "") for name in FORWARDED}
        if not self.trusts(parsed(environ.get("REMOTE_ADDR"))):
            return
        # Each proxy appends whom it heard from: the right-most address that isn't our proxy is the last that we have
        # from somebody we believe. What stands left of it anybody may have written.
        for hop in reversed(forwarded["X_FORWARDED_FOR"].split(",")):
            address = parsed(hop)
            if address is None:
                break
            environ["REMOTE_ADDR"] = str(address)
            if not self.trusts(address):
                break
        if forwarded["X_FORWARDED_PROTO"] in ("http", "https"):
            environ["wsgi.url_scheme"] = forwarded["X_FORWARDED_PROTO"]
        if forwarded["X_FORWARDED_HOST"]:
            environ["HTTP_HOST"] = forwarded["X_FORWARDED_HOST"].rpartition(",")[2].strip()


def proxy_tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    proxy: TrustedProxy = registry["cr.proxy"]

    def proxy_tween(request: Any) -> Any:
        proxy.rewrite(request.environ)
        return handler(request)

    return proxy_tween


def public_origin(request: Any) -> str:
    """The origin for links that leave the site in a mail, without a slash at the end.

    It is CLOUDRON_APP_ORIGIN. Without that, a `Host` is believed only if it names this machine itself, for no other can
    be told from one that somebody made up to have a stranger's token sent to them. Raises `ServerMisconfigured`.
    """
    if request.settings.app_origin:
        return str(request.settings.app_origin)
    if not THIS_MACHINE.fullmatch(request.host):
        raise ServerMisconfigured("This server does not know its own address: CLOUDRON_APP_ORIGIN is not set.")
    return str(request.host_url)


def client_network(request: Any) -> str:
    """Who is asking, for counting: an IPv4 address, or the /64 of an IPv6 one, which is what one person is given."""
    address = parsed(request.environ.get("REMOTE_ADDR"))
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return str(address or "unknown")


def includeme(config: Any) -> None:
    given = config.registry["cr.settings"].proxy_ip
    proxy = parsed(given)
    if given and proxy is None:
        raise SettingsError("CLOUDRON_PROXY_IP: write an IP address, such as 172.18.0.1")
    config.registry["cr.proxy"] = TrustedProxy(proxy)
    config.add_request_method(client_network, "client_network", reify=True)
    config.add_tween("cr.proxy.proxy_tween_factory")
