"""Whatever is sent to the guided flow, it answers in words, and what was saved before is still there."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from webtest import TestApp

from cr.catalog.sections import SECTIONS, VALUES
from cr.events.payload import BLOCKS, META, checked
from tests.events.test_payload import json_values
from tests.functional.flow import CHOICES, KEYS, count, go_on, payload_of_guest, press, saving, start, unequal
from tests.functional.test_api_bodies import put
from tests.functional.test_create_guests import rows
from tests.uploads.pictures import PDF, picture, saved

fuzzed = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

PATHS = [
    *(f"/create/{key}" for key in KEYS),
    *(f"/create/{key}/own" for key in [*CHOICES, "final-review"]),
    "/create/core-values/1",
    "/create/decision-approaches/sociocracy",
    "/create/conflict-management/ours",
    "/create/final-review/clause-1",
    "/create/review-template/consensus",
]

IDS = ["1", "sociocracy", "signal", "ours", "clause-1", "own", "nowhere"]

names = st.sampled_from(
    [
        "title",
        "summary",
        "communityContext",
        "communityAvatarAlt",
        "communityAvatarUrl",
        "size",
        "orgType",
        "scale",
        "maturity",
        "add",
        "remove",
        "up",
        "down",
        "action",
        "new",
        "new-block",
        "remove-block",
        "emails",
        "email",
        "then",
        "draft",
        "version",
        "photo",
        "choice-title",
        "choice-1.meaning",
        *(
            f"{each}.{field}"
            for each in IDS
            for field in ("label", "meaning", "supportText", "consensusLevel", "section")
        ),
        *(f"ours.block-{block}.{field}" for block in ("b1", "b2", "0123456789ab") for field in ("blockTitle", "text")),
        *(f"ours.block-{block}.{field}" for block in ("b3", "b4") for field in ("options", "percent")),
        *(f"file-{block}" for block in ("b1", "b2", "0123456789ab")),
    ]
)
odd = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = odd | st.sampled_from(
    [
        *IDS,
        *KEYS,
        "0",
        "-1",
        "101",
        "mine",
        "theirs",
        "save",
        "continue",
        "add-text",
        "add-upload",
        "add-nothing",
        "upload",
        "use",
        "text:0123456789ab",
        "badges:0123456789ab",
        "proportion:0123456789ab",
        "upload:0123456789ab",
        "text:b1",
        "a@example.org",
        "x" * 9000,
        "\x00\x01\r\n\u2028",
    ]
)
forms = st.lists(st.tuples(st.integers(0, 30) | names | odd.filter(bool), values), max_size=8)
"""Fields and their texts; a number is one of the fields that the page has."""


def begun(client: TestApp) -> None:
    """A text that has something at every address of `PATHS`."""
    start(client, "Elm")
    press(client.get("/create/core-values"), "add", "1")
    press(client.get("/create/decision-approaches", {"all": "yes"}), "add", "sociocracy")
    press(client.get("/create/final-review/own"), "action", "save", label="Who pays", body="All of us.")


def current(client: TestApp) -> tuple[str, str]:
    """A token and a version with which a form is read."""
    page = client.get("/create/community-name").maybe_follow()
    form = saving(page)[0]
    return form["csrf_token"].value, form["version"].value


def written(client: TestApp, engine: sa.Engine) -> dict[str, Any] | None:
    """What is saved now, but for where somebody is: that is said before a mail goes out, and stays when none does."""
    if "cr_session" in client.cookies:
        draft = client.get("/api/drafts/me").json["draft"]
        payload = draft["payload"] if draft else None
    else:
        payload = payload_of_guest(engine) if count(engine, "guests") else None
    return None if payload is None else {key: value for key, value in payload.items() if key != "currentStep"}


def named(client: TestApp, path: str, fields: Any) -> list[tuple[str, str]]:
    """The fields with the names of the page's own in the place of numbers."""
    page = client.get(path, expect_errors=True)
    own = [each["name"] for each in page.html.select("main [name]")] if page.status_int == 200 else []
    ours = [name for name in own if name not in ("csrf_token", "version", "draft")] or ["title"]
    return [(ours[name % len(ours)] if isinstance(name, int) else name, text) for name, text in fields]


