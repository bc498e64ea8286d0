"""Every revision of every rule: its text, and the page body made from it once, when it was published."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any
from uuid import UUID

import jinja2
import sqlalchemy as sa
from markupsafe import Markup
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import Session

from cr import prose
from cr.audit import public
from cr.catalog import sections
from cr.catalog.sections import METHOD_SECTIONS, VALUES
from cr.db import Timestamp
from cr.events import rule as r
from cr.fingerprint import fingerprint
from cr.projections.base import SHARED, Insert, Operation, Projection, metadata
from cr.projections.rules import rules

revisions = sa.Table(
    "revisions",
    metadata,
    sa.Column("rule", postgresql.UUID(as_uuid=True), primary_key=True),
    sa.Column("revision", sa.BigInteger, primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("summary", sa.Text),
    # JSON as text: read whole, never searched.
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("html", sa.Text, nullable=False),
    # SHA-256 of title, summary and body: what the page shows of this revision.
    sa.Column("etag", sa.Text, nullable=False),
    # Of its canonical JSON, see `cr.audit.lines`. None: it has no such form.
    sa.Column("sha256", sa.Text),
    # Which event of the rule published it.
    sa.Column("event", sa.BigInteger, nullable=False),
    sa.Column("published_at", Timestamp, nullable=False, index=True),
    sa.Column("actor", postgresql.UUID(as_uuid=True)),
    sa.Column("changed", sa.Text),
    sa.Column("decided_by", sa.Text),
    sa.Column("outside_rule", sa.Boolean, nullable=False),
    sa.Column("decided_on", sa.Date),
    sa.Column("record", sa.Text),
    # The day (UTC) on which it was published, where the event names no other. A revision is in force from this day on,
    # until one with a higher number is.
    sa.Column("in_force_from", sa.Date, nullable=False),
)

ToHtml = Callable[[str], Markup]

TEMPLATES = Path(__file__).parent.parent / "templates"
TEMPLATE = "rule_document.jinja2"
HUES = {section.name: section.hue for section in (VALUES, *METHOD_SECTIONS)}


def _version() -> str:
    """Changes with whatever the stored bodies are made of, so that a new look is never forgotten in old rows."""
    libraries = " ".join(f"{name} {version(name)}" for name in ("jinja2", "markdown-it-py", "nh3", "rfc8785"))
    sources = (TEMPLATES / TEMPLATE, prose.__file__, sections.__file__, __file__, r.__file__, *public.SOURCES, *SHARED)
    return fingerprint(*sources, also=libraries)


PROJECTION = Projection("revisions", _version(), (revisions,), slow=True)


@PROJECTION.on(r.Published, r.Revised)
def published(event: r.Published | r.Revised, position: int) -> Iterable[Operation]:
    html = render(event.document)
    line = public.revision_of(event)
    row: dict[str, Any] = {
        "rule": event.originator_id,
        "revision": 1,
        "title": event.title,
        "summary": event.summary,
        "document": json.dumps(event.document, ensure_ascii=False, separators=(",", ":")),
        "html": html,
        "etag": hashlib.sha256("\0".join((event.title, event.summary or "", html)).encode()).hexdigest()[:32],
        "sha256": line.sha256,
        "event": event.originator_version,
        "published_at": event.at,
        "actor": event.actor,
        "decided_by": event.decided_by,
        "outside_rule": False,
        "decided_on": event.decided_on,
        "record": event.record,
        "in_force_from": line.in_force_from,
    }
    if isinstance(event, r.Revised):
        row |= {"revision": event.revision, "changed": event.changed, "outside_rule": event.outside_rule}
    yield Insert(revisions, row)


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template(TEMPLATE)


def render(document: Mapping[str, Any]) -> Markup:
    """The body of a rule's page: numbered sections and clauses with anchors that stay."""
    return Markup(_template().render(outline(document)))  # noqa: S704 - the template escapes


