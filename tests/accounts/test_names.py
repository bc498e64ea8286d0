"""What is written beside what somebody did who gave no name."""

from __future__ import annotations

from uuid import uuid4

import pytest

from cr.accounts import names


@pytest.mark.parametrize(
    ("noun", "public", "to_another"),
    [
        ("organizer", "An organizer", "Another organizer"),
        ("writer", "A writer", "Another writer"),
        ("stakeholder", "A stakeholder", "Another stakeholder"),
    ],
)
def test_who_has_no_name_is_called_after_their_part(noun: str, public: str, to_another: str) -> None:
    assert names.called(uuid4(), {}, noun=noun) == public
    assert names.called(uuid4(), {}, noun=noun, reader=uuid4()) == to_another
