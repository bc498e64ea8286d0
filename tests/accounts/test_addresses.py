"""Which texts are email addresses, and how one is written down."""

from __future__ import annotations

import pytest

from cr.accounts.addresses import normalised


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada.Lovelace+Garden@Example.ORG\n", "ada.lovelace+garden@example.org"),
        ("o'hara@mail.example.co", "o'hara@mail.example.co"),
        ("ada@Bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_kept_in_one_form(written: str, kept: str) -> None:
    assert normalised(written) == kept


def test_what_is_too_long_is_not_looked_into() -> None:
    address = "ada@example.org"
    assert normalised(address.rjust(320)) == address
    with pytest.raises(ValueError, match="not an email address"):
        normalised(address.rjust(321))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@localhost",
        "ada@@example.org",
        "ada@example..org",
        "ada@-example.org",
        "ada lovelace@example.org",
        "Ada <ada@example.org>",
        "ada@example.org, bo@example.org",
        "ada@example.org\r\nBcc: bo@example.org",
        "ada\0@example.org",
        "adä@example.org",
        "ada@straße.example",
        "ada@" + 64 * "a" + ".org",
        65 * "a" + "@example.org",
        "ada@" + ".".join(["a" * 60] * 5) + ".org",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an email address"):
        normalised(text)