def outline(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the template shows: `sections` with numbers and anchors, `avatar_url`, `avatar_alt`, `context_html`."""
    taken = dict.fromkeys(("main", "contents"), 2)  # ids of the page around it
    to_html = html_of(document)
    parts = []
    for number, part in enumerate((p for p in document.get("sections") or [] if p["entries"]), 1):
        name = part["categoryName"]
        key = section_anchor(name, number, taken)
        parts.append(
            {
                "number": number,
                "key": key,
                "name": name,
                "hue": HUES.get(name),
                "entries": [
                    {
                        "number": f"{number}.{clause}",
                        "anchor": _anchor(f"{key[:40]}-{_words(entry['title'])}".rstrip("-"), taken),
                        "title": entry["title"],
                        "body_html": to_html(entry["body"]) if entry.get("body") else None,
                        "blocks": [_block(block, to_html) for block in entry.get("blocks") or []],
                    }
                    for clause, entry in enumerate(part["entries"], 1)
                ],
            }
        )
    context = document.get("communityContext")
    return {
        "sections": parts,
        "avatar_url": own_file(document.get("communityAvatarUrl")),
        "avatar_alt": document.get("communityAvatarAlt") or "",
        "context_html": to_html(context) if context else None,
    }


MARKS_MOST = 10_000
"""Of a whole document: each costs up to 40 microseconds, and a rule of a hundred pages has fewer."""


def html_of(document: Mapping[str, Any]) -> ToHtml:
    """What makes HTML of this document's texts: Markdown, unless it is so full of marks that it would take seconds."""
    return prose.to_html if prose.marks(json.dumps(document)) <= MARKS_MOST else prose.to_plain_html


def _block(block: Mapping[str, Any], to_html: ToHtml) -> dict[str, Any]:
    return {
        "label": block.get("label", ""),
        "body_html": to_html(block["body"]) if block.get("body") else None,
        "image_url": own_file(block.get("imageUrl")),
        "file_url": own_file(block.get("fileUrl")),
    }


def own_file(url: str | None) -> str | None:
    """Only files that were uploaded here: a rule's page must not tell another server who reads it."""
    return url if url and re.fullmatch(r"/api/uploads/[A-Za-z0-9._-]+", url) else None


def section_anchor(name: str, number: int, taken: dict[str, int]) -> str:
    """Of the section that stands at place `number`; `taken` as in `_anchor`."""
    return _anchor(_words(name) or f"section-{number}", taken)


def _words(text: str) -> str:
    """A text as a piece of an anchor: made of nothing but it, so that it stays when something comes before it."""
    words = re.sub(r"[^\w]+", "-", text.lower()).strip("-_")[:80]
    return words or (hashlib.sha256(text.encode()).hexdigest()[:8] if text.strip() else "")


def _anchor(words: str, taken: dict[str, int]) -> str:
    """`taken` holds for each anchor the lowest number that may be free behind it."""
    anchor = words
    if words in taken:
        number = taken[words]
        while (anchor := f"{words}-{number}") in taken:
            number += 1
        taken[words] = number + 1
    taken[anchor] = 2
    return anchor


_HEAD = [
    *(column for column in revisions.c if column.name not in ("html", "document")),
    sa.func.octet_length(revisions.c.document).label("bytes"),
]
"""All of a revision but its two long texts; of its document the length."""


_RULE = [column for column in rules.c if column.name not in ("title", "summary", "revision")]


def _best_first(on: date) -> tuple[Any, ...]:
    """Orders the revisions of a rule: first the one in force on a day; before any was, the first to come into force."""
    there = revisions.c.in_force_from <= on
    return there.desc(), sa.case((there, -revisions.c.revision)), revisions.c.in_force_from, revisions.c.revision.desc()


def in_force(session: Session, rule_id: UUID, on: date) -> Any:
    """The rule's row, withdrawn or not, with the page of the revision in force on a day: `revision`, its `title`,
    `summary` and so on; `newest` is the number of the last one published. None when there is no such rule.

    Before any was in force it is the one that is so first, and its `in_force_from` says that it is not yet.
    """
    shown = [column for column in (*_HEAD, revisions.c.html) if column.name != "rule"]
    number = sa.select(revisions.c.revision).where(revisions.c.rule == rule_id).order_by(*_best_first(on)).limit(1)
    return session.execute(
        sa.select(*_RULE, rules.c.revision.label("newest"), *shown)
        .join(revisions, revisions.c.rule == rules.c.id)
        .where(rules.c.id == rule_id, revisions.c.revision == number.scalar_subquery())
    ).one_or_none()


def heads_in_force(session: Session, rule_ids: Iterable[UUID], on: date) -> dict[UUID, Any]:
    """The revisions that `in_force` says, of several rules, without the long texts."""
    ids = list(rule_ids)
    if not ids:
        return {}
    query = sa.select(*_HEAD).where(revisions.c.rule.in_(ids)).order_by(revisions.c.rule, *_best_first(on))
    return {row.rule: row for row in session.execute(query.ext(postgresql.distinct_on(revisions.c.rule)))}


def days(session: Session, rule_id: UUID) -> Sequence[Any]:
    """`revision`, `in_force_from` and `published_at` of every revision of a rule, the first one first."""
    columns = revisions.c.revision, revisions.c.in_force_from, revisions.c.published_at
    query = sa.select(*columns).where(revisions.c.rule == rule_id).order_by(revisions.c.revision)
    return session.execute(query).all()


def newest_first(session: Session, rule_id: UUID, limit: int, before: int | None = None) -> Sequence[Any]:
    """A rule's revisions, of numbers below `before` where it is given (to page through), without the long texts."""
    query = sa.select(*_HEAD).where(revisions.c.rule == rule_id)
    if before is not None:
        query = query.where(revisions.c.revision < before)
    return session.execute(query.order_by(revisions.c.revision.desc()).limit(limit)).all()


def last_published(session: Session, limit: int) -> Sequence[Any]:
    """The newest revisions of all rules that are not withdrawn, without the long texts."""
    query = sa.select(*_HEAD).join(rules, rules.c.id == revisions.c.rule).where(rules.c.status == "published")
    order = revisions.c.published_at.desc(), revisions.c.rule, revisions.c.revision.desc()
    return session.execute(query.order_by(*order).limit(limit)).all()


def find(session: Session, rule_id: UUID, revision: int) -> Any:
    """One revision's row without its document, or None."""
    return session.execute(
        sa.select(*_HEAD, revisions.c.html).where(revisions.c.rule == rule_id, revisions.c.revision == revision)
    ).one_or_none()


def after_event(session: Session, rule_id: UUID, version: int) -> Any:
    """As `find`, the newest revision after event `version` of the rule."""
    query = sa.select(*_HEAD, revisions.c.html).where(revisions.c.rule == rule_id, revisions.c.event <= version)
    return session.execute(query.order_by(revisions.c.revision.desc()).limit(1)).one()


def document(session: Session, rule_id: UUID, revision: int) -> dict[str, Any]:
    """The document of a revision that exists."""
    return text(session, rule_id, revision)[2]


def text(session: Session, rule_id: UUID, revision: int) -> tuple[str, str | None, dict[str, Any]]:
    """Title, summary and document of a revision that exists."""
    columns = revisions.c.title, revisions.c.summary, revisions.c.document
    query = sa.select(*columns).where(revisions.c.rule == rule_id, revisions.c.revision == revision)
    title, summary, document = session.execute(query).one()
    return title, summary, json.loads(document)


def mentioned(session: Session, pattern: str, *which: sa.ColumnElement[bool]) -> Sequence[str]:
    """What the group of a regular expression finds in the documents of rules, each once."""
    found = sa.func.regexp_matches(revisions.c.document, pattern, "g", type_=postgresql.ARRAY(sa.Text))
    matches = sa.select(found.label("groups")).join(rules, rules.c.id == revisions.c.rule)
    matches = matches.where(revisions.c.document.regexp_match(pattern), *which)
    groups = matches.subquery().c.groups
    return session.scalars(sa.select(groups[1]).distinct()).all()


def heads(session: Session, rule_id: UUID, numbers: Iterable[int]) -> dict[int, Any]:
    """These revisions by their numbers, without the long texts."""
    query = sa.select(*_HEAD).where(revisions.c.rule == rule_id, revisions.c.revision.in_(list(numbers)))
    return {row.revision: row for row in session.execute(query)}


def heads_of(session: Session, which: Iterable[tuple[UUID, int]]) -> dict[tuple[UUID, int], Any]:
    """Revisions by their rules and numbers, without the long texts."""
    wanted = list(which)
    if not wanted:
        return {}
    query = sa.select(*_HEAD).where(sa.tuple_(revisions.c.rule, revisions.c.revision).in_(wanted))
    return {(row.rule, row.revision): row for row in session.execute(query)}
