"""Public pages are answered from memory, and never after the moment at which they became old.

A view says that its page depends on nothing but the address, and on which rules; `params` names all the parameters of
its query that it looks at:

    @view_config(context=Revisions, request_method="GET", keep=Concerns.ITS_RULE, params=["before"])

Other parameters make no other page, and no work: who sends any is sent to the address without them.

`layer.py` keeps such a page and answers with it, before Pyramid hears of the request. Whoever changes what pages show
says so in the transaction that changes it: commands do it for every event of a rule, whatever else changes pages calls
`forget`. The commit tells this process before the answer leaves, and by a NOTIFY every process on the same database
(`listener.py`). A process that can't be sure to hear of changes keeps nothing and makes every page anew.

docs/adr/0029 has the reasons.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from enum import Enum, auto
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

import sqlalchemy as sa
from pyramid.httpexceptions import HTTPFound

from cr.headers import CONDITIONS
from cr.page_cache.listener import CHANNEL, Listener
from cr.page_cache.memory import Memory
from cr.page_cache.tally import Tally

ASKING = "cr.page_cache.asking"
"""Key of the WSGI environment at which `layer.py` and the view meet."""


class Concerns(Enum):
    """What a kept page is made of: the rule that its context has as `rule`, or any of the rules."""

    ITS_RULE = auto()
    EVERY_RULE = auto()


class Asking:
    """One request that may be answered with a kept page. `ticket` None: what it makes will not be kept."""

    def __init__(self, ticket: int | None) -> None:
        self.ticket = ticket
        self.keep = False
        self.rule: UUID | None = None
        self.shows_others = False


def shows_others(request: Any) -> None:
    """By a view that keeps pages of its rule: this page shows others too, so that any rule's change makes it old."""
    asking: Asking | None = request.environ.get(ASKING)
    if asking is not None:
        asking.shows_others = True


def announce(connection: sa.Connection, rules: Iterable[UUID] | None) -> None:
    """Tell every process that pages of these rules, or with None all pages, are old once this transaction commits.

    Not for what happens often: PostgreSQL lets one transaction that notifies commit at a time.
    """
    changed = [""] if rules is None else [str(each) for each in rules]
    connection.execute(
        sa.text("SELECT pg_notify(:channel, changed) FROM unnest(CAST(:changed AS text[])) AS changed"),
        {"channel": CHANNEL, "changed": changed},
    )


def forget(request: Any, rules: Iterable[UUID] | None) -> None:
    """As `announce`, in the request's own transaction; this process forgets before the answer leaves."""
    gone = None if rules is None else frozenset(rules)
    announce(request.dbsession.connection(), gone)
    memory: Memory = request.registry["cr.page_cache"]
    # Also when the commit failed: it may have been done in the database and not have been heard of here.
    request.tm.get().addAfterCommitHook(lambda committed: memory.forget(gone))


def follow(registry: Any) -> None:
    """Begin to keep pages: for a server, once its database is ready.

    Without CLOUDRON_APP_ORIGIN a page names the host that it was asked for, which anybody can make up: none is kept.
    """
    settings = registry["cr.settings"]
    if settings.page_cache_mb and settings.app_origin:
        Listener(registry["cr.engine"], registry["cr.page_cache"]).start()


def keep_view(view: Callable[[Any, Any], Any], info: Any) -> Callable[[Any, Any], Any]:
    """The view options `keep` and `params`: the view knows nobody, and whole answers of it may be kept."""
    concerns: Concerns | None = info.options.get("keep")
    if concerns is None:
        return view
    params = frozenset(info.options.get("params") or ())

    def kept(context: Any, request: Any) -> Any:
        query = _known(request.environ.get("QUERY_STRING", ""), params)
        if query is not None:
            # One slash: with two the browser would take what follows for the name of a site.
            return HTTPFound("/" + request.path.lstrip("/") + (query and f"?{query}"))
        # Everybody gets the same page. What a view can't see it can't put there.
        request.environ.pop("HTTP_COOKIE", None)
        asking: Asking | None = request.environ.get(ASKING)
        if asking is not None and asking.ticket is not None:
            # The whole page is wanted, to be kept. Whether the asker has it already is for the layer to see.
            for each in CONDITIONS:
                request.environ.pop(each, None)
        response = view(context, request)
        if response.status_int == 200:
            response.headers.setdefault("Cache-Control", "public, no-cache")
            if response.etag is None:
                response.md5_etag()
            if asking is not None:
                asking.keep = True
                alone = concerns is Concerns.ITS_RULE and not asking.shows_others
                asking.rule = context.rule.id if alone else None
        return response

    return kept


def _known(query: str, params: Collection[str]) -> str | None:
    """The query without what the view does not look at; None where it has nothing else."""
    given = parse_qsl(query, keep_blank_values=True, errors="surrogateescape")
    known = {name: value for name, value in given if name in params}
    if len(known) == len(given) and (given or not query):
        return None
    return urlencode(known, errors="surrogateescape")


keep_view.options = ("keep", "params")  # type: ignore[attr-defined]


def includeme(config: Any) -> None:
    config.registry["cr.page_cache"] = Memory(config.registry["cr.settings"].page_cache_mb * 2**20)
    # By the first digit of the status.
    config.registry["cr.answers"] = Tally()
    config.add_view_deriver(keep_view, "keep")
