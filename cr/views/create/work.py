"""What a person works on in the guided flow: their draft, or before they sign in what their browser keeps.

Every step reads and writes a `Work`, and need not know which of the two it is.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from pyramid.events import subscriber
from pyramid.httpexceptions import HTTPSeeOther

from cr.accounts import SignedIn, draft_addresses, guests
from cr.accounts.guests import Guest
from cr.db import one_at_a_time
from cr.errors import Conflict, Forbidden, NotFound, SignedOut
from cr.events.draft import Clashes, Draft, must_be_open
from cr.events.payload import PRIVATE, STEP, Payload, checked, flat, merged, nested
from cr.headers import not_kept
from cr.limits import Interval
from cr.projections import drafts
from cr.security import Permission
from cr.views.forms import refuse_sixth_value, seen_version

EMAILS = "stakeholderEmails"

MOVED = (
    "The draft of this browser moved to your account when the mailed link was opened elsewhere. What you just wrote is "
    "below: copy it. Then choose under Create how to go on here."
)


class Work(ABC):
    """`payload` is the text without people's addresses, `version` its number, 0 before the first save."""

    payload: dict[str, Any]
    version: int
    saved_at: datetime | None
    draft: Draft | None = None
    """The draft that it is, once somebody is signed in and has saved something."""
    mine = True
    """Whether it is nobody else's, who let this person in to write it."""
    moved = False
    """Whether this browser's text was taken to an account by a link opened elsewhere."""

    def __init__(self, request: Any) -> None:
        self.request = request

    @property
    def title(self) -> str:
        return str(self.payload.get("title") or "").strip()

    @property
    def query(self) -> dict[str, str]:
        """What an address of the flow needs so that it means this work."""
        return {"draft": str(self.draft.id)} if self.draft else {}

    def seen(self) -> int:
        """The version that the posted form was made for. Raises `ValidationProblem`."""
        return seen_version(self.request.POST.get("version", ""), self.version, least=0)

    def write(self, wanted: Payload, base_version: int, **origin: str) -> None:
        """Make the text what `wanted` says, written by somebody who saw `base_version`. `origin` is
        `source` and `of` of the draft that is started by it, if one is.

        Raises `Clashes`, `Conflict` for more than five values, and `ValidationProblem` for what is too much.
        """
        before = self.payload
        public = {key: value for key, value in self._canonical(wanted).items() if key not in PRIVATE}
        self._write(public, base_version, origin)
        if self.payload != public:
            self._canonical(self.payload)  # what two windows wrote may be too much together
        refuse_sixth_value(before, self.payload)

    def _canonical(self, wanted: Payload) -> dict[str, Any]:
        """As `checked`. A draft that began from a published rule may hold what no form would take: that may stay."""
        if self.draft is not None and self.draft.rule is not None:
            return nested(flat(wanted))
        return checked(wanted)

    @abstractmethod
    def before(self, version: int) -> dict[str, Any]:
        """The text as it was at `version`. Raises `Conflict` when that is not known any more."""

    @abstractmethod
    def _write(self, wanted: dict[str, Any], base_version: int, origin: Mapping[str, str]) -> None: ...

    @property
    @abstractmethod
    def emails(self) -> list[str]:
        """Whom to invite as stakeholders."""

    @abstractmethod
    def change_emails(self, change: Callable[[list[str]], list[str]]) -> None:
        """Nobody else changes them meanwhile. Raises what `change` raises, and `Conflict`."""

    def at(self, step: str) -> None:
        """Keep where the person is. Not for somebody who has written nothing yet."""
        if self.version and self.payload.get(STEP) != step:
            self.write({**self.payload, STEP: step}, self.version)


