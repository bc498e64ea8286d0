"""The history of a draft, sitting by sitting; the draft as it was at an entry; going back to one, or one step back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any
from uuid import UUID

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.accounts.names import called, names
from cr.comparison import Text
from cr.errors import Conflict, NotFound, ValidationProblem
from cr.events.document import composed
from cr.events.payload import Payload, flat
from cr.projections import histories, rules
from cr.projections.revisions import render
from cr.resources.drafts import DraftResource
from cr.security import Permission
from cr.views.draft import DraftPage
from cr.views.forms import number
from cr.views.words import part_name, words

ENTRIES = 100
"""Steps of a history on one page."""

PAUSE = timedelta(minutes=30)
"""After this long without an entry a person's next one begins a new sitting."""

CHARACTERS = 200_000
"""Of all changed texts on one page; what is longer can be looked at by comparing."""

HEADLINE = 3
"""Things that happened in a sitting that its headline names."""


@view_defaults(context=DraftResource, permission=Permission.DRAFT_READ)
class DraftHistoryViews(DraftPage):
    room = CHARACTERS

    @view_config(name="history", request_method="GET", renderer="cr:templates/draft_history.jinja2")
    def history(self) -> dict[str, Any]:
        before = number(self.request.params.get("before", ""))
        rows = histories.of(self.request.dbsession, self.draft.id, before=before, limit=ENTRIES + 1)
        shown, more = rows[:ENTRIES], rows[ENTRIES:]
        payloads: dict[int, tuple[Payload, Payload]] = {}
        if shown:
            newest, oldest = shown[0].version, shown[-1].version
            for was, event, now in self.request.rules.draft_steps(self.draft.id, oldest - 1, newest):
                payloads[event.originator_version] = was.payload if was else {}, now.payload
        who = self._who(row.actor for row in shown)
        sittings = [self._sitting(rows, payloads, who) for rows in in_sittings(shown)]
        if more and in_sittings([shown[-1], more[0]])[1:] == []:
            # It goes on behind the end of the page, so what was before it is not known here.
            sittings[-1]["compare_url"] = None
        days = [
            {"day": day, "sittings": list(group)} for day, group in groupby(sittings, lambda each: each["end"].date())
        ]
        return {
            **self.common(),
            "days": days,
            "undo": self.undoing(),
            "newest_page": before is None,
            "compare": {"from": shown[-1].version if shown else 0, "to": shown[0].version if shown else 0},
            "more_url": self.url("history", query={"before": shown[-1].version}) if more else None,
        }

    def _who(self, actors: Iterable[UUID | None]) -> dict[UUID | None, str]:
        """What each of them is called in front of this reader."""
        acted, session = set(actors), self.request.dbsession
        rule = rules.find(session, self.row.rule) if self.row.rule else None
        known, owner = names(session, acted), rule.owner if rule else self.row.owner
        noun = "organizer" if rule else "writer"
        return {each: called(each, known, owner=owner, reader=self.actor, noun=noun) for each in acted}

    def _sitting(
        self, rows: Sequence[Any], payloads: dict[int, tuple[Payload, Payload]], who: dict[UUID | None, str]
    ) -> dict[str, Any]:
        newest, oldest = rows[0].version, rows[-1].version
        return {
            "start": rows[-1].at,
            "end": rows[0].at,
            "who": who[rows[0].actor],
            "count": len(rows),
            "newest": newest,
            "headline": headline(row.sentence for row in reversed(rows)),
            "lines": [self._line(list(group), payloads) for _, group in groupby(rows, lambda row: row.sentence)],
            "compare_url": self._before_sitting(oldest, newest),
        }

    def _before_sitting(self, oldest: int, newest: int) -> str | None:
        """Where it is compared with what was there before; None for a sitting that only began the draft.

        What a draft began with, a rule or a template, is not what its first sitting wrote.
        """
        if oldest == 1 and self.draft.source != "blank":
            oldest = 2
        return self.url("compare", query={"from": oldest - 1, "to": newest}) if newest >= oldest else None

    def _line(self, rows: Sequence[Any], payloads: dict[int, tuple[Payload, Payload]]) -> dict[str, Any]:
        """Entries that say the same one after the other, as somebody makes them by writing on, are one line."""
        return {
            "sentence": rows[0].sentence,
            "start": rows[-1].at,
            "end": rows[0].at,
            "number": rows[0].version,
            "changes": self._changes(payloads[rows[-1].version][0], payloads[rows[0].version][1]),
            "entries": [
                {
                    "number": row.version,
                    "at": row.at,
                    "changes": self._changes(*payloads[row.version]) if len(rows) > 1 else [],
                    "url": self.url("at", query={"entry": row.version}),
                    "restorable": self._restorable(row.version),
                }
                for row in rows
            ],
        }

    def _changes(self, before: Payload, after: Payload) -> list[dict[str, Any]]:
        """As `changes`, with None for the texts that the page has no room for."""
        found = changes(before, after)
        for each in found:
            self.room -= len(each["text"].before) + len(each["text"].after)
            if self.room < 0:
                each["text"] = None
        return found

    def _restorable(self, version: int) -> bool:
        return self.writes and self.draft.status == "open" and version < self.draft.version

    @view_config(name="at", request_method="GET", renderer="cr:templates/draft_at.jinja2")
    def at(self) -> dict[str, Any]:
        entry = number(self.request.params.get("entry", ""))
        row = histories.find(self.request.dbsession, self.draft.id, entry) if entry else None
        if row is None or entry is None:
            raise NotFound("This draft's history has no such entry.")
        then = self.request.rules.draft(self.draft.id, entry)
        common = self.common()
        common["draft"] |= {"title": then.title, "summary": then.payload.get("summary")}
        newer = entry < self.draft.version
        return {
            **common,
            "entry": {
                "number": entry,
                "at": row.at,
                "who": self._who([row.actor])[row.actor],
                "sentence": row.sentence,
                "restorable": self._restorable(entry),
                "compare_url": self.url("compare", query={"from": entry, "to": self.draft.version}) if newer else None,
            },
            "body": render(composed(then.payload)),
            "version": entry,
            "restore_url": self.url("restore"),
        }

    @view_config(name="restore", request_method="POST", permission=Permission.DRAFT_EDIT)
    def restore(self) -> Any:
        entry = number(self.request.POST.get("version", ""))
        if not entry:
            raise ValidationProblem("Say which entry to restore: open the history and choose one.")
        # A form that does not say what its page showed is older than the draft, whatever it says.
        seen = number(self.request.POST.get("seen", "")) or 0
        self.request.rules.restore_draft(self.draft.id, self.actor, self.request.now, entry, seen_version=seen)
        return HTTPSeeOther(self.url())

    @view_config(
        name="undo",
        request_method="POST",
        permission=Permission.DRAFT_EDIT,
        renderer="cr:templates/draft_history.jinja2",
    )
    def undo(self) -> Any:
        seen = number(self.request.POST.get("version", ""))
        try:
            self.request.rules.undo_draft(self.draft.id, self.actor, self.request.now, seen)
        except Conflict as conflict:
            # The history says what came between, and offers to undo that.
            self.request.response.status_int = conflict.status
            return {**self.history(), "error": conflict.message}
        return HTTPSeeOther(self.url("history"))


