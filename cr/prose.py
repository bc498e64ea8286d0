"""What people write, as HTML: Markdown without HTML, images or headings, and cleaned once more afterwards."""

from __future__ import annotations

import re

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup, escape

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "typographer": False}).disable(
    ["image", "html_block", "html_inline", "heading", "lheading", "code", "fence", "hr", "reference"]
)

_cleaner = nh3.Cleaner(
    tags={"p", "br", "em", "strong", "ul", "ol", "li", "a", "blockquote", "code"},
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="nofollow noopener ugc",
)


def to_html(text: str) -> Markup:
    """Paragraphs, lists, quotations, emphasis and links; anything else stays as the characters that were typed."""
    return Markup(_cleaner.clean(_markdown.render(text)))  # noqa: S704 - cleaned here, against the lists above


def to_plain_html(text: str) -> Markup:
    """The characters that were typed, with their line ends."""
    return Markup("<p>{}</p>").format(Markup("<br>\n").join(escape(line) for line in text.splitlines()))


def marks(text: str) -> int:
    """How much Markdown may have to look into, in a text or in JSON: characters that may mean something, and line ends.

    Where a link may begin Markdown reads on to the next space, for up to 32 links in one word again and again: 250 such
    characters cost as much as a mark.
    """
    single = len(re.findall(r"[\[\]*_`<>&!()]|\\\\|\\[nr]", text))
    ahead = sum(min(word.count("]("), 32) * len(word) for word in text.split(" ") if "](" in word)
    return single + ahead // 250
