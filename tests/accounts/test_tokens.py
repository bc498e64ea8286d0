"""Tokens: made by us, known by us, and different for every purpose and secret."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from cr.accounts.tokens import Tokens

TOKENS = Tokens("a secret that only tests know")


def test_a_token_is_long_and_safe_in_addresses_and_cookies() -> None:
    made = {TOKENS.make("link") for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{64}", token) for token in made)


def test_a_token_is_known_for_its_own_purpose_and_secret_only() -> None:
    token = TOKENS.make("link")
    assert TOKENS.is_ours("link", token)
    assert not TOKENS.is_ours("session", token)
    assert not Tokens("another secret, as long").is_ours("link", token)


@given(st.one_of(st.text(), st.from_regex(r"[A-Za-z0-9_-]{64}", fullmatch=True)))
def test_nonsense_is_nobodys(text: str) -> None:
    assert not TOKENS.is_ours("link", text)


@given(st.integers(0, 63), st.sampled_from("ABCDabcd0123-_"))
def test_a_changed_token_is_nobodys(at: int, letter: str) -> None:
    token = TOKENS.make("link")
    changed = token[:at] + letter + token[at + 1 :]
    assert TOKENS.is_ours("link", changed) == (changed == token)


def test_what_is_stored_depends_on_purpose_and_secret() -> None:
    token = TOKENS.make("link")
    stored = TOKENS.hash("link", token)
    assert len(stored) == 32
    assert token.encode() not in stored
    assert stored == TOKENS.hash("link", token)
    assert stored != TOKENS.hash("session", token)
    assert stored != Tokens("another secret, as long").hash("link", token)
