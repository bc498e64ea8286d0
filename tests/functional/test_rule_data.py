"""A rule's life as data over HTTP: whole, of nobody by name, and with hashes that come out the same everywhere."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import urllib.request
from contextlib import ExitStack, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa
from jsonschema import Draft202012Validator
from webtest import TestApp

from cr.events.application import Rules
from tests.audit.commands import complained, cr_replay, told
from tests.fixtures.site import Clock
from tests.functional.test_main_job import edit, publish, write, written
from tests.package.running import PATIENCE, patiently
from tests.projections.lives import NOON, PEOPLE


def lines(client: TestApp, rule: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.get(f"{rule}/history.ndjson").body.splitlines()]


@pytest.fixture
def rule(ada: TestApp) -> str:
    """The path of a rule with two revisions."""
    rule = publish(ada, written(ada))
    draft = edit(ada, rule)
    write(ada, f"{draft}/about", title="Elm Street Gärten")
    publish(ada, draft, changed="Renamed.", decided_by="lazy consensus", decided_on="2026-03-12", record="Minutes 4")
    return rule


def test_every_way_to_the_hash_comes_to_the_same(client: TestApp, rule: str, tmp_path: Path) -> None:
    answer = client.get(f"{rule}/history.ndjson")
    file = tmp_path / "history.ndjson"
    file.write_bytes(answer.body)
    run = cr_replay(file)
    assert (run.returncode, told(run).splitlines()[-1]) == (0, "Every hash matches.")
    for line in lines(client, rule):
        served = client.get(f"{rule}/revisions/{line['revision']}/canonical.json")
        assert served.content_type == "application/json"
        page = client.get(f"{rule}/revisions/{line['revision']}")
        found = {
            page.html.select_one(".rule-quote code").text,
            line["sha256"],
            hashlib.sha256(served.body).hexdigest(),
            hashlib.sha256(cr_replay(file, "--revision", str(line["revision"]), "--json").stdout).hexdigest(),
            re.findall("SHA-256 ([0-9a-f]{64})  matches", told(run))[line["revision"] - 1],
        }
        assert found == {line["sha256"]}
        # What the page shows of the text and its adoption is in what was hashed.
        hashed = json.loads(served.body)
        assert (hashed["title"], hashed["rule"]) == (page.html.h1.text, rule.rpartition("/")[2])
    assert client.get(rule).html.select_one(".rule-quote code").text == line["sha256"]
    assert (hashed["decidedBy"], hashed["decidedOn"], hashed["record"]) == ("Lazy consensus", "2026-03-12", "Minutes 4")


def test_every_page_leads_to_the_json_of_its_own_text(ada: TestApp, client: TestApp, rule: str) -> None:
    ada.patch_json(f"/api{rule}", {"title": "Not yet", "document": {}})
    paths = {rule: 3, **{f"{rule}/revisions/{number}": number for number in (1, 2, 3)}}
    for path, number in paths.items():
        page = client.get(path)
        served = page.click(r"Export \(JSON\)")
        assert (served.json["revision"], served.json["title"]) == (number, page.html.h1.text)
        (alternate,) = page.html.select("link[rel=alternate][type='application/json']")
        assert alternate["href"] == served.request.path
    name = client.get(f"{rule}/revisions/2").html.find("a", string="Export (JSON)")["download"]
    assert name == "elm-street-garten-revision-2.json"


def test_one_letter_of_the_file_is_found(client: TestApp, rule: str) -> None:
    body = client.get(f"{rule}/history.ndjson").body
    run = cr_replay("-", stdin=body.replace("Gärten".encode(), b"Garten"))
    assert run.returncode == 1
    assert "1 hash differs." in told(run)


def test_the_file_has_a_name_and_is_kept_until_something_happens(
    ada: TestApp, client: TestApp, rule: str, clock: Clock
) -> None:
    answer = client.get(f"{rule}/history.ndjson")
    assert answer.headers["Content-Type"] == "application/x-ndjson; charset=utf-8"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="elm-street-garten-history.ndjson"'
    assert answer.headers["Cache-Control"] == "public, no-cache"
    etag = answer.headers["ETag"]
    assert client.get(f"{rule}/history.ndjson", headers={"If-None-Match": etag}, status=304).body == b""
    assert client.head(f"{rule}/history.ndjson").headers["ETag"] == etag
    clock.advance(timedelta(days=1))
    ada.patch_json(f"/api{rule}", {"title": "庭", "document": {}})
    again = client.get(f"{rule}/history.ndjson", headers={"If-None-Match": etag})
    assert (
        again.headers["Content-Disposition"] == f'attachment; filename="rule-{rule.rpartition("/")[2]}-history.ndjson"'
    )
    assert again.last_modified == clock.now.replace(microsecond=0)
    assert again.body.startswith(answer.body)
    assert len(again.body.splitlines()) == 3


def test_the_schema_has_an_address_and_every_line_keeps_to_it(client: TestApp, rule: str) -> None:
    answer = client.get("/rules/history.schema.json")
    assert answer.content_type == "application/schema+json"
    schema = json.loads(answer.body)
    assert schema["$id"] == "http://localhost/rules/history.schema.json"
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    for line in lines(client, rule):
        validator.validate(line)
        assert not validator.is_valid({**line, "account": "x"})


def test_what_can_not_be_hashed_is_said_and_breaks_nothing(client: TestApp, engine: sa.Engine) -> None:
    """A text from before such numbers were refused."""
    with engine.begin() as connection:
        document = {"sections": [], "theirs": 2**60}
        odd = Rules(lambda: nullcontext(connection)).publish_rule(PEOPLE[0], NOON, "Odd", None, document)
    rule = f"/rules/{odd.id}"
    for path in (rule, f"{rule}/revisions/1"):
        page = client.get(path)
        assert "This text has no SHA-256" in page
        assert page.html.select_one(".rule-quote code") is None
    assert "has no canonical JSON" in client.get(f"{rule}/revisions/1/canonical.json", status=404)
    client.get(f"{rule}/history?at=1")
    assert client.get(rule).click(r"Export \(JSON\)").json["rule"]["title"] == "Odd"
    with engine.begin() as connection:
        Rules(lambda: nullcontext(connection)).revise_rule(odd.id, PEOPLE[0], NOON, "Odder", None, document)
    # The API has the newest text alone.
    assert "Export (JSON)" not in client.get(f"{rule}/revisions/1")
    assert "application/json" not in client.get(f"{rule}/revisions/1").html.head.decode()
    assert client.get(f"{rule}/revisions/2").click(r"Export \(JSON\)").json["rule"]["title"] == "Odder"
    body = client.get(f"{rule}/history.ndjson").body
    assert [json.loads(line)["sha256"] for line in body.splitlines()] == [None, None]
    assert cr_replay("-", stdin=body).returncode == 0


def test_a_number_that_has_no_canonical_form_is_refused_in_words(ada: TestApp, rule: str) -> None:
    body = {"title": "Elm", "document": {"sections": [], "since": 2**53}}
    for answer in (ada.post_json("/api/rules", body, status=400), ada.patch_json(f"/api{rule}", body, status=400)):
        assert answer.json["error"]["code"] == "validation_error"
        assert answer.json["error"]["message"].startswith("document.since: write a number between")
    assert len(lines(ada, rule)) == 2


@pytest.mark.parametrize("more", ["/history", "/history?at=1", "/history.ndjson", "/revisions/1/canonical.json"])
def test_what_a_withdrawn_rule_said_is_taken_down(ada: TestApp, client: TestApp, rule: str, more: str) -> None:
    client.get(rule + more)
    ada.delete(f"/api{rule}")
    page = client.get(rule + more, status=410)
    assert "This rule was withdrawn" in page
    assert "by the owner" in page.html.select_one(".lead").text
    assert "Silence" not in page


@pytest.mark.parametrize("more", ["/revisions/3/canonical.json", "/revisions/01/canonical.json", "/history.ndjson/x"])
def test_what_is_not_there(client: TestApp, rule: str, more: str) -> None:
    client.get(rule + more, status=404)


def test_a_long_history_is_told_whole(client: TestApp, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        long = app.publish_rule(PEOPLE[0], NOON, "Elm", None, {"sections": []})
        for number in range(2, 28):
            app.revise_rule(long.id, PEOPLE[0], NOON, f"Elm {number}", None, {"sections": []})
    told_of = lines(client, f"/rules/{long.id}")
    assert [line["event"] for line in told_of] == list(range(1, 28))
    run = cr_replay("-", stdin=client.get(f"/rules/{long.id}/history.ndjson").body)
    assert (run.returncode, complained(run)) == (0, "")


def answered(address: str) -> tuple[int, bytes, str | None]:
    """Status, body, and in how many seconds to ask again."""
    try:
        answer = urllib.request.urlopen(address, timeout=PATIENCE)
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.read(), answer.headers["Retry-After"]


def test_who_does_not_read_what_they_asked_for_stops_nobody(server: str, engine: sa.Engine) -> None:
    """Two of them; for a server blocks a thread of which an answer waits to be read."""
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        # More than a server and the sockets hold back.
        document = {"sections": [], "theirs": "x" * 2**20}
        long = app.publish_rule(PEOPLE[0], NOON, "Elm", None, document)
        for number in range(2, 29):
            app.revise_rule(long.id, PEOPLE[0], NOON, f"Elm {number}", None, document)
    path = f"/rules/{long.id}/history.ndjson"
    with ExitStack() as open_sockets:
        begun = []
        for _ in range(6):
            reader = open_sockets.enter_context(socket.create_connection(("localhost", urlsplit(server).port)))
            reader.settimeout(PATIENCE)
            reader.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            begun.append(reader.recv(12))
        assert begun == [b"HTTP/1.1 200"] * 2 + [b"HTTP/1.1 503"] * 4
        status, body, retry_after = answered(server + path)
        assert (status, b"Try again in a moment." in body, retry_after) == (503, True, "5")
        assert answered(f"{server}/rules/{long.id}")[0] == 200
    # They went away.
    for _ in patiently():
        status, body, _ = answered(server + path)
        if status == 200:
            break
    assert len(body.splitlines()) == 28


def test_whoever_only_asks_about_the_file_keeps_nobody_from_it(client: TestApp, rule: str) -> None:
    for _ in range(3):
        client.head(f"{rule}/history.ndjson", status=200)
    assert len(lines(client, rule)) == 2