class DraftWork(Work):
    """A signed-in person's draft, which may not have been started yet."""

    def __init__(self, request: Any, draft: Draft | None, *, anew: bool = False) -> None:
        """`anew`: the first save starts a draft beside those that there are."""
        super().__init__(request)
        self._anew = anew
        self._take(draft)

    def _take(self, draft: Draft | None) -> None:
        self.draft = draft
        self.mine = draft is None or draft.owner == self.request.identity.account_id
        self.payload = draft.payload if draft else {}
        self.version = draft.version if draft else 0
        self.saved_at = draft.updated_at if draft else None

    def before(self, version: int) -> dict[str, Any]:
        if version == 0 or self.draft is None:
            return {}
        return self.payload if version == self.version else self.request.rules.draft(self.draft.id, version).payload

    def _write(self, wanted: dict[str, Any], base_version: int, origin: Mapping[str, str]) -> None:
        actor, now, rules = self.request.identity.account_id, self.request.now, self.request.rules
        if self.draft is None:
            # Of two first saves at once the second goes on with the draft that the first has started.
            one_at_a_time(self.request.dbsession, actor)
            row = drafts.current(self.request.dbsession, actor)
            if row is None or self._anew:
                self._take(rules.draft(rules.start_draft(actor, now, wanted, **origin)))
                return
            self._take(rules.draft(row.id))
        assert self.draft is not None
        self._take(rules.write_draft(self.draft.id, actor, now, wanted, base_version=base_version))

    @property
    def emails(self) -> list[str]:
        if self.draft is None or not self.mine:
            return []
        return list(draft_addresses.load(self.request.dbsession, self.draft.id).get(EMAILS, ()))

    def change_emails(self, change: Callable[[list[str]], list[str]]) -> None:
        if self.draft is None:
            change([])  # refuses before anything is begun
            self.write(self.payload, 0)
        assert self.draft is not None
        if not self.mine:
            raise Forbidden("Only the owner of this draft invites stakeholders. Tell them whom you have in mind.")
        # A draft that is published or discarded keeps nobody's address.
        must_be_open(self.draft)
        session, actor = self.request.dbsession, self.request.identity.account_id
        one_at_a_time(session, self.draft.id)
        kept = {**draft_addresses.load(session, self.draft.id), EMAILS: change(self.emails)}
        draft_addresses.save(session, self.draft.id, actor, {key: value for key, value in kept.items() if value})


@dataclass(frozen=True)
class _Text:
    version: int
    payload: dict[str, Any]


class GuestWork(Work):
    """What the browser of somebody who has not signed in keeps."""

    def __init__(self, request: Any, guest: Guest | None) -> None:
        super().__init__(request)
        if guest is not None:
            request.add_response_callback(not_kept)
        self.moved_guest = guest if guest is not None and guest.draft is not None else None
        self.moved = self.moved_guest is not None
        self._take(None if self.moved else guest)

    def _take(self, guest: Guest | None) -> None:
        self.guest = guest
        self._all = guest.payload if guest else {}
        self.payload = {key: value for key, value in self._all.items() if key not in PRIVATE}
        self.version = guest.version if guest else 0
        self.saved_at = guest.saved_at if guest else None

    def take_back(self) -> None:
        """Go on here with what a link opened elsewhere took to an account, which may be somebody else's."""
        if self.moved_guest is not None:
            guests.taken_back(self.request, self.moved_guest)

    def begin_anew(self) -> None:
        """Leave what went to an account where it is; this browser has nothing yet."""
        guests.leave(self.request)

    def seen(self) -> int:
        # Also on a page opened since: whoever overlooks the question would begin a second text beside the first.
        if self.moved:
            raise Conflict(MOVED)
        return super().seen()

    def before(self, version: int) -> dict[str, Any]:
        if version == 0 or self.guest is None:
            return {}
        text = self._all if version == self.version else guests.before(self.request, self.guest.id, version)
        if text is None:
            raise Conflict(
                "This page was open for long, and much was saved since. Copy what you wrote, then reload it."
            )
        return {key: value for key, value in text.items() if key not in PRIVATE}

    def _write(self, wanted: dict[str, Any], base_version: int, origin: Mapping[str, str]) -> None:
        base = self.before(base_version)
        self._lock()
        result, clashes = merged(base, self.payload, wanted)
        if clashes:
            raise Clashes(clashes, result, _Text(self.version, self.payload))
        if result != self.payload:
            self._save(result)

    def _lock(self) -> None:
        """The text as it is now, which nobody else changes until the end of the transaction."""
        if self.guest is None:
            return
        newest = guests.find(self.request, self.guest.id, lock=True)
        if newest is None or newest.draft is not None:
            raise Conflict(MOVED)
        self._take(replace(newest, token=self.guest.token))

    def _save(self, payload: Mapping[str, Any], **private: Any) -> None:
        if self.guest is None:
            # A workshop has one network for all, and so has a script that would fill the database.
            network = self.request.client_network
            self.request.at_most_once(
                Interval("guest:ip", network, 60, times=30), Interval("guest-hour:ip", network, 3600, times=200)
            )
        kept = {key: value for key, value in {**self._all, **private}.items() if key in PRIVATE and value}
        self._take(guests.save(self.request, self.guest, {**payload, **kept}))

    @property
    def emails(self) -> list[str]:
        return list(self._all.get(EMAILS, ()))

    def change_emails(self, change: Callable[[list[str]], list[str]]) -> None:
        self._lock()
        self._save(self.payload, **{EMAILS: change(self.emails)})


