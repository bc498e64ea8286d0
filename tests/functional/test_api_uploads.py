"""/api/uploads, as the contract says, and what is left on the disk."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from webtest import TestApp

from cr import uploads
from cr.errors import Problem
from cr.uploads import files
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.people import sign_in
from tests.functional.test_all_or_nothing import another_window, at_once
from tests.functional.test_security import ELSEWHERE, OURS
from tests.uploads.pictures import PDF, opened, picture, png_bomb, saved

UPLOADS = "/api/uploads"
AVATAR, ATTACHMENT = "communityAvatar", "customMethodAttachment"
PNG = saved(picture(), "PNG")


@pytest.fixture
def folder(environment: dict[str, str]) -> Path:
    return Path(environment["UPLOAD_ROOT"])


@pytest.fixture
def patient(ada: TestApp, clock: Clock) -> TestApp:
    """Ada, who waits between two uploads: each of her requests comes ten seconds after the one before."""
    ask = ada.do_request

    def later(*arguments: Any, **options: Any) -> Any:
        clock.advance(timedelta(seconds=10))
        return ask(*arguments, **options)

    ada.do_request = later
    return ada


def send(client: TestApp, content: bytes = PNG, purpose: str | None = AVATAR, **options: Any) -> Any:
    name = options.pop("name", "photo.png")
    fields = {} if purpose is None else {"purpose": purpose}
    return client.post(UPLOADS, fields, upload_files=[("file", name, content)], **options)


def refusal(client: TestApp, *arguments: Any, status: int = 400, **options: Any) -> tuple[str, str]:
    error = send(client, *arguments, status=status, **options).json["error"]
    return error["code"], error["message"]


def on_disk(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(uploads.uploads)))


# What comes back


def test_a_picture_is_kept_and_shown_to_everybody(ada: TestApp, client: TestApp, folder: Path) -> None:
    answer = send(ada, saved(picture((4000, 3000)), "JPEG")).json
    shown = client.get(answer["url"])
    assert answer == {
        "url": f"/api/uploads/{answer['id']}",
        "id": answer["id"],
        "mimeType": "image/jpeg",
        "byteLength": len(shown.body),
    }
    assert opened(shown.body).size == (2048, 1536)
    [file] = on_disk(folder)
    assert file == folder / answer["id"][:2] / answer["id"]
    assert shown.headers["Content-Type"] == "image/jpeg"
    assert shown.headers["Content-Length"] == str(answer["byteLength"])
    assert shown.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert shown.headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "Content-Disposition" not in shown.headers
    # Public, hence the same for whoever asks.
    assert ada.get(answer["url"]).headers["Cache-Control"] == shown.headers["Cache-Control"]
    assert "Set-Cookie" not in ada.get(answer["url"]).headers


def test_a_browser_that_has_it_is_not_sent_it_again(ada: TestApp) -> None:
    url = send(ada).json["url"]
    shown = ada.get(url)
    tag = shown.headers["ETag"]
    assert tag.startswith('"')
    again = ada.get(url, headers={"If-None-Match": tag}, status=304)
    assert again.body == b""
    assert again.headers["ETag"] == tag
    ada.get(url, headers={"If-None-Match": '"another"'}, status=200)
    head = ada.head(url)
    assert head.body == b""
    assert head.headers["Content-Length"] == str(len(shown.body))


def test_a_gif_comes_back_as_a_png(ada: TestApp) -> None:
    answer = send(ada, saved(picture(), "GIF")).json
    assert answer["mimeType"] == ada.get(answer["url"]).headers["Content-Type"] == "image/png"


def test_a_pdf_is_kept_byte_for_byte_and_downloaded(ada: TestApp) -> None:
    answer = send(ada, PDF, ATTACHMENT, name="../../form.html").json
    assert answer["mimeType"] == "application/pdf"
    assert answer["byteLength"] == len(PDF)
    shown = ada.get(answer["url"])
    assert shown.body == PDF
    assert shown.headers["Content-Type"] == "application/pdf"
    assert shown.headers["Content-Disposition"] == 'attachment; filename="attachment.pdf"'
    assert shown.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"


def test_an_attachment_may_be_a_picture(ada: TestApp) -> None:
    assert send(ada, PNG, ATTACHMENT).json["mimeType"] == "image/png"


@pytest.mark.parametrize("name", ["x", "0" * 32, str(UUID(int=5)).upper() + "A", str(UUID(int=5)), "..%2f..%2fetc"])
def test_there_is_nothing_at_other_addresses(client: TestApp, name: str) -> None:
    assert client.get(f"{UPLOADS}/{name}", status=404).json["error"]["code"] == "not_found"


def test_the_address_itself_shows_nothing(client: TestApp, ada: TestApp) -> None:
    assert client.get(UPLOADS, status=405).headers["Allow"] == "POST"
    assert "GET" in ada.delete(send(ada).json["url"], status=405).headers["Allow"]


# What is refused


def test_who_is_not_signed_in_sends_nothing(client: TestApp, folder: Path) -> None:
    assert refusal(client, status=401)[0] == "unauthorized"
    assert refusal(client, b"nonsense", None, status=401)[0] == "unauthorized"
    assert on_disk(folder) == []


SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><script>alert(1)</script>"


@pytest.mark.parametrize(
    ("content", "purpose", "says"),
    [
        (b"", AVATAR, "empty"),
        (SVG, AVATAR, "JPEG, PNG, WebP"),
        (HTML, AVATAR, "JPEG, PNG, WebP"),
        (b"GIF89a" + HTML, AVATAR, "can’t be read"),
        (b"\xff\xd8\xff" + HTML, ATTACHMENT, "can’t be read"),
        (b"RIFF\0\0\0\0WEBPVP8 " + HTML, ATTACHMENT, "can’t be read"),
        (HTML + PNG, AVATAR, "JPEG, PNG, WebP"),
        (saved(picture(), "BMP"), AVATAR, "JPEG, PNG, WebP"),
        (saved(picture(), "TIFF"), ATTACHMENT, "or a PDF"),
        (PDF, AVATAR, "JPEG, PNG, WebP"),
        (b"\n" + PDF, ATTACHMENT, "or a PDF"),
        (PDF[:-7], ATTACHMENT, "not complete"),
        (PDF + b"x" * 2000, ATTACHMENT, "not complete"),
        (PNG[:-30], AVATAR, "can’t be read"),
        (png_bomb(60000, 60000), AVATAR, "25 million pixels"),
        (b"PK\3\4" + b"x" * 100, ATTACHMENT, "or a PDF"),
    ],
    ids=lambda value: str(value[:12]),
)
def test_the_bytes_decide(
    ada: TestApp, folder: Path, engine: sa.Engine, content: bytes, purpose: str, says: str
) -> None:
    code, message = refusal(ada, content, purpose, name="photo.jpg")
    assert code == "validation_error"
    assert says in message
    assert on_disk(folder) == rows(engine) == []


@pytest.mark.parametrize(("purpose", "most"), [(AVATAR, 5), (ATTACHMENT, 10)])
def test_a_file_has_a_largest_size(ada: TestApp, folder: Path, purpose: str, most: int) -> None:
    # A PNG may have anything behind it.
    fitting = PNG + b"\0" * (most * 2**20 - len(PNG))
    code, message = refusal(ada, fitting + b"\0", purpose, status=413)
    assert code == "payload_too_large"
    assert f"{most} MB" in message
    assert on_disk(folder) == []
    send(ada, fitting, purpose, status=200)


def test_a_body_has_a_largest_size(ada: TestApp) -> None:
    assert refusal(ada, b"\0" * (12 * 2**20), ATTACHMENT, status=413)[0] == "payload_too_large"
    body = b"x" * (12 * 2**20 + 1)
    for content_type in ("multipart/form-data; boundary=x", "Multipart/Form-Data; boundary=x"):
        ada.request(UPLOADS, method="POST", body=body, content_type=content_type, status=413)
    for path, method in (("/api/rules", "POST"), ("/api/drafts/me", "PUT"), ("/login", "POST"), (UPLOADS, "PUT")):
        answer = ada.request(
            path,
            method=method,
            body=b"x" * 2**21,
            content_type="multipart/form-data; boundary=x",
            expect_errors=True,
        )
        assert answer.status_int == 413


@pytest.mark.parametrize("purpose", [None, "", "avatar", "COMMUNITYAVATAR", "communityAvatar\0", "é"])
def test_a_purpose_is_one_of_two(ada: TestApp, purpose: str | None) -> None:
    code, message = refusal(ada, PNG, purpose)
    assert code == "validation_error"
    assert "communityAvatar or customMethodAttachment" in message


def test_a_file_has_to_be_there(ada: TestApp) -> None:
    says = "No file was sent"
    empty = ada.post(UPLOADS, {"purpose": AVATAR}, upload_files=[("other", "photo.png", PNG)], status=400)
    assert says in empty.json["error"]["message"]
    assert says in send(ada, b"", name="", status=400).json["error"]["message"]
    for fields in ({"purpose": AVATAR, "file": "text"}, {"purpose": AVATAR}):
        answer = ada.post(UPLOADS, fields, upload_files=[("other", "", b"")], status=400)
        assert says in answer.json["error"]["message"]


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
def test_other_bodies_are_told_what_to_send(ada: TestApp, content_type: str) -> None:
    for body in (b"{}", b""):
        answer = ada.request(
            UPLOADS, method="POST", body=body, headers={"Content-Type": content_type}, expect_errors=True
        )
        assert answer.status_int == 400
        assert "multipart/form-data" in answer.json["error"]["message"]


PART = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="a"; filename="b"\r\n\r\n'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"--x", 400),
        (b"--x--", 400),
        (PART, 400),
        (PART[:-5], 400),
        (PART * 2001 + b"--x--", 413),
        (FILE + b"\n" * (11 * 2**20) + b"\r\n--x--", 400),
        (FILE + b"\r\n--" * (2**21) + b"\r\n--x--", 400),
        (b"--x\r\n" + b"a:\r\n" * (2**21), 413),
        (b"--x\r\nA: " + b"a" * (11 * 2**20), 413),
        (PART[:-2] + b"b" * (2**20) + b"\r\n--x--", 413),
        (PART.replace(b'"a"', b'"\xff"') + b"--x--", 400),
        (PART.replace(b"b\r\n", b"\xff\r\n") + b"--x--", 400),
        (b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--", 400),
    ],
    ids=lambda value: str(value[:40]) if isinstance(value, bytes) else str(value),
)
def test_odd_forms_are_refused_at_once(ada: TestApp, body: bytes, status: int) -> None:
    answer = ada.request(
        UPLOADS, method="POST", body=body, content_type="multipart/form-data; boundary=x", expect_errors=True
    )
    assert answer.status_int == status
    assert answer.json["error"]["message"]


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "y" * 500,
        "multipart/form-data; boundary=é",
        "multipart/form-data; boundary=x; charset=utf-16",
        "multipart/mixed; boundary=x",
    ],
)
def test_odd_boundaries_are_refused(ada: TestApp, content_type: str) -> None:
    headers = {"Content-Type": content_type.encode().decode("latin-1")}
    assert ada.request(UPLOADS, method="POST", body=PART + b"--x--", headers=headers, status=400).json["error"]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.lists(
        st.sampled_from([b"--x", b"--x--", b"\r\n", b"\r\n\r\n", PART, FILE, PNG, PDF])
        | st.sampled_from([b'Content-Disposition: form-data; name="purpose"', AVATAR.encode(), b"Content-Length: 3"])
        | st.binary(max_size=20),
        max_size=12,
    ).map(b"".join)
)
def test_no_body_breaks_the_site(patient: TestApp, body: bytes) -> None:
    answer = patient.request(
        UPLOADS, method="POST", body=body, content_type="multipart/form-data; boundary=x", expect_errors=True
    )
    assert answer.status_int in (200, 400, 413)


def test_over_a_real_connection(ada: TestApp, server: str) -> None:
    content = PDF[:-6] + b"\0" * (10 * 2**20 - len(PDF)) + PDF[-6:]
    whole = ada.encode_multipart([("purpose", ATTACHMENT)], [("file", "form.pdf", content)])
    [cookie] = [f"{each.name}={each.value}" for each in ada.cookiejar if each.name == "cr_session"]
    request = urllib.request.Request(f"{server}{UPLOADS}", whole[1], {"Content-Type": whole[0], "Cookie": cookie})
    with urllib.request.urlopen(request, timeout=30) as answer:
        url = json.load(answer)["url"]
    with urllib.request.urlopen(f"{server}{url}", timeout=30) as answer:
        assert answer.read() == content


# Who may send it from where


@pytest.mark.parametrize("headers", OURS)
def test_clients_send_no_token(ada: TestApp, headers: dict[str, str]) -> None:
    send(ada, headers=headers, status=200)


@pytest.mark.parametrize("headers", ELSEWHERE)
def test_a_forged_request_is_refused(ada: TestApp, folder: Path, headers: dict[str, str]) -> None:
    assert refusal(ada, headers=headers, status=403)[0] == "forbidden"
    assert on_disk(folder) == []


def test_no_other_address_takes_files_without_a_token(ada: TestApp) -> None:
    for path in ("/api/rules", "/api/auth/logout", "/api/uploads/", "/api/uploads/x"):
        answer = ada.post(path, {"purpose": AVATAR}, upload_files=[("file", "a.png", PNG)], status=400)
        assert answer.json["error"]["code"] == "invalid_json"
    ada.post("/drafts", {"title": "Elm"}, upload_files=[("file", "a.png", PNG)], status=400)


# How often, and how much


def test_once_in_five_seconds(ada: TestApp, bo: TestApp, clock: Clock) -> None:
    send(ada)
    answer = send(ada, status=429)
    assert answer.json["error"]["code"] == "rate_limited"
    assert int(answer.headers["Retry-After"]) <= 5
    send(bo)
    clock.advance(timedelta(seconds=5))
    send(ada)


def test_what_the_decoder_looked_at_counts_also_when_it_is_refused(
    ada: TestApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for refused in (PNG[:60], png_bomb(6000, 6000)):
        for wrong in (b"", b"text", HTML):
            refusal(ada, wrong)
        refusal(ada, PDF[:20], ATTACHMENT)
        assert refusal(ada, refused)[0] == "validation_error"
        assert refusal(ada, refused, status=429)[0] == "rate_limited"
        clock.advance(timedelta(seconds=5))
    with monkeypatch.context() as patched:
        patched.setattr(uploads, "FILES_EACH", 0)
        assert "used up" in refusal(ada)[1]
        refusal(ada, status=429)
    clock.advance(timedelta(seconds=5))
    send(ada)


def test_a_person_has_room_for_so_many_files(
    patient: TestApp, bo: TestApp, monkeypatch: pytest.MonkeyPatch, engine: sa.Engine
) -> None:
    monkeypatch.setattr(uploads, "FILES_EACH", 2)
    send(patient)
    send(patient)
    code, message = refusal(patient)
    assert code == "validation_error"
    assert "room for 2 files" in message
    send(bo)
    assert len(rows(engine)) == 3


def test_a_person_has_room_for_so_many_bytes(patient: TestApp, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "BYTES_EACH", 2 * len(PDF) + 1)
    send(patient, PDF, ATTACHMENT)
    send(patient, PDF, ATTACHMENT)
    assert "used up" in refusal(patient, PDF, ATTACHMENT)[1]
    assert len(on_disk(folder)) == 2


def test_two_at_once_do_not_both_find_the_last_room(
    ada: TestApp, folder: Path, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "FILES_EACH", 1)
    # Several servers that count each for itself.
    monkeypatch.setattr("cr.limits.Limits.take", lambda *arguments: None)
    windows = [another_window(ada) for _ in range(3)]
    answers = at_once(*((lambda window=window: send(window, expect_errors=True)) for window in windows))
    assert sorted(answer.status_int for answer in answers) == [200, 400, 400]
    assert len(rows(engine)) == len(on_disk(folder)) == 1


def test_people_who_send_at_once_get_each_their_own(app: Any, smtp: Mailbox, folder: Path) -> None:
    people = [sign_in(app, smtp, f"{name}@example.org") for name in ("ada", "bo", "cy")]

    def sending(person: TestApp, side: int) -> Callable[[], Any]:
        return lambda: send(person, saved(picture((side, side)), "JPEG"))

    answers = at_once(*(sending(person, 10 + number) for number, person in enumerate(people)))
    sizes = [opened(people[0].get(answer.json["url"]).body).size for answer in answers]
    assert sizes == [(10 + number, 10 + number) for number in range(3)]
    assert len(on_disk(folder)) == 3


# What stays and what goes


def test_a_file_stays_when_its_person_goes(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    url = send(ada).json["url"]
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM accounts"))
    client.get(url, status=200)
    assert rows(engine)[0].account_id is None


def test_what_is_rolled_back_leaves_no_file(
    ada: TestApp, folder: Path, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    store, seen = uploads.store, []

    def fail(*arguments: Any, **options: Any) -> Any:
        store(*arguments, **options)
        seen.extend(on_disk(folder))
        raise RuntimeError("after it was kept")

    with monkeypatch.context() as patched:
        patched.setattr(uploads, "store", fail)
        send(ada, status=500)
    assert len(seen) == 1
    assert on_disk(folder) == rows(engine) == []
    send(ada)


def test_what_can_not_be_committed_leaves_no_file(ada: TestApp, folder: Path, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;"
                "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON uploads DEFERRABLE INITIALLY DEFERRED"
                " FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        )
    send(ada, status=500)
    assert on_disk(folder) == rows(engine) == []


def test_an_upload_that_is_tried_again_finds_its_body_again(
    ada: TestApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, tries = uploads.store, []

    def lose_once(*arguments: Any, **options: Any) -> Any:
        kept = store(*arguments, **options)
        tries.append(kept.byte_length)
        if len(tries) == 1:
            raise IntegrityError("somebody was faster")
        return kept

    monkeypatch.setattr(uploads, "store", lose_once)
    # Long enough to be read into a temporary file.
    noise = saved(Image.effect_noise((600, 600), 80), "PNG")
    assert len(noise) > 100_000
    url = send(ada, noise).json["url"]
    assert len(tries) == 2
    assert len(on_disk(folder)) == 1
    assert opened(ada.get(url).body).size == (600, 600)


def test_what_a_killed_server_left_is_swept(patient: TestApp, folder: Path, clock: Clock) -> None:
    old, young = folder / f"{files.UNFINISHED}old", folder / f"{files.UNFINISHED}young"
    for each, age in ((old, timedelta(days=1, minutes=1)), (young, timedelta(hours=23))):
        each.write_bytes(b"half")
        moment = (clock.now - age).timestamp()
        os.utime(each, (moment, moment))
    send(patient)
    assert not old.exists()
    assert young.exists()


def test_a_file_that_is_missing(ada: TestApp, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    url = send(ada).json["url"]
    [file] = on_disk(folder)
    file.unlink()
    assert ada.get(url, status=404).headers["Cache-Control"].endswith("no-store")
    assert f"missing: {file}" in caplog.text


# A server that keeps no files


@pytest.fixture
def without(make_app: MakeApp, smtp: Mailbox) -> TestApp:
    return sign_in(make_app(UPLOAD_ROOT=None), smtp, "ada@example.org")


def test_without_a_folder(without: TestApp, engine: sa.Engine) -> None:
    code, message = refusal(without, status=500)
    assert code == "server_misconfigured"
    assert "keeps no files" in message
    without.get(f"{UPLOADS}/{UUID(int=5)}", status=404)


def test_what_was_kept_before_the_folder_went(ada: TestApp, without: TestApp) -> None:
    url = send(ada).json["url"]
    assert without.get(url, status=500).json["error"]["code"] == "server_misconfigured"


@pytest.mark.parametrize("odd", ["a file", "missing", "full"])
def test_a_folder_that_can_not_be_written(
    ada: TestApp,
    folder: Path,
    engine: sa.Engine,
    odd: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    url = send(ada, PDF, ATTACHMENT).json["url"]
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    if odd == "a file":
        folder.write_bytes(b"")
    elif odd == "full":
        folder.mkdir()

        def full(handle: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
    ada.app.registry["cr.limits"] = type("Never", (), {"take": lambda *_: None, "give_back": lambda *_: None})()
    code, message = refusal(ada, status=500)
    assert code == "server_misconfigured"
    assert "no room" in message
    assert f"Uploads can't be written to {folder}: " in caplog.text
    assert [each for each in folder.parent.rglob("*") if each.is_file() and elsewhere not in each.parents] == (
        [folder] if odd == "a file" else []
    )
    assert len(rows(engine)) == 1
    ada.get(url, status=500 if odd == "a file" else 404)


def test_a_page_may_go_on_after_a_refusal(
    ada: TestApp, folder: Path, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = uploads.store

    def go_on(*arguments: Any, **options: Any) -> uploads.Upload:
        try:
            return store(*arguments, **options)
        except Problem as problem:
            return uploads.Upload(UUID(int=0), "", problem.code, 0)

    monkeypatch.setattr(uploads, "store", go_on)
    assert send(ada, HTML).json["mimeType"] == "validation_error"
    elsewhere = folder.rename(folder.with_name("elsewhere"))
    assert send(ada).json["mimeType"] == "server_misconfigured"
    assert rows(engine) == []
    elsewhere.rename(folder)
    assert send(ada).json["mimeType"] == "image/png"
    assert len(rows(engine)) == len(on_disk(folder)) == 1


def test_pages_can_ask_whether_files_are_kept(make_app: MakeApp, folder: Path) -> None:
    def available(root: str | None) -> bool:
        app = make_app(UPLOAD_ROOT=root)
        request = type("Request", (), {"settings": app.registry["cr.settings"]})
        return uploads.available(request)

    assert available(str(folder))
    assert not available(None)
    assert not available(str(folder / "missing"))
    (folder / "file").write_bytes(b"")
    assert not available(str(folder / "file"))
