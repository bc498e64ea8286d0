"""Every refusal and every failure, in words: JSON for programs, a page for people."""

from __future__ import annotations

import logging
from typing import Any

import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError, OperationalError
from pyramid.events import ContextFound, NewRequest, subscriber
from pyramid.exceptions import PredicateMismatch
from pyramid.httpexceptions import HTTPException, HTTPNotFound, HTTPSeeOther
from pyramid.interfaces import IExceptionResponse
from pyramid.location import lineage
from pyramid.renderers import render_to_response
from pyramid.response import Response
from pyramid.view import exception_view_config, forbidden_view_config, notfound_view_config
from pyramid_retry import is_last_attempt

from cr.db import is_disconnect
from cr.errors import (
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    Gone,
    InvalidJson,
    NotFound,
    PayloadTooLarge,
    Problem,
    RateLimited,
    SignedOut,
    Unauthorized,
)
from cr.multipart import FIELDS_MOST, FILES_MOST, TEXTS_MOST, is_multipart, takes_files
from cr.resources import root_factory
from cr.views.api.body import BYTES_MOST as JSON_MOST
from cr.views.typed import typed

log = logging.getLogger(__name__)

HEADINGS = {
    400: "Please look at this again",
    401: "Please sign in",
    403: "Not yours to change",
    404: "Nothing here",
    405: "That can’t be done here",
    409: "Somebody was faster",
    410: "Withdrawn",
    413: "That is too much at once",
    429: "One moment, please",
    500: "Something broke on our side",
    502: "The mail did not go out",
    503: "Back in a moment",
}


@exception_view_config(context=Problem)
def problem(error: Problem, request: Any) -> Response:
    return answer(request, error, 410 if isinstance(error, Gone) and not request.wants_json else error.status)


def answer(request: Any, error: Problem, status: int) -> Response:
    """The answer to `error`; what the person had typed comes back with it."""
    if request.wants_json:
        body: dict[str, Any] = {"error": {"code": error.code, "message": error.message}}
        if error.details:
            body["details"] = error.details
        response = render_to_response("json", body, request=request)
    else:
        response = render_to_response(
            "cr:templates/error.jinja2",
            {
                "status": status,
                "heading": HEADINGS.get(status, HEADINGS[500]),
                "message": error.message,
                "request_id": request.environ.get("cr.request_id", ""),
                # A body that was not read is not given back; the browser's own page still has it.
                "fields": [] if error.unread else typed(request),
                "back": {"url": _sign_in(request), "text": "Sign in"} if isinstance(error, Unauthorized) else None,
                "errors": None,
                "error": None,
                "section": None,
            },
            request=request,
        )
    response.status_int = status
    if isinstance(error, RateLimited):
        response.headers["Retry-After"] = str(error.seconds)
    elif status == 503:
        response.headers["Retry-After"] = "5"
    response.headers["Cache-Control"] = "no-store"
    return response


@notfound_view_config()
def not_found(error: Any, request: Any) -> Response:
    """Nothing at this address; or something, but not for this method, the only predicate that may fail."""
    if not isinstance(error, PredicateMismatch):
        return answer(request, NotFound(), 404)
    response = answer(request, MethodNotAllowed(), 405)
    response.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return response


class MethodNotAllowed(Problem):
    code, status = "validation_error", 405
    default = "This address does not take that kind of request."


class BadRequest(Problem):
    code, status = "validation_error", 400
    default = "The request could not be understood."
    unread = True


def _methods(request: Any) -> set[str]:
    """The methods that the views of this address take."""
    methods: set[str] = set()
    for each in request.registry.introspector.get_category("views"):
        view = each["introspectable"]
        here = isinstance(request.context, view["context"]) if isinstance(view["context"], type) else False
        if here and view["name"] == request.view_name and view["request_methods"]:
            given = view["request_methods"]
            methods.update([given] if isinstance(given, str) else given)
    return methods


BUSY = ("55P03", "57014", "40P01", "40001")
"""lock_not_available, query_canceled, and after every retry deadlock_detected, serialization_failure: the database is
there, but somebody holds what the request needs for too long."""


