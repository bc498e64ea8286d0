"""Refusing what another site makes a browser send in its person's name.

Three layers, each of which is enough with a present browser:

- The session cookie is SameSite=Lax.
- Whatever changes something must come from here, if the browser says where it comes from (`Origin`, `Sec-Fetch-Site`).
  A script that sends neither header is nobody's browser and is served.
- A form carries a token that only this browser's own pages hold. JSON needs none: another site's page can't send that
  content type without asking first, and is never allowed to. A file that is sent to the JSON API needs none either,
  for its clients have none; there the first two layers are all.
"""

from __future__ import annotations

import hmac
from typing import Any

from markupsafe import Markup
from pyramid.events import NewRequest
from pyramid.interfaces import ICSRFStoragePolicy
from zope.interface import implementer

from cr.errors import Forbidden, InvalidJson
from cr.headers import not_kept
from cr.multipart import takes_files
from cr.security import SESSION_COOKIE

FIELD, HEADER = "csrf_token", "X-CSRF-Token"
PURPOSE = "browser"
BROWSER_LIFETIME = 24 * 60 * 60
"""Seconds for which a browser is known again: longer than a form stays open or a link works."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})

FROM_ELSEWHERE = "This was sent from another site, so nothing was changed. Please do it from our own page."
STALE_FORM = (
    "This page was open for long, or you signed in or out in between. Nothing was changed. "
    "Go back, reload the page and send it again."
)


def browser_cookie(request: Any) -> str:
    """The name of the cookie. To browsers the prefix means: set by this very host, over TLS, and by no other."""
    return "__Host-cr_browser" if request.settings.production else "cr_browser"


def known_browser(request: Any) -> str | None:
    """The token that this browser was given earlier, if it was."""
    token: str | None = request.cookies.get(browser_cookie(request))
    return token if token and request.registry["cr.tokens"].is_ours(PURPOSE, token) else None


def browser(request: Any) -> str:
    """The token of this browser, given now if need be: it is how a form or a mailed link is bound to it."""
    token: str = known_browser(request) or request.registry["cr.tokens"].make(PURPOSE)

    def remember(request: Any, response: Any) -> None:
        response.set_cookie(
            browser_cookie(request),
            token,
            max_age=BROWSER_LIFETIME,
            path="/",
            secure=request.settings.production,
            httponly=True,
            samesite="Lax",
        )
        not_kept(request, response)

    request.add_response_callback(remember)
    return token


@implementer(ICSRFStoragePolicy)
class CsrfPolicy:
    """The token is a keyed hash of a secret that the browser has anyway: its session, or what `browser` gave it.

    So nothing is stored, and signing in or out changes it.
    """

    def get_csrf_token(self, request: Any) -> str:
        """For a page that shows a form; such a page is one person's own and is not kept."""
        request.add_response_callback(not_kept)
        return self._token(request, request.cookies.get(SESSION_COOKIE) or request.browser)

    def new_csrf_token(self, request: Any) -> str:
        return self.get_csrf_token(request)

    def check_csrf_token(self, request: Any, supplied: str) -> bool:
        """True, or raises: `InvalidJson` for a body that should have been JSON, else `Forbidden`."""
        secret = request.cookies.get(SESSION_COOKIE) or known_browser(request)
        if secret and hmac.compare_digest(self._token(request, secret).encode(), supplied.encode()):
            return True
        if request.is_api and not supplied:
            raise InvalidJson("Send the body as application/json.")
        raise Forbidden(STALE_FORM)

    def _token(self, request: Any, secret: str) -> str:
        proof: bytes = request.registry["cr.tokens"].hash("form", secret)
        return proof.hex()


def csrf_field(request: Any) -> Markup:
    """The hidden input that every form with method="post" needs."""
    token = request.registry.getUtility(ICSRFStoragePolicy).get_csrf_token(request)
    return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, token)


def is_form(request: Any) -> bool:
    """Whether a token is needed: always, but below /api for JSON, for no body at all, and where files are taken."""
    if not request.is_api:
        return True
    bare = not request.is_body_readable or request.content_type.lower() == "application/json"
    return not (bare or takes_files(request))


def refuse_other_sites(event: NewRequest) -> None:
    """Raises `Forbidden` for a change that a browser says it was sent from elsewhere."""
    request = event.request
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("Origin")
    ours = {each.lower() for each in (request.host_url, request.settings.app_origin) if each}
    if origin is not None and origin.lower() not in ours:
        raise Forbidden(FROM_ELSEWHERE)
    # "none": the person did it without any page, from the address bar or a bookmark.
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        raise Forbidden(FROM_ELSEWHERE)


def includeme(config: Any) -> None:
    config.add_request_method(browser, "browser", reify=True)
    config.add_request_method(csrf_field)
    config.set_csrf_storage_policy(CsrfPolicy())
    # Pyramid's own origin check looks at HTTPS only and refuses scripts; `refuse_other_sites` stands in for it.
    config.set_default_csrf_options(require_csrf=True, token=FIELD, header=HEADER, check_origin=False, callback=is_form)
    config.add_subscriber(refuse_other_sites, NewRequest)
