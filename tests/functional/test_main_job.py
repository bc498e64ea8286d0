"""What the site is for, without JavaScript: write, publish, change, and read how it came to be."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.projections import ALL
from cr.projections.rebuild import check
from tests.functional.people import form_to, path_of


def start(client: TestApp, title: str = "Elm Street Garden") -> str:
    """The path of a new draft."""
    form = form_to(client.get("/profile"), "/drafts")
    form["title"] = title
    return path_of(form.submit(status=303).location).rstrip("/")


def write(client: TestApp, part: str, *, status: int = 303, page: Any = None, **texts: str) -> Any:
    """Fill in a part's form; `label="Care"` goes into the blank entry, `title=` into the field of that name."""
    form = form_to(page or client.get(part), part)
    for name, text in texts.items():
        fields = [field for field in form.fields if field and (field == name or field.endswith(f".{name}"))]
        form[fields[-1]] = text
    return form.submit("action", value="save", status=status)


def written(client: TestApp) -> str:
    draft = start(client)
    write(client, f"{draft}/about", summary="We grow food between two roads.")
    write(client, f"{draft}/values", label="Care", meaning="We look after the soil and each other.")
    write(
        client, f"{draft}/decisions", label="Lazy consensus", corePrinciple="Silence is consent.", consensusLevel="80"
    )
    return draft


def publish(client: TestApp, draft: str, **texts: str) -> str:
    """The path of the published rule."""
    form = form_to(client.get(f"{draft}/publish"), f"{draft}/publish")
    for name, text in texts.items():
        form[name] = text
    page = form.submit(status=303).follow()
    return path_of(page.html.select_one(".notice a")["href"]).rstrip("/")


def edit(client: TestApp, rule: str) -> str:
    return path_of(form_to(client.get(f"{rule}/edit"), f"{rule}/edit").submit(status=303).location).rstrip("/")


def sentences(page: Any) -> list[str]:
    """Every entry of a draft's history; who did it stands behind the sentence."""
    return [" ".join(each.text.split()) for each in page.html.select(".what")]


