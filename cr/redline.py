"""Two texts, marked as an editor would: words struck, words put in, and all the others as they were.

Lines that both have are found first, then words between them; what hardly has words in common is replaced as a whole.
The time is bounded: a longest common subsequence of n and m words costs n * m / 64 steps, and past `CELLS_MOST` of them
lines are compared one by one, or replaced.
"""

from __future__ import annotations

import re
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

from rapidfuzz.distance import LCSseq


class Run(NamedTuple):
    kind: Literal["same", "deleted", "inserted"]
    text: str


class Match(NamedTuple):
    """`length` things from place `a` of one sequence that stand from place `b` of the other as well."""

    a: int
    b: int
    length: int


class Change(NamedTuple):
    """Everything from `a` up to `a_end` of one sequence became what stands from `b` up to `b_end` of the other."""

    a: int
    a_end: int
    b: int
    b_end: int


CELLS_MOST = 10**8
"""Of one comparison: words of one text times words of the other. They take a bit each, and three milliseconds."""

ALIKE = 0.4
"""How much of their words two lines have in common that are taken for one line, changed."""

AHEAD = 8
"""Lines in which the one that a line became is looked for."""

LINES_MOST = 10_000
"""Of which that is looked for; more are no prose."""

KEPT_LEAST = 0.25
"""Of the words of the shorter text: where fewer stay, the text was written anew, and the words stay by accident."""

SMALL_WORDS = 3
"""Words that don't stay alone between two changes that are longer than they are."""

# Scripts that write without spaces count by characters.
TOKENS = re.compile(
    r"\n|[^\S\n]+|[\u3040-\u30ff\u3400-\u9fff]|[^\s!-&(-/:-@\[-`{-~“”„«»…\u3040-\u30ff\u3400-\u9fff]+|."
)


def redline(before: str, after: str) -> list[Run]:
    """The runs in order; of each change what was deleted comes before what was inserted.

    Without the inserted runs they are exactly `before`, without the deleted ones exactly `after`. The other way round
    the same words are marked.
    """
    if before == after:
        return [Run("same", before)] if before else []
    if not (before and after):
        return [run for run in _replaced(before, after) if run.text]
    a, b = before.splitlines(keepends=True), after.splitlines(keepends=True)
    runs: list[Run] = []
    end = Match(len(a), len(b), 0)
    i = j = 0
    # An empty line says nothing about where two texts are the same.
    for match in (*(m for m in matches(a, b) if any(map(str.strip, a[m.a : m.a + m.length]))), end):
        runs += _rewritten(a[i : match.a], b[j : match.b])
        i, j = match.a + match.length, match.b + match.length
        runs.append(Run("same", "".join(a[match.a : i])))
    return _joined(runs)


def words(text: str) -> list[str]:
    return [token for token in TOKENS.findall(text) if token[0].isalnum()]


def matches(a: list[str], b: list[str]) -> list[Match]:
    """A longest common subsequence; past `CELLS_MOST` only what both begin and end with."""
    if b < a:
        return [Match(match.b, match.a, match.length) for match in matches(b, a)]
    start, most = 0, min(len(a), len(b))
    while start < most and a[start] == b[start]:
        start += 1
    tail = 0
    while tail < most - start and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    found = [Match(0, 0, start)]
    inner_a, inner_b = a[start : len(a) - tail], b[start : len(b) - tail]
    if len(inner_a) * len(inner_b) <= CELLS_MOST:
        numbers: dict[str, int] = {}
        one, other = ([numbers.setdefault(each, len(numbers)) for each in inner] for inner in (inner_a, inner_b))
        for step in LCSseq.opcodes(one, other):
            if step.tag == "equal":
                found.append(Match(start + step.src_start, start + step.dest_start, step.src_end - step.src_start))
    found.append(Match(len(a) - tail, len(b) - tail, tail))
    return [match for match in found if match.length]


def _rewritten(a: list[str], b: list[str]) -> list[Run]:
    """Lines that became others."""
    before, after = "".join(a), "".join(b)
    one, other = TOKENS.findall(before), TOKENS.findall(after)
    if len(one) * len(other) <= CELLS_MOST:
        return _reworded(one, other)
    if len(a) == len(b) == 1:
        return _reworded(one, other)
    if len(a) + len(b) > LINES_MOST:
        return _replaced(before, after)
    runs: list[Run] = []
    i = j = 0
    for x, y in (*_alike(a, b), (len(a), len(b))):
        runs += _replaced("".join(a[i:x]), "".join(b[j:y]))
        if x < len(a):
            runs += _reworded(TOKENS.findall(a[x]), TOKENS.findall(b[y]))
        i, j = x + 1, y + 1
    return runs


