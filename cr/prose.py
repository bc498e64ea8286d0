"""What people write, as HTML: Markdown without HTML, images or headings, and cleaned once more afterwards."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True, "typographer": False}).disable(
    ["image", "html_block", "html_inline", "heading", "lheading", "code", "fence", "hr", "reference"]
)

_TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "a", "blockquote", "code"}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}


def to_html(text: str) -> Markup:
    """Paragraphs, lists, quotations, emphasis and links; anything else stays as the characters that were typed."""
    return Markup(  # noqa: S704 - cleaned here, by nh3, against the lists above
        nh3.clean(
            _markdown.render(text),
            tags=_TAGS,
            attributes=_ATTRIBUTES,
            url_schemes={"http", "https", "mailto"},
            link_rel="nofollow noopener ugc",
        )
    )
