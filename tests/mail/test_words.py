"""What of people's words a mail of ours repeats."""

from __future__ import annotations

import pytest

from cr.mail import words


@pytest.mark.parametrize(
    "title",
    [
        "Log in at 163.com now",
        "Log in at 360.cn/login",
        "Log in at 192.0.2.1/login",
        "evil。com",
        "evil．com",
        "evil｡com",
        "evil․com/login",
        "evil.c\u00adom/login",
        "evil.c\u034fom/login",
        "ev\u200bil.\u200bcom",
        "tel:+1900555",
        "mailto:x at y",
        "ｈttps：//evil",
        "пример.рф",
        "all＠example",
    ],
)
def test_nothing_that_a_mail_program_makes_a_link_of(title: str) -> None:
    assert words.in_subject(title) == "a rule"
    assert words.LEFT_OUT in words.titled(title)


@pytest.mark.parametrize(
    "title",
    [
        "Rule no. 2.1",
        "Garden: who waters, 10:30 to 11:00",
        "Regel Nr. 3. Gemeinschaft",
        "共同规则。第一部分",
        "规则：花园",
        "Food 👩\u200d🌾 for all",
        "नियम: बगीचा",
    ],
)
def test_a_name_that_is_none_is_said_as_it_is(title: str) -> None:
    assert words.in_subject(title) == f"“{title}”"
