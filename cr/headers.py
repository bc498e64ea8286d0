"""What every answer says to the browser, errors included."""

from __future__ import annotations

import logging
import random
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from pyramid.response import Response
from webob.datetime_utils import parse_date
from webob.etag import ETagMatcher

from cr.security import SESSION_COOKIE

log = logging.getLogger(__name__)

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
    )
)

HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "browsing-topics=(), camera=(), geolocation=(), microphone=()",
    # Our addresses, and the tokens in some, are never told to another site. "no-referrer" would go too far: browsers
    # then send forms with "Origin: null", which `cr.csrf` refuses.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""A view that needs another value sets it itself."""

HSTS = "max-age=31536000"
"""A year. Not for subdomains: they may be other people's."""

REQUEST_ID = "cr.request_id"
"""Key of `request.environ`; the same value is the answer's x-request-id."""

SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,128}")


CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE")
"""Keys of the WSGI environment at which an asker says what they have."""


def has_already(environ: Mapping[str, Any], etag: str, changed: datetime | None) -> bool:
    """Whether the asker has the page with this tag, changed last at that moment: no need to send it again (304).

    A tag says more than a time, which counts in seconds, and wins (RFC 9110).
    """
    tags, since = (environ.get(each) for each in CONDITIONS)
    if tags is not None:
        return etag in ETagMatcher.parse(tags, strong=False)
    known = parse_date(since) if since and changed else None
    return known is not None and changed is not None and changed.replace(microsecond=0) <= known


def request_id(environ: Mapping[str, Any]) -> str:
    """The asker's own id if it is a sane one, so that a line in our log can be matched with one in theirs."""
    given: str = environ.get("HTTP_X_REQUEST_ID", "")
    # One has to differ from the others, and need not be kept from being guessed.
    return given if SANE_REQUEST_ID.fullmatch(given) else f"{random.getrandbits(128):032x}"


def not_kept(request: Any, response: Any) -> None:
    """A response callback, for an answer that is one person's own. It runs after this tween has looked for cookies."""
    response.headers["Cache-Control"] = "private, no-store"


def headers_tween_factory(handler: Callable[[Any], Any], registry: Any) -> Callable[[Any], Any]:
    production: bool = registry["cr.settings"].production

    def headers_tween(request: Any) -> Any:
        identifier = request.environ.setdefault(REQUEST_ID, request_id(request.environ))
        # As it was sent: decoding it may fail, and it may hold what would look like another line of the log.
        path = quote(request.environ.get("PATH_INFO", "").encode("latin-1"))
        try:
            response = handler(request)
        except Exception:  # the error page itself failed
            log.exception("No answer to %s %s", request.method, path)
            response = Response("Something broke on our side. Please try again.", 500, content_type="text/plain")
        # That the database is away (503) is said where it is noticed, and not once more for every poll of the health.
        if response.status_int >= 500 and response.status_int != 503:
            log.error("%s %s %s: %s", identifier, request.method, path, response.status)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if production:
            response.headers["Strict-Transport-Security"] = HSTS
        response.headers["X-Request-Id"] = identifier
        if "Set-Cookie" in response.headers:
            response.headers["Cache-Control"] = "private, no-store"
        elif "Cache-Control" not in response.headers:
            personal = SESSION_COOKIE in request.cookies or path.startswith("/api/") or response.status_int >= 400
            response.headers["Cache-Control"] = "private, no-store" if personal else "no-cache"
        return response

    return headers_tween


def includeme(config: Any) -> None:
    config.add_tween("cr.headers.headers_tween_factory")
