"""The text of a draft is sealed in the log with a key of its own; without the key nobody reads it again."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError, MapperDeserialisationError
from hypothesis import given
from hypothesis import strategies as st

from cr.errors import Forbidden, NoRoom, NotFound
from cr.events import draft as d
from cr.events import rule as r
from cr.events.application import Rules
from cr.events.base import Event, JsonMapper, Sealed, decoded, stamped
from cr.events.draft import SNAPSHOT_EVERY
from cr.events.keys import draft_keys
from cr.events.sealing import Place, boxed, new_key, seal
from cr.events.store import Recorder, events, snapshots
from cr.projections import ALL, drafts, histories
from cr.projections.rebuild import check, rebuild
from tests.development.processes import until
from tests.projections.test_histories import SAMPLES
from tests.projections.test_rebuild import rows

ADA, BO = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)
SECRET = "We meet below the old elm"
IN_CLEAR = {d.Published, d.Discarded, d.PassedOn, d.Erased, d.WriterJoined, d.WriterRemoved}


@contextmanager
def rules(engine: sa.Engine) -> Iterator[Rules]:
    with engine.begin() as connection:
        yield Rules(lambda: nullcontext(connection))


def written(engine: sa.Engine, *titles: str) -> UUID:
    """A draft of Ada's that had these titles, one after the other."""
    with rules(engine) as app:
        draft = app.start_draft(ADA, NOON, {"communityContext": SECRET})
        for title in titles:
            app.write_draft(draft, ADA, NOON, {"title": title, "communityContext": SECRET})
    return draft


def stored(engine: sa.Engine, draft: UUID, table: sa.Table = events) -> list[Any]:
    with engine.connect() as connection:
        return list(
            connection.execute(
                sa.select(table).where(table.c.originator_id == draft).order_by(table.c.originator_version)
            )
        )


def everywhere(engine: sa.Engine) -> str:
    """All that the database holds."""
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        return "\n".join(str(row) for name in names for row in connection.execute(sa.text(f"SELECT * FROM {name}")))


# --- Events and the JSON in the log -----------------------------------------------------------------------------------

EVENTS = [kind(**fields, actor=ADA, at=NOON) for kind, fields in SAMPLES.items() if issubclass(kind, d.DraftEvent)]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.TOPIC)
def test_what_people_wrote_is_sealed_and_read_again(event: Event) -> None:
    mapper = JsonMapper(lambda draft: bytes(32))
    stored = mapper.to_stored_event(event)
    assert set(json.loads(stored.state)) >= {"actor", "at"}
    assert (boxed(stored.state.decode()) is None) == (type(event) in IN_CLEAR)
    assert mapper.to_domain_event(stored) == event


@given(value=st.recursive(st.none() | st.text(), lambda deeper: st.dictionaries(st.text() | st.just("sealed"), deeper)))
def test_an_event_from_before_there_were_keys_is_read_as_it_stands(value: Any) -> None:
    state = json.dumps({"actor": str(ADA), "at": NOON.isoformat(), "given": True, "key": "k", "value": value})
    for text in (state, state.replace(": ", ":").replace(", ", ",")):
        try:
            same = json.loads(text)["value"]
        except ValueError:
            continue
        event = decoded(ADA, 2, "draft.ExtraAnswered", text, new_key())
        assert isinstance(event, d.ExtraAnswered)
        assert event.value == same


def test_without_the_key_there_is_a_placeholder() -> None:
    event = d.Named(originator_id=uuid4(), originator_version=3, actor=ADA, at=NOON, title=SECRET)
    stored = JsonMapper(lambda draft: bytes(32)).to_stored_event(event)
    assert JsonMapper().to_domain_event(stored) == Sealed(
        originator_id=event.originator_id, originator_version=3, actor=ADA, at=NOON, topic="draft.Named"
    )