@fuzzed
@given(path=st.sampled_from(PATHS), fields=forms, stale=st.booleans())
@example("/create/conflict-management/ours", [("new", "ours"), ("ours.label", "x"), ("new-block", "text:b1")], False)
@example("/create/core-values", [("up", "1"), ("down", "1"), ("add", "2"), ("remove", "1")], False)
def test_no_form_breaks_a_step(somebody: TestApp, engine: sa.Engine, path: str, fields: Any, stale: bool) -> None:
    if written(somebody, engine) is None:  # at first, and once it was published
        begun(somebody)
    token, version = current(somebody)
    sent = [("csrf_token", token), ("version", "1" if stale else version), *named(somebody, path, fields)]
    for headers in ({}, {"Accept": "application/json"}):
        before = written(somebody, engine)
        answer = somebody.post(path, sent, headers=headers, expect_errors=True)
        assert answer.status_int < 500, (path, fields)
        if answer.status_int >= 400:
            assert (answer.json["error"]["message"]) if headers else answer.html.h1.text
        if answer.status_int in (400, 404, 405, 413):
            assert written(somebody, engine) == before
    for again in (path, "/create/review", "/create/core-values", "/create/conflict-management", "/create/final-review"):
        assert somebody.get(again, expect_errors=True).status_int in (200, 303, 404, 409)


@fuzzed
@given(
    path=st.sampled_from(PATHS),
    query=st.lists(
        st.tuples(
            st.sampled_from(["draft", "then", "add", "q", "all", "added", "moved", "dropped", "saved"]) | odd, values
        ),
        max_size=4,
    ),
)
def test_no_query_breaks_a_page(somebody: TestApp, path: str, query: Any) -> None:
    answer = somebody.get(path, query, expect_errors=True)
    assert answer.status_int in (200, 303, 404, 409)


@fuzzed
@given(names=st.lists(odd | st.sampled_from([*KEYS, *IDS, "review-template", "consensus", "@@own", "%2e"]), max_size=4))
def test_no_address_breaks_the_tree(somebody: TestApp, engine: sa.Engine, names: list[str]) -> None:
    path = "/create/" + "/".join(quote(name, safe="") for name in names)
    assert somebody.get(path, expect_errors=True).status_int in (200, 303, 404, 409)
    assert somebody.post(path, {"title": "x"}, expect_errors=True).status_int in (303, 400, 403, 404, 405)
    assert [count(engine, table) for table in ("events", "guests")] == [0, 0]


# Drafts that came through the API


ids = st.sampled_from(
    ["1", "22", "sociocracy", "signal", "mentorship", "mediation", "ours", "own", "a/b", "..", "é"]
) | odd.filter(bool)
long = st.sampled_from(["x" * 3000, "[" * 2000, "\n" * 3000])
words = odd | long
fields = ["label", "meaning", "signals", "corePrinciple", "applicableScope", "section", "body", "consensusLevel"]
details = st.dictionaries(
    ids,
    st.dictionaries(st.sampled_from(fields), words, max_size=3)
    | st.dictionaries(st.sampled_from(["consensusLevel", "rest", "blocks", "more"]), json_values, max_size=2),
    max_size=3,
)
block = st.one_of(
    st.fixed_dictionaries(
        {"kind": st.just("text"), "id": st.sampled_from(["a", "a.b", "", "é"]), "blockTitle": odd},
        optional={"placeholderText": odd, "new": json_values, "more": json_values},
    ),
    st.fixed_dictionaries(
        {
            "kind": st.just("badges"),
            "id": st.sampled_from(["a", "b"]),
            "blockTitle": odd,
            "options": st.lists(odd, max_size=3),
        }
    ),
    st.fixed_dictionaries(
        {"kind": st.just("upload"), "id": st.sampled_from(["a", "b"]), "blockTitle": odd},
        optional={"fileName": odd, "assetUrl": odd | st.just("/api/uploads/x")},
    ),
    st.fixed_dictionaries(
        {"kind": st.just("proportion"), "id": st.just("p"), "blockTitle": odd, "defaultPercent": st.integers(1, 100)}
    ),
)
drafts = st.fixed_dictionaries(
    {},
    optional={
        "title": odd | st.just("x" * 500),
        "summary": odd,
        "communityContext": odd,
        "communityAvatarUrl": odd | st.just("/api/uploads/x"),
        "communityAvatarAlt": odd,
        "currentStep": odd | st.sampled_from(KEYS),
        **{
            key: st.lists(odd | st.sampled_from(["sixToTwelve", "dao"]), max_size=3)
            for key in ("selectedCommunitySizeIds", "selectedOrganizationTypeIds")
        },
        **{part.selected: st.lists(ids, max_size=6) for part in (VALUES, *SECTIONS)},
        **{part.details: details for part in (VALUES, *SECTIONS)},
        META: st.dictionaries(
            ids, st.fixed_dictionaries({"label": odd}, optional={"supportText": odd, "more": json_values}), max_size=3
        ),
        BLOCKS: st.dictionaries(ids, st.lists(block, max_size=4), max_size=2),
        "sections": st.lists(json_values, max_size=2),
        "coreValuesChipsSnapshot": json_values,
        "beganFromDocument": st.dictionaries(odd, json_values, max_size=2),
        "stakeholderEmails": st.lists(odd | st.just("bo@example.org"), max_size=3),
    },
)


