"""People's words in the mails that we send: who does something, and the names of their rules.

Anybody can have us write to strangers. So nothing of theirs can pass for words of ours, and what a mail program would
make a link of is left out.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from typing import Any
from uuid import UUID

from cr.accounts import names

WIDTH = 72

LINK = re.compile(
    r"""://|@|\bwww\.
    |\b[a-z][a-z0-9+.-]*:\S       # mailto:, tel:
    |[\w-]\.[^\W\d_]{2,}         # example.org
    |[\w-]。[a-z]{2,}            # a full stop, which browsers take for that dot; not between two sentences
    |\b\d+\.\d+\.\d+\.\d+\b     # 192.0.2.1
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What mail programs make a link of, in a text as `_plain` has it."""

ANSWER = "answer this mail at once, so that the people\nwho run the site can look into it."
TELL = "tell the people who run the site at once,\nso that they can look into it."
"""Where they have no address that an answer could go to."""

LEFT_OUT = "(its name looks like a link, so it is left out)"


def who(session: Any, account: UUID, otherwise: str) -> str:
    """What somebody is called: never by their address, and `otherwise` where there is no name to say."""
    return _line(names.names(session, [account]).get(account, ""), 60) or otherwise


def tell_us(settings: Any) -> str:
    """What to do about something that somebody else did in one's name."""
    return ANSWER if settings.organizer_inquiry_to else TELL


def titled(title: str) -> str:
    """The name of a rule or a draft, as lines of their own."""
    line = _line(title, 200)
    said = f"“{line}”" if line else LEFT_OUT
    return textwrap.fill(said, WIDTH, initial_indent="  ", subsequent_indent="  ")


def in_subject(title: str, otherwise: str = "a rule") -> str:
    """The name of a rule or a draft, short enough for a subject."""
    line = _line(title, 60)
    return f"“{line}”" if line else otherwise


def filled(paragraph: str) -> str:
    """In lines as long as those of our texts."""
    return textwrap.fill(paragraph, WIDTH)


def quoted(text: str) -> str:
    """Marked as somebody's line by line, for who has to read the whole of it."""
    return textwrap.indent(text, "> ", lambda line: True)


def _line(text: str, most: int) -> str:
    """One short line; "" for a link, and for nothing that can be seen."""
    line = names.tidied(text)
    if LINK.search(_plain(line)):
        return ""
    return line if len(line) <= most else f"{line[: most - 1].rstrip()}…"


def _plain(line: str) -> str:
    """As a mail program may read it: in the usual letters and dots, without what is not seen."""
    usual = unicodedata.normalize("NFKC", line)
    return "".join(each for each in usual if unicodedata.category(each) not in ("Cf", "Mn", "Me"))
