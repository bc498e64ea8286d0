"""Where to go after signing in: to a page of this site and nowhere else."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cr.accounts.signin import safe_next


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/drafts",
        "/rules/0b7e?before=12&q=a%20b",
        "/create/core-values#top",
        "/rules/caf%C3%A9",
        "/a?u=http://b.example/",
    ],
)
def test_addresses_of_the_site_are_kept(path: str) -> None:
    assert safe_next(path) == path


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "drafts",
        "https://evil.example/",
        "javascript:alert(1)",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/%2f%2fevil.example",
        "/%2fevil.example",
        "/%5cevil.example",
        "/%255cevil.example",
        "/%09/evil.example",
        "/%0d%0aSet-Cookie:%20a=b",
        "/.//evil.example",
        "/a/../..//evil.example",
        " /drafts",
        "/dra fts",
        "/drafts\0",
        "/café",
        "/" + "a" * 2000,
    ],
)
def test_everything_else_is_dropped(path: str | None) -> None:
    assert safe_next(path) is None


TRICKS = st.text(st.sampled_from("/\\.:@?#%25fcFC09 \t\r\nae"), max_size=20).map(lambda text: f"/{text}")


@given(st.one_of(st.text(), TRICKS, TRICKS.map(quote)))
@example("/;@evil.example")
def test_what_is_kept_leads_to_this_site(text: str) -> None:
    kept = safe_next(text)
    if kept is None:
        return
    assert kept == text
    # As browsers read an address: tabs and newlines are dropped, a backslash is a slash.
    as_read = kept.translate({ord(each): None for each in "\t\r\n"}).replace("\\", "/")
    for seen in (kept, as_read):
        target = urlsplit(urljoin("https://site.example/login", seen))
        assert (target.scheme, target.netloc) == ("https", "site.example")
    kept.encode("ascii")