OTHER = UUID(int=9)
NAMED = d.Named(originator_id=UUID(int=8), originator_version=3, actor=ADA, at=NOON, title=SECRET)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda row: {**row, "originator_id": OTHER}, "moved to another draft"),
        (lambda row: {**row, "originator_version": 4}, "moved to another place"),
        (lambda row: {**row, "topic": "draft.Summarized"}, "called otherwise"),
        (lambda row: {**row, "state": row["state"].replace(str(ADA), str(BO))}, "said by somebody else"),
        (lambda row: {**row, "state": row["state"].replace("12T", "13T")}, "said at another time"),
        (lambda row: {**row, "state": flipped(row["state"])}, "another text"),
        (lambda row: {**row, "state": row["state"][:-3] + '"}'}, "cut off"),
        (lambda row: {**row, "state": row["state"].replace(',"sealed":"', ',"sealed":"?')}, "no base64"),
        (lambda row: {**row, "key": bytes(31) + b"1"}, "another key"),
        (lambda row: {**row, "key": b"short"}, "no key"),
    ],
)
def test_what_was_changed_or_moved_is_told_by_its_name(change: Callable[[Any], Any], what: str) -> None:
    key = bytes(32)
    stored = JsonMapper(lambda draft: key).to_stored_event(NAMED)
    row = {
        "originator_id": stored.originator_id,
        "originator_version": stored.originator_version,
        "topic": stored.topic,
        "state": stored.state.decode(),
        "key": key,
    }
    assert decoded(**row) == NAMED
    odd = change(row)
    assert odd != row, what
    name = f"^{odd['topic']} {odd['originator_id']} version {odd['originator_version']}: its seal is broken: "
    with pytest.raises(MapperDeserialisationError, match=name):
        decoded(**odd)


def flipped(state: str) -> str:
    """With one letter of the ciphertext changed."""
    place = len(state) - 20
    return f"{state[:place]}{'A' if state[place] != 'A' else 'B'}{state[place + 1 :]}"


@dataclass(frozen=True, kw_only=True)
class Hidden(Event):
    """Had one text once, and now a list."""

    TOPIC = "test.Hidden"
    class_version: ClassVar[int] = 2
    sealed = True
    lines: list[str]

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["lines"] = [state.pop("line")]


def test_sealed_events_of_every_age_are_read() -> None:
    key, place = new_key(), Place(ADA, 1, Hidden.TOPIC)
    event = Hidden(originator_id=ADA, originator_version=1, actor=BO, at=NOON, lines=[SECRET])
    old = seal(key, place, f'{{"actor":"{BO}","at":"2026-03-12T12:00:00Z","line":"{SECRET}"}}'.encode())
    new = JsonMapper(lambda draft: key).to_stored_event(event).state
    for state in (old, new):
        assert SECRET.encode() not in state
        assert decoded(*place, state.decode(), key) == event
        assert decoded(*place, state.decode()) == Sealed(
            originator_id=ADA, originator_version=1, actor=BO, at=NOON, topic=Hidden.TOPIC
        )


def test_the_same_words_are_never_sealed_alike() -> None:
    mapper = JsonMapper(lambda draft: bytes(32))
    assert len({mapper.to_stored_event(NAMED).state for _ in range(20)}) == 20


# --- Drafts -----------------------------------------------------------------------------------------------------------


def test_no_text_of_a_draft_stands_in_the_log_or_in_a_snapshot(engine: sa.Engine) -> None:
    draft = written(engine, *(f"Below the elm {number}" for number in range(SNAPSHOT_EVERY)))
    assert len(stored(engine, draft, snapshots)) == 1
    for row in (*stored(engine, draft), *stored(engine, draft, snapshots)):
        assert set(json.loads(row.state)) == {"actor", "at", "sealed"}
        assert "the elm" not in row.state
    with rules(engine) as app:
        assert app.draft(draft).payload["communityContext"] == SECRET


def test_every_draft_has_a_key_of_its_own(engine: sa.Engine) -> None:
    first, second = written(engine, "Elm"), written(engine, "Oak")
    with engine.connect() as connection:
        keys = {row.draft: row.key for row in connection.execute(sa.select(draft_keys))}
    assert set(keys) == {first, second}
    assert len({*keys.values()}) == 2
    assert {len(key) for key in keys.values()} == {32}


