"""A log like one that people wrote, made fast: for measuring, in a throw-away database.

The mix: 50 drafts are worked on at any time, 30 events each. Three of five are published, one as a new rule and two as
revisions of it, so that one event in 51 is a rule's and carries a document of about 4 kB.
"""

from __future__ import annotations

import io
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg2

from cr.events import draft as d
from cr.events import rule as r
from cr.events.base import Event, JsonMapper, stamped
from cr.events.sealing import new_key

AT_ONCE = 50
"""Drafts that are worked on at the same time."""

SECTIONS = ("communication", "membership", "decisionApproaches", "conflictManagement")
TEXT = """We meet every week and decide together, by consent: who speaks for the group, what it owns, how that is
shared, and what happens when somebody leaves. Everyone may propose a change. It is read aloud; questions come first,
then concerns."""
WORDS = TEXT.split()


def fill(url: str, size: int, seed: int = 1) -> None:
    """Append `size` events to an empty, migrated database."""
    keys: dict[UUID, bytes] = defaultdict(new_key)
    mapper, life = JsonMapper(keys.__getitem__), events(seed)
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        while lines := [_line(mapper, event) for event in islice(life, min(size, 20_000))]:
            size -= len(lines)
            cursor.copy_expert(
                "COPY events (originator_id, originator_version, topic, state) FROM STDIN", io.StringIO("".join(lines))
            )
        lines = [f"{draft}\t\\\\x{key.hex()}\n" for draft, key in keys.items()]
        cursor.copy_expert("COPY draft_keys (draft, key) FROM STDIN", io.StringIO("".join(lines)))
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE events, draft_keys")


def _line(mapper: JsonMapper, event: Event) -> str:
    stored = mapper.to_stored_event(event)
    # JSON as pydantic writes it has no tabs or line ends; only its backslashes need another.
    state = stored.state.decode().replace("\\", "\\\\")
    return f"{stored.originator_id}\t{stored.originator_version}\t{stored.topic}\t{state}\n"


def events(seed: int) -> Iterator[Event]:
    """The same ones for the same seed, without end."""
    chance = random.Random(seed)
    works: list[Iterator[Event]] = []
    families = _families(chance)
    while True:
        while len(works) < AT_ONCE:
            works.append(next(families))
        chosen = chance.randrange(AT_ONCE)
        following = next(works[chosen], None)
        if following is None:
            works.pop(chosen)
        else:
            yield following


def _families(chance: random.Random) -> Iterator[Iterator[Event]]:
    """Drafts in groups of five: two are left open, three become a rule and its next two revisions, one by one."""
    while True:
        yield _draft(chance, 29)
        yield _draft(chance, 31)
        yield _rule(chance)


def _rule(chance: random.Random) -> Iterator[Event]:
    rule, owner = _id(chance), _id(chance)
    document = _document(chance)
    for revision in (1, 2, 3):
        draft = _id(chance)
        yield from _draft(chance, 29, draft, owner)
        entry = chance.choice(chance.choice(document["sections"])["entries"])
        entry["body"] = _text(chance, 40)
        common: dict[str, Any] = {"title": _text(chance, 4), "summary": _text(chance, 20), "document": document}
        if revision == 1:
            fact: r.RuleEvent = r.Published(**common, draft=draft)
        else:
            fact = r.Revised(**common, draft=draft, revision=revision, changed=_text(chance, 8), decided_by="consent")
        yield from stamped([fact], of=rule, after=revision - 1, actor=owner, at=_moment(chance))
        closing = d.Published(rule=rule, revision=revision)
        yield from stamped([closing], of=draft, after=29, actor=owner, at=_moment(chance))


def _draft(chance: random.Random, steps: int, draft: UUID | None = None, owner: UUID | None = None) -> Iterator[Event]:
    draft, owner = draft or _id(chance), owner or _id(chance)
    at = _moment(chance)
    for version in range(steps):
        fact: d.DraftEvent
        match version:
            case 0:
                fact = d.Started(owner=owner, source="template", of="consensus")
            case 1 | 20:
                fact = d.Named(title=_text(chance, 4))
            case 2:
                fact = d.ContextWritten(context=_text(chance, 20))
            case 3 | 4:
                fact = d.CommunityDescribed(facet="selectedScaleIds", answers=["local", "regional"])
            case 5 | 6 | 7 | 8:
                fact = d.ValueChosen(value=f"value-{version}", label=_text(chance, 2))
            case 9 | 10 | 11 | 12 | 13 | 14:
                label = _text(chance, 2)
                fact = d.ValueDescribed(value="value-5", label=label, fields={"meaning": _text(chance, 30)})
            case 15 | 16 | 17 | 18 | 19:
                section = chance.choice(SECTIONS)
                fact = d.MethodChosen(section=section, method=f"method-{version}", label=_text(chance, 2))
            case _:
                section, fields = chance.choice(SECTIONS), {"corePrinciple": _text(chance, 40)}
                fact = d.MethodDescribed(section=section, method="method-15", label=_text(chance, 2), fields=fields)
        at += timedelta(seconds=chance.randrange(5, 90))
        yield from stamped([fact], of=draft, after=version, actor=owner, at=at)


def _document(chance: random.Random) -> dict[str, Any]:
    """Five sections, ten clauses, some with lists and emphasis: about 4 kB."""
    return {
        "sections": [
            {
                "categoryName": name,
                "entries": [
                    {"title": _text(chance, 3), "body": _text(chance, 40)},
                    {
                        "title": _text(chance, 3),
                        "body": "",
                        "blocks": [
                            {
                                "label": "Core principle",
                                "body": f"We **care**.\n\n- {_text(chance, 8)}\n- {_text(chance, 8)}",
                            },
                            {"label": "How it goes", "body": _text(chance, 30)},
                        ],
                    },
                ],
            }
            for name in ("Values", "Communication", "Membership", "Decision-making", "Conflict management")
        ],
        "communityContext": _text(chance, 20),
    }


def _text(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(WORDS, k=words)).capitalize()


def _id(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def _moment(chance: random.Random) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10_000_000))
