"""Our own prose, as Markdown files beside this one: a first line with the title, a paragraph that leads in, the rest.

Links in it are paths of this site, or whole addresses. What people write is `cr.prose`'s, which trusts nobody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

HERE = Path(__file__).parent

GUIDES = (
    "a-rule-in-one-evening",
    "choosing-how-to-decide",
    "adopting-it",
    "changing-it-later",
    "when-it-gets-hard",
    "a-house-rule-for-privacy",
)
"""Slugs, in the order in which they help: `guide-{slug}.md`."""

_markdown = MarkdownIt("commonmark", {"typographer": False})


@dataclass(frozen=True)
class Piece:
    """`lead` is plain text, `body` HTML whose headings begin at the second level."""

    title: str
    lead: str
    body: Markup


@cache
def read(name: str) -> Piece:
    text = (HERE / f"{name}.md").read_text(encoding="utf-8")
    title, lead, body = text.split("\n\n", 2)
    html = Markup(_markdown.render(body))  # noqa: S704 - a file of ours
    return Piece(title.removeprefix("# "), " ".join(lead.split()), html)


def guide(slug: str) -> Piece:
    return read(f"guide-{slug}")