def test_a_refused_start_leaves_no_key(engine: sa.Engine) -> None:
    with pytest.raises(NoRoom), rules(engine) as app:
        app.start_draft(ADA, NOON, {"communityContext": "x" * d.BYTES_MOST})
    with engine.connect() as connection:
        assert connection.execute(sa.select(draft_keys)).all() == []


@pytest.fixture
def erased(engine: sa.Engine) -> UUID:
    """A draft with a snapshot that its owner erased, beside another one that is still there."""
    written(engine, "Another one")
    draft = written(engine, *(f"Elm {number}" for number in range(SNAPSHOT_EVERY)))
    with rules(engine) as app:
        app.erase_drafts([draft], ADA, NOON)
    return draft


def test_after_its_erasure_nothing_gives_a_drafts_text(engine: sa.Engine, erased: UUID) -> None:
    *before, last = stored(engine, erased)
    assert (last.topic, json.loads(last.state)) == ("draft.Erased", {"actor": str(ADA), "at": "2026-03-12T12:00:00Z"})
    assert all(set(json.loads(row.state)) == {"actor", "at", "sealed"} for row in before)
    assert stored(engine, erased, snapshots) == []
    with engine.connect() as connection:
        others = list(connection.scalars(sa.select(draft_keys.c.key)))
        assert connection.scalar(sa.select(draft_keys.c.draft).where(draft_keys.c.draft == erased)) is None
    for row in before:
        for key in others:
            with pytest.raises(MapperDeserialisationError, match="its seal is broken"):
                decoded(row.originator_id, row.originator_version, row.topic, row.state, key)
    assert "Elm " not in everywhere(engine), "which base64 does not say by chance"
    assert "Another one" in everywhere(engine), "it looks where texts are"


def test_an_erased_draft_is_to_everybody_like_one_that_never_was(engine: sa.Engine, erased: UUID) -> None:
    last = len(stored(engine, erased))
    for who in (ADA, BO):
        refused: list[Callable[[Rules], Any]] = [
            lambda app: app.draft(erased),
            lambda app: app.draft(erased, 1),
            lambda app: app.draft(erased, last),
            lambda app, who=who: app.write_draft(erased, who, NOON, {"title": "Again"}),
            lambda app, who=who: app.restore_draft(erased, who, NOON, 1),
            lambda app, who=who: app.undo_draft(erased, who, NOON, last),
            lambda app, who=who: app.discard_draft(erased, who, NOON),
            lambda app, who=who: app.pass_on_drafts({erased: BO}, who, NOON),
            lambda app, who=who: app.publish_draft(erased, who, NOON),
            lambda app: app.clashes(erased),
            lambda app: app.erase_drafts([erased], BO, NOON),
        ]
        for ask in refused:
            with pytest.raises(NotFound), rules(engine) as app:
                ask(app)
    assert len(stored(engine, erased)) == last


def test_erasing_twice_is_erasing_once(engine: sa.Engine, erased: UUID) -> None:
    before = stored(engine, erased)
    with rules(engine) as app:
        app.erase_drafts([erased], ADA, NOON)
    assert stored(engine, erased) == before


def test_many_drafts_are_passed_on_and_erased_by_as_few_statements_as_one(engine: sa.Engine) -> None:
    few, many = ([written(engine, "Elm", "Oak") for _ in range(number)] for number in (1, 20))
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
    counts = []
    for some in (few, many):
        statements.clear()
        with rules(engine) as app:
            app.pass_on_drafts(dict.fromkeys(some, BO), ADA, NOON)
            app.erase_drafts(some, BO, NOON)
        counts.append(len(statements))
    assert counts[1] == counts[0]
    with engine.connect() as connection:
        assert connection.execute(sa.select(draft_keys)).all() == []