@subscriber(NewRequest)
def refuse_odd_bodies(event: NewRequest) -> None:
    """Before anything reads the body into fields."""
    request = event.request
    with_files = takes_files(request) and is_multipart(request)
    if (request.content_length or 0) > (FILES_MOST if with_files else JSON_MOST if request.is_api else TEXTS_MOST):
        raise PayloadTooLarge()
    if not request.content_length or (request.is_api and request.content_type == "application/json"):
        return
    plain = request.content_type == "application/x-www-form-urlencoded"
    if (request.charset or "UTF-8").upper() != "UTF-8" or not (plain or with_files or request.is_api):
        raise BadRequest("Send the form as a browser does, in UTF-8 and without files.")
    if with_files:
        return
    if request.content_type.startswith("multipart/"):
        raise InvalidJson("Send the body as application/json.")
    if request.body.count(b"&") >= FIELDS_MOST:
        raise PayloadTooLarge()


@subscriber(NewRequest)
def refuse_detours(event: NewRequest) -> None:
    """`/api/../drafts` would be a page that counts as the API to whoever looks at the address only."""
    segments = event.request.environ.get("PATH_INFO", "").strip("/").split("/")
    if any(segment in (".", "..") for segment in segments):
        raise HTTPNotFound()


@subscriber(ContextFound)
def one_address(event: ContextFound) -> None:
    """What follows the name of a view is no address of ours: only files have a path below their view."""
    request = event.request
    if request.subpath and request.view_name != "static":
        raise HTTPNotFound()


@forbidden_view_config()
def forbidden(error: Any, request: Any) -> Response:
    """A page sends who is not signed in to sign in, and back, but for what they wrote; a program gets 401 or 403."""
    if request.identity is not None:
        said = (each.refusal for each in lineage(request.context))
        return answer(request, Forbidden(next(filter(None, said), None)), 403)
    if request.is_api:
        return answer(request, Unauthorized(), 401)
    if typed(request):
        return answer(request, SignedOut(), 401)
    return HTTPSeeOther(_sign_in(request))


def _sign_in(request: Any) -> str:
    """The page to sign in, which leads back to this one, or to the page with the form that was sent."""
    page = request.path_qs
    if request.method not in ("GET", "HEAD") and "GET" not in _methods(request):
        origins = filter(None, (request.host_url, request.settings.app_origin))
        here = next((each for each in origins if (request.referer or "").startswith(f"{each}/")), None)
        page = request.referer.removeprefix(here) if here else None
    query = {"next": page} if page else {}
    url: str = request.resource_url(root_factory(request), "login", query=query)
    return url


@exception_view_config(context=IExceptionResponse)
def http_error(error: HTTPException, request: Any) -> Any:
    """What Pyramid and WebOb raise themselves: bad encodings in the address and so on. Redirects pass."""
    if error.status_int < 400:
        return error
    if error.status_int == 404:
        return answer(request, NotFound(), 404)
    return answer(request, BadRequest() if error.status_int < 500 else Problem(), error.status_int)


@exception_view_config(context=UnicodeDecodeError)
def bad_encoding(error: UnicodeDecodeError, request: Any) -> Response:
    return answer(request, BadRequest(), 400)


@exception_view_config(context=IntegrityError)
@exception_view_config(context=OperationalError)
def lost_race(error: Exception, request: Any) -> Response:
    """Still in the way after every retry."""
    cause = error.__cause__
    if cause is not None and is_disconnect(cause):
        return database_away(cause, request)
    if is_last_attempt(request):
        log.warning("Gave up after retries: %s", error)
    return answer(request, Conflict(), 409)


def tried_again(error: Exception, request: Any) -> bool:
    """Whether the request begins anew because of `error`, which is then nothing to tell anybody.

    Asked of the transaction: pyramid_tm marks the error only when its view is done.
    """
    under_way = "tm.active" in request.environ and not is_last_attempt(request)
    return under_way and bool(request.tm.get().isRetryableError(error))


@exception_view_config(context=sa.exc.SQLAlchemyError)
def database_error(error: sa.exc.SQLAlchemyError, request: Any) -> Response:
    if tried_again(error, request):
        return answer(request, DatabaseUnavailable(), 503)  # that nobody gets to see
    busy = getattr(getattr(error, "orig", None), "pgcode", None) in BUSY
    return database_away(error, request) if busy or is_disconnect(error) else unexpected(error, request)


def database_away(error: BaseException, request: Any) -> Response:
    log.warning("The database is away: %s", str(getattr(error, "orig", error)).strip())
    return answer(request, DatabaseUnavailable(), 503)


@exception_view_config(context=Exception)
def unexpected(error: Exception, request: Any) -> Response:
    log.exception("Unexpected error at %s %s", request.method, request.path, exc_info=error)
    return answer(request, Problem(), 500)