def open_work(request: Any) -> Work:
    """What the request is about: the draft that it names, else the one that its person wrote in last.

    Raises a redirect to sign in where a draft is named by somebody who is not, and to the draft for who may only read
    it; `NotFound` or, for what they sent, `Forbidden` for one that is not theirs to write.
    """
    given = request.POST.get("draft") or request.GET.get("draft")
    if request.identity is None:
        if given:
            if request.method not in ("GET", "HEAD"):
                raise SignedOut()
            raise HTTPSeeOther(request.resource_url(request.root, "login", query={"next": request.path_qs}))
        return GuestWork(request, guests.current(request))
    if not given:
        row = drafts.current(request.dbsession, request.identity.account_id)
        return DraftWork(request, request.rules.draft(row.id) if row else None)
    try:
        found = request.root["drafts"][given]
    except KeyError:
        raise NotFound() from None
    if not request.has_permission(Permission.DRAFT_EDIT, found):
        if request.method not in ("GET", "HEAD"):
            raise Forbidden(found.refusal)
        if request.has_permission(Permission.DRAFT_READ, found):
            raise HTTPSeeOther(request.resource_url(found))
        raise NotFound()
    return DraftWork(request, request.rules.draft(found.draft.id))


@subscriber(SignedIn)
def adopt(event: SignedIn) -> None:
    """What somebody wrote before signing in becomes a draft of theirs, beside those that they have."""
    request = event.request
    if event.draft:
        _become_draft(event, event.draft)
    own = guests.current(request)
    for identifier in event.guests:
        guest = guests.find(request, identifier, lock=True)
        if guest is None or not guest.payload or _has(event, guest.draft):
            continue
        here = own is not None and own.id == guest.id
        if here or guest.draft is None:
            guests.adopted(request, guest, _become_draft(event, guest.payload))


def _has(event: SignedIn, draft_id: UUID | None) -> bool:
    """Whether the draft is this person's already: a link that was opened on another device may have brought it."""
    row = drafts.find(event.request.dbsession, draft_id) if draft_id else None
    return row is not None and row.owner == event.account_id


def _become_draft(event: SignedIn, text: dict[str, Any]) -> UUID:
    request, payload = event.request, dict(text)
    addresses = {key: payload.pop(key) for key in PRIVATE if key in payload}
    draft_id: UUID = request.rules.start_draft(event.account_id, request.now, payload, source="guest")
    draft_addresses.save(request.dbsession, draft_id, event.account_id, addresses)
    return draft_id