def test_only_its_owner_erases_a_draft_or_passes_it_on(engine: sa.Engine) -> None:
    draft = written(engine, "Elm")
    for ask in (lambda app: app.erase_drafts([draft], BO, NOON), lambda app: app.pass_on_drafts({draft: BO}, BO, NOON)):
        with pytest.raises(Forbidden), rules(engine) as app:
            ask(app)
    with rules(engine) as app:
        assert app.draft(draft).owner == ADA


def test_a_draft_that_is_passed_on_is_anothers(engine: sa.Engine) -> None:
    draft = written(engine, "Elm", "Oak")
    with rules(engine) as app:
        app.pass_on_drafts({draft: BO}, ADA, NOON)
        app.pass_on_drafts({draft: BO}, BO, NOON)
        now = app.draft(draft)
        assert (now.owner, now.title, now.status) == (BO, "Oak", "open")
        assert app.draft(draft, now.version - 1).owner == ADA
        assert app.undo_draft(draft, BO, NOON, now.version).title == "Elm", "to pass it on was no change of its text"
        with pytest.raises(Forbidden):
            app.erase_drafts([draft], ADA, NOON)
        app.erase_drafts([draft], BO, NOON)


@pytest.mark.parametrize("state", ["open", "published", "discarded"])
def test_a_draft_can_be_erased_whatever_became_of_it(engine: sa.Engine, state: str) -> None:
    with rules(engine) as app:
        draft = app.start_draft(ADA, NOON, {"title": "Elm", "selectedCoreValueIds": ["care"]})
        if state == "published":
            rule = app.publish_draft(draft, ADA, NOON)
        elif state == "discarded":
            app.discard_draft(draft, ADA, NOON)
        app.erase_drafts([draft], ADA, NOON)
        with pytest.raises(NotFound):
            app.draft(draft)
        if state == "published":
            assert app.rule(rule.id).title == "Elm", "what was published stays"


def test_a_draft_whose_key_is_gone_is_not_there_and_takes_no_words(engine: sa.Engine) -> None:
    """Whoever deleted it, and whatever they knew before."""
    draft = written(engine, "Elm")
    with rules(engine) as app:
        last = app.draft(draft)
        app.keys.erase([draft])
        with pytest.raises(NotFound):
            app.draft(draft)
        with pytest.raises(NotFound):
            app.write_draft(draft, ADA, NOON, {"title": "Oak"})
        with pytest.raises(NotFound):
            app.mapper.to_stored_event(d.DraftSnapshot(originator_id=draft, draft=last))


def test_a_draft_from_before_there_were_keys_is_erased_as_well(engine: sa.Engine) -> None:
    """Its words stay in the log, which can't forget; nobody but an operator sees them."""
    draft = uuid4()
    state = f'{{"actor":"{ADA}","at":"2026-03-12T12:00:00Z","owner":"{ADA}","payload":{{"title":"Elm"}}}}'
    with engine.begin() as connection:
        row = {"originator_id": draft, "originator_version": 1, "topic": "draft.Started", "state": state}
        connection.execute(sa.insert(events), row)
        connection.execute(sa.insert(draft_keys), {"draft": draft, "key": new_key()})
    with rules(engine) as app:
        app.write_draft(draft, ADA, NOON, {"title": "Oak"})
        assert app.draft(draft).title == "Oak"
        app.erase_drafts([draft], ADA, NOON)
        with pytest.raises(NotFound):
            app.draft(draft)
    rebuild(engine, ALL)
    assert rows(engine)["drafts"] == []