def in_sittings(rows: Sequence[Any]) -> list[list[Any]]:
    """Entries of one person with no long pause between them, newest first as they came."""
    sittings: list[list[Any]] = []
    for row in rows:
        last = sittings[-1][-1] if sittings else None
        if last is not None and last.actor == row.actor and last.at - row.at < PAUSE:
            sittings[-1].append(row)
        else:
            sittings.append([row])
    return sittings


def headline(sentences: Iterable[str]) -> str:
    """What happened, in one sentence: the first few things, and how many more."""
    told = [sentence.removesuffix(".") for sentence in dict.fromkeys(sentences)]
    things = [told[0], *(each[:1].lower() + each[1:] for each in told[1:HEADLINE])]
    more = len(told) - HEADLINE
    if more > 0:
        things.append(f"{more} more change{'s' if more > 1 else ''}")
    return (", ".join(things[:-1]) + " and " if things[1:] else "") + things[-1] + "."


def changes(before: Payload, after: Payload) -> list[dict[str, Any]]:
    """Every text that differs, with what to call it; choices are told by the sentence alone."""
    was, now = flat(before), flat(after)
    result = []
    for path in dict.fromkeys((*was, *now)):
        old, new = was.get(path), now.get(path)
        if old == new:
            continue
        label = part_name(path, before, after)
        if label is not None:
            result.append({"label": label, "text": Text(words(old), words(new))})
    return result
