"""The rule again, made of nothing but the lines of its public history."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NoReturn
from uuid import UUID

from pydantic import ValidationError

from cr.audit.lines import (
    AnyLine,
    OrganizerLine,
    OwnerPassedOnLine,
    OwnerReleasedLine,
    RevisionLine,
    StakeholderLine,
    WithdrawnLine,
    adapter,
)

SCHEMA = 1


class BrokenHistory(Exception):
    """What is wrong, and in which line; the message is for people."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(f"Line {line}: {sentence}")


@dataclass(frozen=True)
class State:
    """The rule after event number `event`. `newest` is its last revision; `owner` and `organizers` (beside the owner)
    are names as in `by`; `stakeholders` maps a name to whether it was accepted.
    """

    rule: UUID
    event: int
    newest: RevisionLine
    owner: str | None
    status: Literal["published", "withdrawn"] = "published"
    organizers: frozenset[str] = frozenset()
    stakeholders: Mapping[str, bool] = field(default_factory=dict)


def parsed(number: int, text: bytes) -> AnyLine:
    """One line of the file. Raises `BrokenHistory`."""
    try:
        value = json.loads(text, object_pairs_hook=_each_once, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        reason = error.args[0] if isinstance(error, _Twice) else "this is not JSON."
        raise BrokenHistory(number, reason) from None
    schema = value.get("schema") if isinstance(value, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise BrokenHistory(number, f"schema is {schema}. This cr-replay knows {SCHEMA}; take a newer one.")
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        fault = error.errors()[0]
        # The first part is the kind of line that `type` names.
        place = ".".join(str(part) for part in fault["loc"][1:])
        raise BrokenHistory(number, f"{place}: {fault['msg']}." if place else f"{fault['msg']}.") from None


class _Twice(ValueError):
    pass


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values under one name every program would take the one that it likes."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Twice(f"{name} stands in it twice.")
        found[name] = value
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def replayed(lines: Iterable[bytes]) -> Iterator[tuple[AnyLine, State]]:
    """Every line with the state after it. Raises `BrokenHistory` at the first that can't follow on those before."""
    state: State | None = None
    for number, text in enumerate(lines, 1):
        line = parsed(number, text)
        if fault := _fault(state, line):
            raise BrokenHistory(number, fault)
        state = evolve(state, line)
        yield line, state


def _fault(state: State | None, line: AnyLine) -> str | None:
    """Why this line can't come next."""
    event, revision = (state.event + 1, state.newest.revision + 1) if state else (1, 1)
    if line.event != event:
        return f"this is event {line.event}; event {event} should stand here."
    if state and line.rule != state.rule:
        return f"this is an event of rule {line.rule}; the lines before are of {state.rule}."
    if (line.type == "rule.Published") != (state is None):
        return "rule.Published is the first event of a history, and no other one."
    if isinstance(line, RevisionLine) and line.revision != revision:
        return f"this is revision {line.revision}; revision {revision} should stand here."
    if state and state.status == "withdrawn" and line.type in ("rule.Revised", "rule.Withdrawn"):
        return "the rule was withdrawn before."
    return None


def evolve(state: State | None, line: AnyLine) -> State:
    """The state after `line`, which may follow on `state`."""
    if state is None:
        assert isinstance(line, RevisionLine)
        owner = None if line.by == "operators" else line.by
        return State(rule=line.rule, event=line.event, newest=line, owner=owner)
    state = replace(state, event=line.event)
    match line:
        case RevisionLine():
            return replace(state, newest=line)
        case WithdrawnLine():
            return replace(state, status="withdrawn")
        case OwnerReleasedLine():
            return replace(state, owner=None)
        case OwnerPassedOnLine():
            former = {state.owner} if state.owner else set()
            return replace(state, owner=line.owner, organizers=(state.organizers | former) - {line.owner})
        case OrganizerLine(type="rule.OrganizerJoined"):
            return replace(state, organizers=state.organizers | {line.organizer})
        case OrganizerLine():
            return replace(state, organizers=state.organizers - {line.organizer})
        case StakeholderLine(type="rule.StakeholderRemoved" | "rule.StakeholderLeft"):
            left = {name: accepted for name, accepted in state.stakeholders.items() if name != line.stakeholder}
            return replace(state, stakeholders=left)
        case StakeholderLine():
            accepted = line.type == "rule.StakeholderAccepted"
            return replace(state, stakeholders={**state.stakeholders, line.stakeholder: accepted})
    raise AssertionError(f"no event: {line!r}")