# --- Two at the same moment -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("commits", [True, False], ids=["commits", "gives up"])
def test_who_writes_while_a_draft_is_erased_leaves_nothing_behind(engine: sa.Engine, *, commits: bool) -> None:
    """They have read the key already. Their event has the number of the erasure, for whose end they wait."""
    draft = written(engine, "Elm")
    outcome: list[Any] = []
    ready, go = threading.Event(), threading.Event()

    def write() -> None:
        with engine.connect() as connection:
            app = Rules(lambda: nullcontext(connection))
            now = app.draft(draft)
            facts = d.write(now, now, {"title": "Too late"})
            ready.set()
            assert go.wait(10)
            try:
                app.save(*stamped(facts, of=draft, after=now.version, actor=ADA, at=NOON))
                connection.commit()
                outcome.append("written")
            except IntegrityError:
                outcome.append("refused")

    thread = threading.Thread(target=write)
    thread.start()
    assert ready.wait(10)
    with engine.connect() as erasing:
        Rules(lambda: nullcontext(erasing)).erase_drafts([draft], ADA, NOON)
        go.set()
        with engine.connect() as looking:
            until(lambda: bool(looking.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted"))))
        assert outcome == []
        if commits:
            erasing.commit()
        else:
            erasing.rollback()
    thread.join()
    if commits:
        assert outcome == ["refused"]
        assert stored(engine, draft)[-1].topic == "draft.Erased"
        with pytest.raises(NotFound), rules(engine) as app:
            app.write_draft(draft, ADA, NOON, {"title": "Once more"})
    else:
        assert outcome == ["written"]
        with rules(engine) as app:
            assert app.draft(draft).title == "Too late"


def test_who_erases_while_somebody_writes_sees_first_what_they_wrote(engine: sa.Engine) -> None:
    draft = written(engine, "Elm")
    outcome: list[Any] = []

    def erase() -> None:
        try:
            with rules(engine) as app:
                app.erase_drafts([draft], ADA, NOON)
        except IntegrityError as refusal:
            outcome.append(type(refusal))

    thread = threading.Thread(target=erase)
    with rules(engine) as app:
        app.write_draft(draft, ADA, NOON, {"title": "Just so"})
        thread.start()
        with engine.connect() as looking:
            until(lambda: bool(looking.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted"))))
    thread.join()
    assert outcome == [IntegrityError], "which a request tries again"
    erase()
    assert stored(engine, draft)[-1].topic == "draft.Erased"
    assert stored(engine, draft, snapshots) == []


# --- Read models ------------------------------------------------------------------------------------------------------


def test_the_rows_of_an_erased_draft_are_gone_and_stay_gone(engine: sa.Engine) -> None:
    first, second = written(engine, "Elm", "Oak"), written(engine, "Ash")
    with rules(engine) as app:
        app.erase_drafts([first], ADA, NOON)
    before = rows(engine)
    assert {row.id for row in before["drafts"]} == {second}
    assert {row.originator for row in before["histories"]} == {second}
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []
    rebuild(engine, ALL)
    assert rows(engine) == before


@pytest.mark.parametrize("batch", [1, 2, 3, 1000])
def test_a_key_that_is_erased_while_a_rebuild_runs(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    """Some events of the draft are replayed with the key and others without."""
    monkeypatch.setattr("cr.projections.rebuild.BATCH", batch)
    draft, other = written(engine, "Elm", "Oak", "Ash", "Fir"), written(engine, "Yew")
    with rules(engine) as app:
        app.pass_on_drafts({draft: BO}, ADA, NOON)
    done: list[int] = []

    def erase(reached: int, head: int) -> None:
        if not done and reached >= 3:
            done.append(reached)
            with rules(engine) as app:
                app.erase_drafts([draft], BO, NOON)

    rebuild(engine, [drafts.PROJECTION, histories.PROJECTION], erase)
    assert done
    assert {row.originator for row in rows(engine)["histories"]} == {other}
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def test_a_replay_asks_for_many_keys_at_once(engine: sa.Engine) -> None:
    found = {written(engine, *(str(each) for each in range(number))) for number in range(5)}
    statements: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event[2]))
    rebuild(engine, [histories.PROJECTION])
    assert len([each for each in statements if "draft_keys" in each]) == 1
    assert {row.originator for row in rows(engine)["histories"]} == found


def test_rules_are_in_clear(engine: sa.Engine) -> None:
    with rules(engine) as app:
        rule = app.publish_rule(ADA, NOON, "Elm", None, {"sections": []}).id
    (row,) = stored(engine, rule)
    assert json.loads(row.state)["title"] == "Elm"
    assert not any(kind.sealed for kind in r.EVENTS)
    assert Recorder(engine.begin).select_events(rule)
