"""The outermost layer of the site: answers with kept pages, keeps pages, counts answers."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from webob.datetime_utils import parse_date

from cr.headers import CONDITIONS, has_already, request_id
from cr.page_cache import ASKING, Asking
from cr.page_cache.memory import Address, Headers, Memory, Page
from cr.page_cache.tally import Tally

LONGEST_QUERY = 64
"""Characters. No link of ours has more; others could fill the memory with pages that nobody asks for again."""

REQUEST_ID = "X-Request-Id"
NOT_IN_304 = ("Content-Type", "Content-Length")


class Layer:
    """A WSGI application around Pyramid's."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.registry = app.registry
        self._memory: Memory = self.registry["cr.page_cache"]
        self._answers: Tally = self.registry["cr.answers"]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        today: date = self.registry["cr.clock"]().date()
        address = _address(environ)
        page = self._memory.get(address, today) if address else None
        if page is None:
            page, rest = self._made(environ, start_response, address, today)
            if page is None:
                return rest
        return self._send(page, environ, start_response)

    def _made(
        self, environ: dict[str, Any], start_response: Any, address: Address | None, today: date
    ) -> tuple[Page | None, Iterable[bytes]]:
        """What Pyramid answers: a page to keep, or what has been answered already."""
        asking = environ[ASKING] = Asking(
            self._memory.ticket() if address and environ["REQUEST_METHOD"] == "GET" else None
        )
        conditions = {each: environ[each] for each in CONDITIONS if each in environ}
        begun: list[Any] = []
        body = self._app(environ, lambda *answer: begun.extend(answer))
        status, headers = begun[:2]
        if asking.keep:
            self._memory.missed()
            if asking.ticket is not None and address and _may_be_kept(headers):
                content = b"".join(body)
                told = dict(headers)
                changed = parse_date(told["Last-Modified"]) if "Last-Modified" in told else None
                page = Page(headers, content, told["ETag"].strip('"'), changed, asking.rule, today)
                self._memory.put(address, page, asking.ticket)
                # The view has not seen them, so that it made the whole page.
                environ.update(conditions)
                return page, ()
        self._answers.add(status[0])
        start_response(status, headers)
        return None, body

    def _send(self, page: Page, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        identifier = request_id(environ)
        headers: Headers = [(name, identifier if name == REQUEST_ID else value) for name, value in page.headers]
        if has_already(environ, page.etag, page.changed):
            self._answers.add("3")
            start_response("304 Not Modified", [each for each in headers if each[0] not in NOT_IN_304])
            return ()
        self._answers.add("2")
        start_response("200 OK", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (page.body,)


def _address(environ: dict[str, Any]) -> Address | None:
    """None where no kept page may be the answer; a GET with a body is for Pyramid to refuse."""
    query = environ.get("QUERY_STRING", "")
    has_body = environ.get("CONTENT_LENGTH", "0") not in ("0", "")
    if environ["REQUEST_METHOD"] not in ("GET", "HEAD") or has_body or len(query) > LONGEST_QUERY:
        return None
    return environ["PATH_INFO"], query


def _may_be_kept(headers: Headers) -> bool:
    """Whether nothing on the way out made it one person's own."""
    kept = dict(headers)
    return "Set-Cookie" not in kept and kept["Cache-Control"].startswith("public")