def test_from_a_blank_page_to_a_second_revision(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    draft = written(ada)
    rule = publish(ada, draft)
    public = client.get(rule)
    assert "Silence is consent." in public
    assert "80 %" in public
    assert "Revision 1" in public

    second = edit(ada, rule)
    assert edit(ada, rule) == second
    write(ada, f"{second}/about", title="Elm Street Gardens")
    write(ada, f"{second}/membership", label="Trial season", joiningProcess="Work one season with us.")
    assert "Trial season" not in client.get(rule)
    publish(
        ada,
        second,
        changed="A trial season for newcomers.",
        decided_by="lazy consensus",
        decided_on="2026-03-12",
        record="https://example.org/minutes",
    )
    public = client.get(rule)
    assert "Revision 2, adopted by lazy consensus on 12 March 2026, in force" in public
    assert "Trial season" in public

    history = client.get(f"{rule}/history")
    text = history.html.main.text
    assert text.index("Published revision 2.") < text.index("Published the rule.")
    for words in (
        "A trial season for newcomers.",
        "https://example.org/minutes",
        "Renamed it from “Elm Street Garden” to “Elm Street Gardens”.",
        "Added Trial season to membership.",
    ):
        assert words in history
    first = client.get(f"{rule}/revisions/1")
    assert "This is revision 1. Revision 2 took its place on " in first
    assert "Trial season" not in first
    assert "took its place" not in client.get(f"{rule}/revisions/2")

    assert sentences(ada.get(f"{second}/history")) == [
        "Published it as revision 2. You",
        "Described Trial season in membership. You",
        "Added Trial season to membership. You",
        "Wrote Trial season in your own words. You",
        "Named it “Elm Street Gardens”. You",
        "Started from revision 1 of the published rule. You",
    ]
    assert [each for each in check(engine, ALL) if each.unexplained or each.missing] == []


def test_history_shows_both_texts_and_goes_back(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    write(ada, f"{draft}/about", title="Oak")
    history = ada.get(f"{draft}/history")
    assert "Named it “Oak”." in history
    assert "Elm" in history.html.find("del").text
    assert "Oak" in history.html.find("ins").text
    then = history.click(href="at\\?entry=1$")
    assert "Elm" in then.html.h1.text
    form_to(then, f"{draft}/restore").submit(status=303)
    assert "Elm" in ada.get(draft).html.h1.text
    assert sentences(ada.get(f"{draft}/history"))[0] == "Restored the version of entry 1. You"


def test_two_windows_different_fields_both_count(ada: TestApp) -> None:
    draft = start(ada)
    one, other = ada.get(f"{draft}/about"), ada.get(f"{draft}/about")
    write(ada, f"{draft}/about", page=one, title="Elm")
    write(ada, f"{draft}/about", page=other, summary="A garden")
    page = ada.get(draft)
    assert "Elm" in page.html.h1.text
    assert "A garden" in page


def test_two_windows_the_same_field_shows_both_texts_and_loses_neither(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    one, other = ada.get(f"{draft}/about"), ada.get(f"{draft}/about")
    write(ada, f"{draft}/about", page=one, title="Oak", summary="An oak")
    both = write(ada, f"{draft}/about", page=other, title="Ash", communityContext="Trees", status=409)
    assert both.html.select_one("input[name=title], textarea[name=title]")
    for words in ("Oak", "Ash", "Elm", "Trees"):
        assert words in both
    form = form_to(both, f"{draft}/about")
    form["title"] = "Oak and Ash"
    form.submit("action", value="save", status=303)
    page = ada.get(draft)
    for words in ("Oak and Ash", "An oak", "Trees"):
        assert words in page


def test_at_a_clash_one_may_take_theirs(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    other = ada.get(f"{draft}/about")
    write(ada, f"{draft}/about", title="Oak")
    both = write(ada, f"{draft}/about", page=other, title="Ash", summary="A tree", status=409)
    form = form_to(both, f"{draft}/about")
    form["choice-title"] = "theirs"
    form.submit("action", value="save", status=303)
    page = ada.get(draft)
    assert "Oak" in page.html.h1.text
    assert "A tree" in page


def test_an_entry_that_was_removed_meanwhile_is_asked_about_and_a_new_one_stays(ada: TestApp) -> None:
    draft = start(ada)
    for label in ("Care", "Trust"):
        write(ada, f"{draft}/values", label=label)
    stale = ada.get(f"{draft}/values")
    page = ada.get(f"{draft}/values")
    care = page.html.select_one("button[name=remove]")["value"]
    form_to(page, f"{draft}/values").submit("remove", value=care, status=303)
    form = form_to(stale, f"{draft}/values")
    form[f"{care}.meaning"] = "What I wrote of care"
    labels = [name for name in form.fields if name and name.endswith(".label")]
    form[labels[-1]] = "Joy"
    both = form.submit("action", value="save", status=409)
    assert "What I wrote of care" in both
    assert [each.text for each in ada.get(f"{draft}/values").html.select("legend")][:1] == ["Trust"]
    for choice, legends in (("theirs", {"Trust", "Joy"}), ("mine", {"Trust", "Joy", "Care"})):
        form = form_to(both, f"{draft}/values")
        form[f"choice-{care}.meaning"] = choice
        form.submit("action", value="save", status=303)
        found = {each.text for each in ada.get(f"{draft}/values").html.select("legend")} - {"Add a value"}
        assert found == legends


def test_a_discarded_or_published_draft_keeps_no_addresses(ada: TestApp, engine: sa.Engine) -> None:
    def counts() -> list[int]:
        with engine.connect() as connection:
            names = ("draft_addresses", "stakeholders")
            return [connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) or 0 for name in names]

    payload = {"title": "Elm", "stakeholderEmails": ["friend@example.org"], "selectedCoreValueIds": ["care"]}
    ada.put_json("/api/drafts/me", {"payload": payload})
    draft = path_of(ada.get("/profile").html.select_one("main h3 a")["href"])
    form_to(ada.get(f"{draft}/discard"), f"{draft}/discard").submit(status=303)
    assert counts() == [0, 0]
    ada.put_json("/api/drafts/me", {"payload": payload})
    draft = path_of(ada.get("/profile").html.select_one("main h3 a")["href"])
    publish(ada, draft)
    assert counts() == [0, 1]


def test_what_was_written_since_the_question_is_not_discarded(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    form = form_to(ada.get(f"{draft}/discard"), f"{draft}/discard")
    write(ada, f"{draft}/about", summary="New words")
    assert "changed after you were asked" in form.submit(status=409)
    assert "New words" in ada.get(draft)


def test_a_form_sent_twice_adds_one_entry(ada: TestApp) -> None:
    draft = start(ada)
    page = ada.get(f"{draft}/values")
    write(ada, f"{draft}/values", page=page, label="Care")
    write(ada, f"{draft}/values", page=page, label="Care")
    assert len([each for each in ada.get(f"{draft}/values").html.select("legend") if each.text == "Care"]) == 1


def test_publishing_twice_publishes_once(ada: TestApp, client: TestApp) -> None:
    draft = written(ada)
    form = form_to(ada.get(f"{draft}/publish"), f"{draft}/publish")
    form.submit(status=303)
    form.submit(status=303)
    assert len(client.get("/api/rules").json["rules"]) == 1


def test_a_draft_that_changed_after_the_last_look_is_not_published(ada: TestApp, client: TestApp) -> None:
    draft = written(ada)
    form = form_to(ada.get(f"{draft}/publish"), f"{draft}/publish")
    write(ada, f"{draft}/about", title="Changed")
    assert "changed after this page" in form.submit(status=409)
    assert client.get("/api/rules").json["rules"] == []


def test_an_unnamed_or_empty_draft_says_what_is_missing(ada: TestApp) -> None:
    draft = start(ada, "")
    page = ada.get(f"{draft}/publish")
    assert "Give the rule a name." in page
    assert "Write at least one section." in page


@pytest.mark.parametrize(
    ("part", "texts", "sentence"),
    [
        ("about", {"title": "x" * 501}, "shorten it to 500 characters"),
        ("about", {"communityContext": "x" * 201}, "shorten it to 200 characters"),
        ("decisions", {"label": "Votes", "consensusLevel": "101"}, "a whole number from 0 to 100"),
        ("decisions", {"label": "x" * 49}, "shorten it to 48 characters"),
        ("decisions", {"corePrinciple": "An idea without a name"}, "Give it a name"),
    ],
)
def test_what_cannot_be_used_is_said_beside_the_field_and_kept(
    ada: TestApp, part: str, texts: dict[str, str], sentence: str
) -> None:
    draft = start(ada)
    page = write(ada, f"{draft}/{part}", status=400, **texts)
    assert page.html.title.text.startswith("Error: ")
    assert sentence in page.html.select_one(".errors").text
    for text in texts.values():
        assert text in page


def test_a_form_of_megabytes_is_refused_in_words(ada: TestApp) -> None:
    draft = start(ada)
    answer = write(ada, f"{draft}/about", status=413, summary="x" * 2**20)
    assert "Please make it smaller" in answer
    assert "x" * 1000 not in answer


def test_entries_are_changed_and_removed(ada: TestApp) -> None:
    draft = written(ada)
    page = ada.get(f"{draft}/values")
    form = form_to(page, f"{draft}/values")
    field = next(name for name in form.fields if name and name.endswith(".meaning"))
    form[field] = "Care first"
    form.submit("action", value="save", status=303)
    assert "Care first" in ada.get(f"{draft}/values")
    page = ada.get(f"{draft}/values")
    remove = page.html.select_one("button[name=remove]")["value"]
    form_to(page, f"{draft}/values").submit("remove", value=remove, status=303)
    assert "Care first" not in ada.get(f"{draft}/values")
    assert "Dropped the value Care." in ada.get(f"{draft}/history")


def test_there_is_room_for_five_values(ada: TestApp) -> None:
    draft = start(ada)
    for label in ("Care", "Trust", "Joy", "Rest", "Play"):
        write(ada, f"{draft}/values", label=label)
    assert "Add a value" not in ada.get(f"{draft}/values")


def test_a_discarded_draft_is_out_of_the_list(ada: TestApp) -> None:
    draft = start(ada, "Elm")
    form_to(ada.get(f"{draft}/discard"), f"{draft}/discard").submit(status=303)
    assert "Elm" not in ada.get("/profile")
    ada.get(draft, status=404)


def test_a_draft_is_seen_by_nobody_else(ada: TestApp, bo: TestApp, client: TestApp) -> None:
    draft = start(ada, "Elm")
    for path in (draft, f"{draft}/about", f"{draft}/history", f"{draft}/at?entry=1", f"{draft}/publish"):
        bo.get(path, status=403)
        assert "/login?next=" in client.get(path, status=303).location
    bo.post(f"{draft}/discard", status=403)
    assert "Elm" in ada.get(draft)


def test_the_rule_page_is_kept_by_browsers_until_it_changes(ada: TestApp, client: TestApp) -> None:
    rule = publish(ada, written(ada))
    etag = client.get(rule).headers["ETag"]
    assert not etag.startswith("W/")
    same = client.get(rule, headers={"If-None-Match": etag}, status=304)
    assert same.body == b""
    draft = edit(ada, rule)
    write(ada, f"{draft}/about", title="Changed")
    publish(ada, draft, changed="The name.")
    for path in (rule, f"{rule}/revisions/1"):
        assert client.get(path, headers={"If-None-Match": etag}, status=200).headers["ETag"] != etag
    assert "Set-Cookie" not in client.get(rule).headers


def test_a_withdrawn_rule_leaves_a_page_that_says_so(ada: TestApp, client: TestApp) -> None:
    rule = publish(ada, written(ada))
    ada.delete(f"/api{rule}")
    for path in (rule, f"{rule}/history", f"{rule}/revisions/1", f"{rule}/edit"):
        assert "withdrawn" in (ada if path.endswith("edit") else client).get(path, status=410)
    assert "Elm Street" not in client.get("/rules")


def test_what_people_write_is_shown_as_text(ada: TestApp, client: TestApp) -> None:
    draft = start(ada, "<script>alert(1)</script>")
    write(
        ada,
        f"{draft}/values",
        label="<b>Care</b>",
        meaning="[x](javascript:alert(1)) <img src=x onerror=alert(1)> **bold** https://example.org",
    )
    page = client.get(publish(ada, draft))
    assert page.html.select("main script, main img, main b, a[href^=javascript]") == []
    assert "<script>alert(1)</script>" in page.html.h1.text
    assert page.html.select_one(".prose strong").text == "bold"


def legends(client: TestApp, draft: str) -> list[str]:
    return [each.text for each in client.get(f"{draft}/values").html.select("legend") if each.text != "Add a value"]


def two_values(client: TestApp) -> tuple[str, str, str]:
    """The path of a draft, and the ids of its values Care and Trust."""
    draft = start(client)
    write(client, f"{draft}/values", label="Care", meaning="Care as it was")
    write(client, f"{draft}/values", label="Trust", meaning="Trust as it was")
    care, trust = [each["value"] for each in client.get(f"{draft}/values").html.select("button[name=remove]")]
    return draft, care, trust


def remove(client: TestApp, draft: str, value: str) -> None:
    form_to(client.get(f"{draft}/values"), f"{draft}/values").submit("remove", value=value, status=303)


def rewrite(client: TestApp, draft: str, value: str, meaning: str, *, page: Any = None) -> Any:
    form = form_to(page or client.get(f"{draft}/values"), f"{draft}/values")
    form[f"{value}.meaning"] = meaning
    return form


def test_what_was_removed_meanwhile_and_not_touched_here_stays_removed(ada: TestApp) -> None:
    draft, care, trust = two_values(ada)
    stale = ada.get(f"{draft}/values")
    remove(ada, draft, care)
    rewrite(ada, draft, trust, "Theirs").submit("action", value="save", status=303)
    form = rewrite(ada, draft, trust, "Mine", page=stale)
    form[[name for name in form.fields if name and name.endswith(".label")][-1]] = "Joy"
    both = form.submit("action", value="save", status=409)
    form_to(both, f"{draft}/values").submit("action", value="save", status=303)
    assert legends(ada, draft) == ["Trust", "Joy"]


@pytest.mark.parametrize("identifier", ["care", "a b", 'a"<b>'])
def test_a_value_of_any_id_that_was_removed_meanwhile_comes_back_with_my_text(ada: TestApp, identifier: str) -> None:
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm", "selectedCoreValueIds": [identifier, "trust"]}})
    draft = path_of(ada.get("/profile").html.select_one("main h3 a")["href"]).rstrip("/")
    stale = ada.get(f"{draft}/values")
    remove(ada, draft, identifier)
    both = rewrite(ada, draft, identifier, "My words", page=stale).submit("action", value="save", status=409)
    assert "all of this was removed" in both
    form_to(both, f"{draft}/values").submit("action", value="save", status=303)
    assert "My words" in ada.get(f"{draft}/values")
    assert ada.get("/api/drafts/me").json["draft"]["payload"]["selectedCoreValueIds"] == ["trust", identifier]


def test_a_value_that_was_rewritten_meanwhile_is_removed_only_when_that_was_seen(ada: TestApp) -> None:
    for checked, left in ((True, ["Trust"]), (False, ["Care", "Trust"])):
        draft, care, _ = two_values(ada)
        stale = ada.get(f"{draft}/values")
        rewrite(ada, draft, care, "Rewritten").submit("action", value="save", status=303)
        both = form_to(stale, f"{draft}/values").submit("remove", value=care, status=409)
        assert "Rewritten" in both
        form = form_to(both, f"{draft}/values")
        form["remove"].checked = checked
        form.submit("action", value="save", status=303)
        assert legends(ada, draft) == left


def test_a_removal_survives_a_clash_and_what_met_without_trouble_is_named(ada: TestApp) -> None:
    draft, care, trust = two_values(ada)
    stale = ada.get(f"{draft}/values")
    rewrite(ada, draft, trust, "Theirs").submit("action", value="save", status=303)
    form = rewrite(ada, draft, trust, "Mine", page=stale)
    form[f"{trust}.signals"] = "Doors are locked"
    both = form.submit("remove", value=care, status=409)
    assert "Put together without trouble: Trust: Signs that it is being broken." in both
    form_to(both, f"{draft}/values").submit("action", value="save", status=303)
    assert legends(ada, draft) == ["Trust"]
    assert "Doors are locked" in ada.get(f"{draft}/values")


def test_a_sixth_value_from_an_old_page_is_refused_with_its_text(ada: TestApp) -> None:
    draft = start(ada)
    stale = ada.get(f"{draft}/values")
    for label in ("Care", "Trust", "Joy", "Rest", "Play"):
        write(ada, f"{draft}/values", label=label)
    answer = write(ada, f"{draft}/values", page=stale, label="Sixth", status=409)
    assert "room for 5 values" in answer
    assert "Sixth" in answer
    assert len(legends(ada, draft)) == 5


def test_a_field_that_nobody_touched_does_not_stop_a_save(ada: TestApp) -> None:
    long = "x" * 9000
    payload = {
        "title": "Elm",
        "selectedDecisionApproachIds": ["vote"],
        "decisionApproachDetailsById": {"vote": {"corePrinciple": long, "consensusLevel": 66.6}},
    }
    ada.put_json("/api/drafts/me", {"payload": payload})
    draft = path_of(ada.get("/profile").html.select_one("main h3 a")["href"]).rstrip("/")
    form = form_to(ada.get(f"{draft}/decisions"), f"{draft}/decisions")
    form["vote.applicableScope"] = "Money"
    form.submit("action", value="save", status=303)
    kept = ada.get("/api/drafts/me").json["draft"]["payload"]["decisionApproachDetailsById"]["vote"]
    assert kept == {"corePrinciple": long, "consensusLevel": 66.6, "applicableScope": "Money"}


def test_pages_of_a_draft_that_is_closed_lead_to_its_history_or_nowhere(ada: TestApp) -> None:
    draft = written(ada)
    publish(ada, draft)
    for page in ("", "/about", "/values", "/preview", "/discard"):
        assert path_of(ada.get(f"{draft}{page}", status=303).location) == f"{draft}/history"
    draft = start(ada)
    form_to(ada.get(f"{draft}/discard"), f"{draft}/discard").submit(status=303)
    for page in ("", "/about", "/values", "/preview", "/discard", "/publish"):
        ada.get(f"{draft}{page}", status=404)


def test_a_draft_of_a_withdrawn_rule_says_so(ada: TestApp) -> None:
    rule = publish(ada, written(ada))
    draft = edit(ada, rule)
    ada.delete(f"/api{rule}")
    assert "was withdrawn" in ada.get(draft)
    page = ada.get(f"{draft}/publish")
    assert "The rule was withdrawn" in page
    assert not page.html.select("button:-soup-contains('Publish')")


def test_addresses_that_cannot_be_invited_do_not_stop_publishing(ada: TestApp, engine: sa.Engine) -> None:
    own = ada.get("/api/auth/session").json["user"]["email"]
    emails = [own, "no address", "friend@example.org", "Friend@example.org"]
    ada.put_json(
        "/api/drafts/me", {"payload": {"title": "Elm", "stakeholderEmails": emails, "selectedCoreValueIds": ["care"]}}
    )
    publish(ada, path_of(ada.get("/profile").html.select_one("main h3 a")["href"]).rstrip("/"))
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT email FROM stakeholders")).scalars().all() == ["friend@example.org"]


def test_a_long_history_is_read_page_by_page(ada: TestApp, client: TestApp, monkeypatch: pytest.MonkeyPatch) -> None:
    rule = publish(ada, written(ada))
    for number in range(2, 6):
        ada.patch_json(f"/api{rule}", {"title": f"Elm {number}", "document": {}})
    monkeypatch.setattr("cr.views.rule_history.PAGE", 3)
    seen = []
    page = client.get(f"{rule}/history")
    while True:
        seen += [link.text for link in page.html.select("main h2 a")]
        older = page.html.select_one("a[rel=next]")
        if older is None:
            break
        page = client.get(path_of(older["href"]))
    assert seen == [f"Revision {number}" for number in (5, 4, 3, 2, 1)]


def test_a_text_of_nothing_but_marks_is_shown_as_it_was_typed(ada: TestApp, client: TestApp) -> None:
    marks = "[" * 20_000 + " **bold**"
    document = {"sections": [{"categoryName": "Values", "entries": [{"title": "Care", "body": marks}]}]}
    rule = ada.post_json("/api/rules", {"title": "Elm", "document": document}).json["rule"]["id"]
    page = client.get(f"/rules/{rule}")
    assert page.html.select_one(".prose").text.strip() == marks
    assert page.html.select(".prose strong") == []


def test_the_history_shows_lists_that_other_clients_keep(ada: TestApp) -> None:
    payload = {"title": "Elm", "coreValueDetailsByChipId": {"care": {"meaning": "We look after it."}}}
    ada.put_json("/api/drafts/me", {"payload": payload})
    payload["coreValueDetailsByChipId"]["care"]["tags"] = ["soil", 1, {"deep": None}]
    ada.put_json("/api/drafts/me", {"payload": payload})
    draft = path_of(ada.get("/profile").html.select_one("main h3 a")["href"]).rstrip("/")
    assert "soil" in ada.get(f"{draft}/history").html.find("ins").text
