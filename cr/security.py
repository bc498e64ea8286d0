"""Who is asking, and what they may do.

Identity is read from the session cookie only when something depends on it, so that a public page costs no query for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any
from uuid import UUID

from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.request import RequestLocalCache
from pyramid.viewderivers import INGRESS
from webob.cookies import make_cookie

from cr.accounts import Identity, sessions
from cr.projections import organizers, writers

SESSION_COOKIE = "cr_session"


def take_turns(view: Callable[[Any, Any], Any], info: Any) -> Callable[[Any, Any], Any]:
    """The view option `takes_turns`: what changes or ends an account is done for a person one after the other.

    Said before the permission is asked for, which reads the session.
    """
    if not info.options.get("takes_turns"):
        return view

    def in_turn(context: Any, request: Any) -> Any:
        request.takes_turns = True
        return view(context, request)

    return in_turn


take_turns.options = ("takes_turns",)  # type: ignore[attr-defined]


class Permission(StrEnum):
    """`scope:resource:action`; who has which is in the ACLs of `cr.resources`."""

    ACCOUNT_OWN = "people:account:own"
    DRAFT_START = "drafts:draft:start"
    DRAFT_READ = "drafts:draft:read"
    DRAFT_EDIT = "drafts:draft:edit"
    RULES_MINE = "rules:rule:list-mine"
    RULE_PUBLISH = "rules:rule:publish"
    RULE_READ = "rules:rule:read"
    RULE_EDIT = "rules:rule:edit"
    RULE_OWN = "rules:rule:own"
    RULE_LEAVE = "rules:rule:leave"
    TEAM_SEE = "teams:team:see"
    TEAM_LEAD = "teams:team:lead"
    UPLOAD_ADD = "uploads:upload:add"


IN_TEAM = {"organizer": organizers.includes, "writer": writers.includes}
"""Kinds of principals that the read models know of, each time anew: who is removed is so at once."""


class Principals:
    """Who the asker counts as: everyone, and once it matters, somebody who is signed in (`account:ID`), an organizer of
    a rule (`organizer:ID`), its owner or whom the owner let in, and whom the owner of a draft let in to write it
    (`writer:ID`).
    """

    def __init__(self, request: Any) -> None:
        self._request = request

    def __contains__(self, principal: str) -> bool:
        kind, _, name = principal.partition(":")
        if kind in IN_TEAM:
            return self._takes_part(kind, UUID(name))
        return principal == Everyone or principal in self._signed_in()

    def __iter__(self) -> Iterator[str]:
        yield Everyone
        yield from self._signed_in()

    def _signed_in(self) -> tuple[str, ...]:
        identity = self._request.identity
        return (Authenticated, f"account:{identity.account_id}") if identity else ()

    def _takes_part(self, kind: str, identifier: UUID) -> bool:
        identity = self._request.identity
        return identity is not None and IN_TEAM[kind](self._request.dbsession, identifier, identity.account_id)


class SecurityPolicy:
    """Pyramid's security policy: sessions for who, ACLs for what."""

    def __init__(self) -> None:
        self._identities = RequestLocalCache(self._load)
        self._acl = ACLHelper()

    def identity(self, request: Any) -> Identity | None:
        """Raises `DatabaseUnavailable`, or the database's own error, only where there is a session to look for."""
        identity: Identity | None = self._identities.get_or_create(request)
        return identity

    def _load(self, request: Any) -> Identity | None:
        token = request.cookies.get(SESSION_COOKIE)
        return sessions.find(request, token) if token else None

    def authenticated_userid(self, request: Any) -> str | None:
        identity = self.identity(request)
        return str(identity.account_id) if identity else None

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        return self._acl.permits(context, Principals(request), permission)

    def remember(self, request: Any, userid: UUID, **options: Any) -> list[tuple[str, str]]:
        """Sign in: a fresh session in place of the one this browser had. The headers carry its cookie."""
        self._end(request)
        return [self._cookie(request, sessions.start(request, userid), max_age=sessions.LIFETIME)]

    def forget(self, request: Any, **options: Any) -> list[tuple[str, str]]:
        """Sign out: end this browser's session, no other. The headers remove its cookie."""
        self._end(request)
        return [self._cookie(request, None)]

    def _end(self, request: Any) -> None:
        token = request.cookies.get(SESSION_COOKIE)
        if token:
            sessions.end(request, token)
        self._identities.clear(request)

    def _cookie(self, request: Any, value: str | None, **options: Any) -> tuple[str, str]:
        production = request.settings.production
        cookie = make_cookie(
            SESSION_COOKIE, value, path="/", secure=production, httponly=True, samesite="Lax", **options
        )
        return ("Set-Cookie", cookie)


def includeme(config: Any) -> None:
    config.set_security_policy(SecurityPolicy())
    # pyramid_tm would ask for the identity of every request, to write it into a note that nobody reads.
    config.add_settings({"tm.annotate_user": "false"})
    config.add_request_method(lambda request: False, "takes_turns", reify=True)
    config.add_view_deriver(take_turns, "takes_turns", under=INGRESS, over="secured_view")
    config.include("cr.csrf")
    config.include("cr.headers")