def chosen(payload: dict[str, Any]) -> list[str]:
    """The addresses of what the draft has chosen."""
    steps = zip((*CHOICES, "final-review"), (VALUES, *SECTIONS), strict=True)
    return [
        f"/create/{step}/{quote(each, safe='')}" for step, part in steps for each in payload.get(part.selected) or ()
    ]


def walk(client: TestApp, payload: dict[str, Any]) -> None:
    """Look at every page of the draft, and press Continue on it."""
    draft = client.get("/profile").html.select_one("main h3 a")["href"].strip("/")
    for path in (*PATHS, "/templates", f"/{draft}/preview", f"/{draft}/history", f"/{draft}/publish"):
        assert client.get(path, expect_errors=True).status_int in (200, 303, 404, 409), path
    for path in chosen(payload):
        assert client.get(path, expect_errors=True).status_int in (200, 303, 404, 409), path


@settings(fuzzed, max_examples=25)
@given(payload=drafts)
def test_no_draft_breaks_a_page(ada: TestApp, payload: dict[str, Any]) -> None:
    answer = put(ada, json.dumps({"payload": payload}))
    assert answer.status_int in (200, 400)
    if answer.status_int == 200:
        walk(ada, ada.get("/api/drafts/me").json["draft"]["payload"])


@fuzzed
@given(
    payload=st.dictionaries(
        st.sampled_from([*(part.selected for part in SECTIONS), META, BLOCKS, "title", "currentStep"]) | odd,
        json_values,
        max_size=5,
    )
)
def test_no_json_breaks_a_page(ada: TestApp, payload: dict[str, Any]) -> None:
    answer = put(ada, json.dumps({"payload": payload}))
    assert answer.status_int in (200, 400)
    if answer.status_int == 200:
        walk(ada, ada.get("/api/drafts/me").json["draft"]["payload"])


ODD: dict[str, Any] = {
    "title": "Elm",
    "currentStep": "nowhere",
    "communityAvatarUrl": "https://evil.example/x.png",
    "selectedCoreValueIds": ["1", "22", "unknown", "own", "a/b", "..", "@@x", 'q"<b>', *(f"v{n}" for n in range(192))],
    "coreValueDetailsByChipId": {
        "1": {"meaning": "x" * 50_000, "more": [1, {"deep": None}]},
        "unknown": {"label": "", "meaning": ""},
        "not-chosen": {"label": "Nobody sees me", "meaning": "x"},
    },
    "selectedDecisionApproachIds": ["sociocracy", "ours", "x" * 200],
    "decisionApproachDetailsById": {
        "sociocracy": {"consensusLevel": 66.6, "corePrinciple": "[" * 50_000, "unasked": "kept"},
        "ours": {"consensusLevel": "a lot", "stepByStepInstructions": "\n" * 1000},
    },
    "selectedConflictManagementIds": ["ours"],
    META: {"ours": {"label": "", "supportText": ""}},
    BLOCKS: {
        "ours": [
            {"kind": "text", "id": "b", "blockTitle": "", "placeholderText": "First"},
            {"kind": "text", "id": "b", "blockTitle": "Twice", "placeholderText": "Second"},
            {"kind": "badges", "id": "b.text", "blockTitle": "Dots", "options": ["", "One", "One"]},
            {"kind": "upload", "id": "", "blockTitle": "", "assetUrl": "javascript:alert(1)"},
            {"kind": "proportion", "id": "p", "blockTitle": "Share", "defaultPercent": 1},
        ],
        "not-chosen": [{"kind": "text", "id": "b", "blockTitle": "Nobody sees me"}],
    },
    "selectedOwnSectionIds": ["c"],
    "ownSectionDetailsById": {"c": {"section": "", "rest": {"title": 1, "blocks": None}}},
    "sections": ["x", 1, {"categoryName": "Ours", "entries": [{"title": "Said elsewhere"}]}],
    "coreValuesChipsSnapshot": [{"id": "v1", "label": "From a snapshot"}, {"id": "v2", "label": 7}, 3],
    "stakeholderEmails": ["no address", "bo@example.org"],
}
"""All of it is allowed, and none of it is made by our own pages."""