def _alike(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Pairs of lines that have words in common, in order."""
    if b < a:
        return [(x, y) for y, x in _alike(b, a)]
    bags = [set(words(line)) for line in b]
    pairs, free = [], 0
    for x, line in enumerate(a):
        bag = set(words(line))
        likeness, y = max(
            ((likeness_of(bag, bags[y]), -y) for y in range(free, min(free + AHEAD, len(b)))), default=(0, 0)
        )
        if likeness >= ALIKE:
            pairs.append((x, -y))
            free = 1 - y
    return pairs


def likeness_of(one: set[str], other: set[str]) -> float:
    """How much of two bags of words is in both, from 0 to 1."""
    total = len(one) + len(other)
    return 2 * len(one & other) / total if total else 0.0


def _replaced(before: str, after: str) -> list[Run]:
    return [Run("deleted", before), Run("inserted", after)]


def _reworded(a: list[str], b: list[str]) -> list[Run]:
    """What became of a text's words, tidied: no word stays by accident between others that went."""
    changes = _gathered(a, b, _slid(a, b, _changes(a, b)))
    gone = sum(_worth(a[change.a : change.a_end]) for change in changes)
    new = sum(_worth(b[change.b : change.b_end]) for change in changes)
    all_a, all_b = _worth(a), _worth(b)
    if gone and new and min(all_a - gone, all_b - new) < KEPT_LEAST * min(all_a, all_b):
        return _replaced("".join(a), "".join(b))
    runs: list[Run] = []
    place = 0
    for change in changes:
        runs.append(Run("same", "".join(a[place : change.a])))
        runs += _replaced("".join(a[change.a : change.a_end]), "".join(b[change.b : change.b_end]))
        place = change.a_end
    return [*runs, Run("same", "".join(a[place:]))]


def _worth(tokens: list[str]) -> int:
    """Characters of the words among them."""
    return sum(len(token) for token in tokens if token[0].isalnum())


def _changes(a: list[str], b: list[str]) -> list[Change]:
    """What lies between the matches."""
    ends = [Match(0, 0, 0), *matches(a, b), Match(len(a), len(b), 0)]
    between = (Change(one.a + one.length, two.a, one.b + one.length, two.b) for one, two in pairwise(ends))
    return [change for change in between if change.a < change.a_end or change.b < change.b_end]


def _slid(a: list[str], b: list[str], changes: list[Change]) -> list[Change]:
    """Changes where an editor would mark them: of "one. Two[. Two]" the sentence, "one. [Two. ]Two".

    What was only put in or only struck may stand as well some words earlier or later, when those words read the same.
    """
    slid: list[Change] = []
    for place, change in enumerate(changes):
        back = change.a - (slid[-1].a_end if slid else 0)
        ahead = (changes[place + 1].a if place + 1 < len(changes) else len(a)) - change.a_end
        by = 0
        if change.a == change.a_end:
            by = _better(b, change.b, change.b_end, back, ahead)
        elif change.b == change.b_end:
            by = _better(a, change.a, change.a_end, back, ahead)
        slid.append(Change(*(each + by for each in change)))
    return slid


def _better(text: list[str], start: int, end: int, back: int, ahead: int) -> int:
    """By how many words the run from `start` to `end` should stand elsewhere, at most `back` earlier, `ahead` later."""
    places = [0]
    while -places[-1] < back and text[start + places[-1] - 1] == text[end + places[-1] - 1]:
        places.append(places[-1] - 1)
    later = 0
    while later < ahead and text[start + later] == text[end + later]:
        later += 1
        places.append(later)
    return max(places, key=lambda by: (_beginning(text, start + by), -abs(by)))


def _beginning(text: list[str], place: int) -> int:
    """How well a change begins at this place: best with a line, then with a sentence, then with a word."""
    if place == 0 or "\n" in (text[place - 1], text[place]):
        return 3
    if text[place - 1].isspace():
        return 2 if place > 1 and text[place - 2] in ".!?:" else 1
    return 0


def _gathered(a: list[str], b: list[str], changes: list[Change]) -> list[Change]:
    """Changes with only small words between them as one."""
    lengths_a, lengths_b = ([0, *accumulate(map(len, side))] for side in (a, b))
    counts = [0, *accumulate(token[0].isalnum() for token in a)]

    def length(change: Change) -> int:
        return max(lengths_a[change.a_end] - lengths_a[change.a], lengths_b[change.b_end] - lengths_b[change.b])

    result: list[Change] = []
    for change in changes:
        while result:
            last = result[-1]
            between = lengths_a[change.a] - lengths_a[last.a_end]
            small = counts[change.a] - counts[last.a_end] <= SMALL_WORDS
            if change.a > last.a_end and not (small and between <= min(length(last), length(change))):
                break
            result.pop()
            change = Change(last.a, change.a_end, last.b, change.b_end)
        result.append(change)
    return result


def _joined(runs: list[Run]) -> list[Run]:
    """Without empty runs, neighbours of one kind as one, and what was deleted before what was inserted."""
    result: list[Run] = []
    deleted: list[str] = []
    inserted: list[str] = []
    same: list[str] = []

    def close() -> None:
        for kind, texts in (("deleted", deleted), ("inserted", inserted)):
            if any(texts):
                result.append(Run(kind, "".join(texts)))  # type: ignore[arg-type]
            texts.clear()

    for kind, text in (*runs, Run("deleted", "")):
        if not text and kind == "same":
            continue
        if kind == "same":
            close()
            same.append(text)
        else:
            if same:
                result.append(Run("same", "".join(same)))
                same.clear()
            (deleted if kind == "deleted" else inserted).append(text)
    close()
    return result
