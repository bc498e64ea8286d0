"""What is marked is what changed, to the letter, and as an editor would mark it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cr.redline import CELLS_MOST, LINES_MOST, redline

fragments = st.sampled_from(
    ["we", "the", "vote", "Care", " ", "  ", "\n", "\n\n", "\r\n", ". ", ",", "**", "é", "規則", "\x85"]
)
texts = st.lists(fragments | st.text(max_size=3), max_size=30).map("".join)


def marked(before: str, after: str) -> str:
    marks = {"same": "{}", "deleted": "[-{}-]", "inserted": "[+{}+]"}
    return "".join(marks[run.kind].format(run.text) for run in redline(before, after))


@given(texts, texts)
def test_both_texts_are_in_it_to_the_letter(before: str, after: str) -> None:
    runs = redline(before, after)
    assert "".join(run.text for run in runs if run.kind != "inserted") == before
    assert "".join(run.text for run in runs if run.kind != "deleted") == after
    assert all(run.text for run in runs)


@given(texts, texts)
def test_the_other_way_round_the_same_words_are_marked(before: str, after: str) -> None:
    def changed(first: str, then: str, kind: str) -> list[str]:
        return [run.text for run in redline(first, then) if run.kind == kind]

    for kind, mirrored in (("same", "same"), ("deleted", "inserted"), ("inserted", "deleted")):
        assert changed(before, after, kind) == changed(after, before, mirrored)


@given(texts)
def test_equal_texts_have_no_marks(text: str) -> None:
    assert {run.kind for run in redline(text, text)} <= {"same"}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (
            "We decide by consensus. Everyone has a say.",
            "We decide by two-thirds vote. Everyone has a say.",
            "We decide by [-consensus-][+two-thirds vote+]. Everyone has a say.",
        ),
        # A whole sentence, not the end of one and the beginning of the next.
        ("We meet. We talk.", "We meet. We eat. We talk.", "We meet. [+We eat. +]We talk."),
        ("We meet.", "We meet.\n\nWe eat.", "We meet.[+\n\nWe eat.+]"),
        # No small word is left standing between two long changes.
        (
            "Nobody may take tools home. Newcomers ask the committee in writing.",
            "Nobody may take tools home. Everyone tells the neighbours aloud.",
            (
                "Nobody may take tools home. [-Newcomers ask the committee in writing-][+Everyone tells the neighbours"
                " aloud+]."
            ),
        ),
        # What was written anew is not cut into pieces.
        (
            "The committee looks after the money and reports once a year.",
            "Two treasurers keep the books and tell everyone each quarter.",
            (
                "[-The committee looks after the money and reports once a year.-]"
                "[+Two treasurers keep the books and tell everyone each quarter.+]"
            ),
        ),
        # Paragraphs that stay are found, and those between them.
        ("One.\n\nTwo.\n\nThree.\n", "One.\n\nThree.\n", "One.\n\n[-Two.\n\n-]Three.\n"),
        ("**bold** text", "bold text", "[-**-]bold[-**-] text"),
        ("Don’t stop", "Do not stop", "[-Don’t-][+Do not+] stop"),
        ("a", "", "[-a-]"),
        ("", "", ""),
    ],
)
def test_an_editor_would_mark_it_so(before: str, after: str, expected: str) -> None:
    assert marked(before, after) == expected


def paragraph(words: str, number: int) -> str:
    return " ".join(f"{words}{number}x{place}" for place in range(40)) + "\n"


def test_in_a_text_that_is_too_long_for_words_lines_that_are_alike_are_still_compared_by_words() -> None:
    count = 600
    before = "".join(paragraph("w", number) for number in range(count))
    assert len(before.split()) ** 2 * 4 > CELLS_MOST
    after = before.replace("x7 ", "x7 new ")
    assert marked(before, after).count("[+new +]") == count


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a b c " * 30_000, "b a d " * 30_000),
        ("a\nb\n" * LINES_MOST, "b\nc\n" * LINES_MOST),
        ("a b\n" * LINES_MOST, "c"),
    ],
)
def test_past_the_budget_whole_paragraphs_are_replaced(before: str, after: str) -> None:
    runs = redline(before, after)
    assert "".join(run.text for run in runs if run.kind != "inserted") == before
    assert "".join(run.text for run in runs if run.kind != "deleted") == after
    assert len(runs) <= 4