def test_an_odd_draft_goes_through_every_step_and_is_published(
    ada: TestApp, client: TestApp, engine: sa.Engine
) -> None:
    ada.put_json("/api/drafts/me", {"payload": ODD})
    walk(ada, ODD)
    for key in KEYS[1:-2]:
        page = ada.get(f"/create/{key}")
        if page.status_int == 200:
            go_on(page)
    kept = ada.get("/api/drafts/me").json["draft"]["payload"]
    assert {**kept, "currentStep": None} == {**checked(ODD), "currentStep": None}
    # The words of one entry are changed, and all the rest stays.
    for path, changed in (
        ("/create/core-values/unknown", {"label": "Known"}),
        ("/create/core-values/1", {"signals": "Changed"}),
        ("/create/decision-approaches/sociocracy", {"applicableScope": "Changed"}),
        ("/create/decision-approaches/ours", {"supportText": "Changed"}),
        ("/create/conflict-management/ours", {"label": "Ours"}),
    ):
        press(ada.get(path), "action", "save", **changed)
    after = ada.get("/api/drafts/me").json["draft"]["payload"]
    assert after[BLOCKS] == kept[BLOCKS]
    assert after["coreValueDetailsByChipId"]["1"] == {**kept["coreValueDetailsByChipId"]["1"], "signals": "Changed"}
    assert after["decisionApproachDetailsById"]["sociocracy"] == {
        **kept["decisionApproachDetailsById"]["sociocracy"],
        "applicableScope": "Changed",
    }
    page = saving(ada.get("/create/final-review"))[-1].submit(status=303).follow()
    public = client.get(page.html.select_one(".address a")["href"])
    assert "From a snapshot" in public
    assert "Nobody sees me" not in public
    assert "evil.example" not in public
    assert unequal(engine) == []


# Files


junk = st.binary(max_size=200) | st.sampled_from(
    [PDF, PDF[:20], saved(picture(), "PNG")[:60], b"GIF89a", b"\xff\xd8\xff", b"RIFF0000WEBP"]
)


@fuzzed
@given(content=junk, name=odd, purpose=st.sampled_from(["communityAvatar", "customMethodAttachment", "", "x"]))
def test_no_file_breaks_an_upload(ada: TestApp, engine: sa.Engine, content: bytes, name: str, purpose: str) -> None:
    fields = {"purpose": purpose}
    answer = ada.post("/api/uploads", fields, upload_files=[("file", name or "x", content)], expect_errors=True)
    assert answer.status_int in (200, 400, 429)
    assert answer.json.keys() >= ({"url"} if answer.status_int == 200 else {"error"})


@fuzzed
@given(
    body=st.binary(max_size=300),
    boundary=st.sampled_from(["x", "", "-" * 80]),
    path=st.sampled_from(["/api/uploads", "/create/community-upload", "/create/conflict-management/ours"]),
)
@example(b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a"\r\n\r\n', "x", "/create/community-upload")
@example(
    b'--x\r\nContent-Disposition: form-data; name="version"\r\n\r\n\xff\r\n--x--\r\n', "x", "/create/community-upload"
)
@example(b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n", "x", "/create/community-upload")
def test_no_bytes_break_a_form_with_files(somebody: TestApp, body: bytes, boundary: str, path: str) -> None:
    answer = somebody.request(
        path,
        method="POST",
        body=body,
        content_type=f"multipart/form-data; boundary={boundary}",
        expect_errors=True,
    )
    assert answer.status_int in (303, 400, 401, 403, 404, 413)


@fuzzed
@given(content=junk, name=odd, button=st.sampled_from(["continue", "upload"]))
def test_no_file_breaks_the_photo(ada: TestApp, content: bytes, name: str, button: str) -> None:
    page = ada.get("/create/community-upload")
    [form] = saving(page)
    fields = form.submit_fields("action", submit_value=button)
    fields = [(key, "Us" if key == "communityAvatarAlt" else value) for key, value in fields if key != "photo"]
    answer = ada.post(form.action, fields, upload_files=[("photo", name or "x", content)], expect_errors=True)
    assert answer.status_int in (303, 400)
    if answer.status_int == 400:
        assert answer.html.select_one("[name=communityAvatarAlt]")["value"] == "Us"


@fuzzed
@given(fields=forms, content=junk)
def test_what_a_guest_wrote_survives_what_is_refused(
    client: TestApp, engine: sa.Engine, fields: Any, content: bytes
) -> None:
    if not client.cookies.get("cr_guest"):
        begun(client)
    before = payload_of_guest(engine)
    token, _ = current(client)
    for path in ("/create/community-upload", "/create/conflict-management/ours"):
        sent = [("csrf_token", token), ("communityAvatarAlt", "x" * 400), *fields]
        # WebTest sends no file beside a field whose name is not ASCII.
        texts = [(name, value) for name, value in sent if isinstance(name, str)]
        kept = [(name, value) for name, value in texts if name.isascii() and name not in ("version", "draft")]
        sent = [*kept, ("version", "999999")]
        answer = client.post(path, sent, upload_files=[("photo", "a.png", content)], expect_errors=True)
        assert answer.status_int in (400, 401, 404, 413)
    assert payload_of_guest(engine) == before
    assert rows(engine, "events") == ""
