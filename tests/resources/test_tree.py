"""Walking the tree of URLs, and who may do what where."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest
from pyramid.authorization import ACLHelper, Authenticated, Everyone
from pyramid.location import lineage
from pyramid.testing import DummyRequest
from pyramid.traversal import find_resource, resource_path

from cr.catalog import use_cases
from cr.resources.api import ApiRule, ApiUpload
from cr.resources.create import STEPS, Choices
from cr.resources.drafts import DraftResource
from cr.resources.root import Root
from cr.resources.rules import RuleResource
from cr.security import Permission

OWNER, OTHER, THING = UUID(int=1), UUID(int=2), UUID(int=3)
STRANGER = [Everyone]
SOMEBODY = [Everyone, Authenticated, f"account:{OTHER}"]
THE_OWNER = [Everyone, Authenticated, f"account:{OWNER}", f"organizer:{THING}"]
AN_ORGANIZER = [*SOMEBODY, f"organizer:{THING}"]


@pytest.fixture
def root() -> Root:
    # No dbsession: whatever would ask the database fails loudly.
    request = DummyRequest()
    request.registry = {use_cases.KEY: use_cases.load(None)}
    return Root(request)


def allowed(resource: Any, principals: list[str]) -> set[Permission]:
    helper = ACLHelper()
    return {each for each in Permission if helper.permits(resource, principals, each)}


def draft(root: Root) -> DraftResource:
    row = SimpleNamespace(id=UUID(int=4), owner=OWNER, title="Elm", rule=None, revises=None)
    return DraftResource(root.request, row).placed(str(row.id), root["drafts"])


def rule(root: Root) -> RuleResource:
    row = SimpleNamespace(id=THING, owner=OWNER, title="Elm")
    return RuleResource(root.request, row).placed(str(THING), root["rules"])


def api_rule(root: Root) -> ApiRule:
    row = SimpleNamespace(id=THING, owner=OWNER)
    return ApiRule(root.request, row).placed(str(THING), root["api"]["rules"])


def api_upload(root: Root) -> ApiUpload:
    row = SimpleNamespace(id=THING, account_id=OWNER)
    return ApiUpload(root.request, row).placed(str(THING), root["api"]["uploads"])


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/login",
        "/create",
        *(f"/create/{step.key}" for step in STEPS),
        "/create/review-template",
        "/create/review-template/consensus",
        "/create/core-values/own",
        "/templates",
        "/use-cases",
        "/use-cases/ternfield",
        "/drafts",
        "/profile",
        "/profile/account",
        "/rules",
        "/learn",
        "/learn/adopting-it",
        "/how-it-works",
        "/about",
        "/legacy-archive",
        "/api",
        "/api/auth",
        "/api/auth/magic-link",
        "/api/create-flow",
        "/api/drafts/me",
        "/api/organizer-inquiry",
        "/api/rules/me",
        "/api/templates",
        "/api/uploads",
        "/api/use-cases",
        "/api/use-cases/ternfield",
    ],
)
def test_every_fixed_address_leads_to_a_resource_that_knows_its_address(root: Root, path: str) -> None:
    assert resource_path(find_resource(root, path)) == path


def test_a_part_of_a_draft_knows_its_way_up(root: Root) -> None:
    part = draft(root)["values"]
    assert resource_path(part) == f"/drafts/{UUID(int=4)}/values"
    assert [each.title for each in lineage(part)] == ["Values", "Elm", "Drafts", "Community Rule"]


@pytest.mark.parametrize("place", ["drafts", "rules"])
@pytest.mark.parametrize("name", ["", "x", "me", "1", "0" * 32, str(OWNER).upper() + "A", "{" + str(THING) + "}", "\0"])
def test_nonsense_never_reaches_the_database(root: Root, place: str, name: str) -> None:
    with pytest.raises(KeyError):
        root[place][name]
    for same in ("rules", "uploads"):
        if (same, name) != ("rules", "me"):
            with pytest.raises(KeyError):
                root["api"][same][name]


@pytest.mark.parametrize("name", ["", "ternfield ", "Ternfield", "\0"])
def test_there_are_no_other_use_cases(root: Root, name: str) -> None:
    for parent in (root, root["api"]):
        with pytest.raises(KeyError):
            parent["use-cases"][name]


@pytest.mark.parametrize("name", ["", "x y", "Consensus", "1", "a--b", "-a", "a-", "é", "x" * 65, "a\n", "\0"])
def test_no_template_is_looked_for_under_what_is_no_slug(root: Root, name: str) -> None:
    with pytest.raises(KeyError):
        root["api"]["templates"][name]


@pytest.mark.parametrize("name", ["", "x y", "Consensus", "1", "a--b", "-a", "a-", "é", "x" * 65, "a\n", "\0"])
def test_no_template_is_reviewed_under_what_is_no_slug(root: Root, name: str) -> None:
    with pytest.raises(KeyError):
        root["create"]["review-template"][name]


def test_the_steps_are_those_of_the_contract_in_its_order() -> None:
    assert [step.key for step in STEPS] == [
        "informational",
        "community-name",
        "community-structure",
        "community-context",
        "community-size",
        "community-upload",
        "community-save",
        "review",
        "core-values",
        "communication-methods",
        "membership-methods",
        "decision-approaches",
        "conflict-management",
        "confirm-stakeholders",
        "final-review",
        "completed",
    ]


CHOSEN_AT = [step.key for step in STEPS if issubclass(step, Choices)]


@pytest.mark.parametrize("step", CHOSEN_AT)
def test_what_is_chosen_has_an_address_whatever_its_id(root: Root, step: str) -> None:
    for name in ("1", "own", "lazy-consensus", "a b", "é", 'q"<b>', "%2F", "x" * 200, "0b7e-" * 7):
        choice = root["create"][step][name]
        assert choice.__name__ == name
        assert choice.step is choice.__parent__
        assert [each.__name__ for each in lineage(choice)] == [name, step, "create", ""]


@pytest.mark.parametrize("step", CHOSEN_AT)
@pytest.mark.parametrize("name", ["", "x" * 201, "\0", "a\nb", "\x7f", "\u2028", "\ud800"])
def test_odd_names_are_nothing_that_was_chosen(root: Root, step: str, name: str) -> None:
    with pytest.raises(KeyError):
        root["create"][step][name]


def test_below_the_other_steps_there_is_nothing(root: Root) -> None:
    create = root["create"]
    others = [create[step.key] for step in STEPS if step.key not in CHOSEN_AT]
    for resource in (*others, create["core-values"]["1"], create["review-template"]["consensus"], root["templates"]):
        for name in ("own", "1", "__class__", ""):
            with pytest.raises(KeyError):
                resource[name]


@pytest.mark.parametrize("name", ["0", "01", "-1", "x", "", "1" * 10, "١"])
def test_a_revision_is_a_positive_number(root: Root, name: str) -> None:
    with pytest.raises(KeyError):
        rule(root)["revisions"][name]


def test_there_are_no_other_children(root: Root) -> None:
    api = root["api"]
    for resource in (
        *(
            root,
            root["login"],
            root["create"],
            draft(root),
            draft(root)["values"],
            draft(root)["writers"],
            draft(root)["join"],
        ),
        *(
            rule(root),
            rule(root)["organizers"],
            rule(root)["join"],
            rule(root)["revisions"],
            rule(root)["stakeholders"],
        ),
        *(api, api_rule(root), api["create-flow"], api["templates"]),
    ):
        with pytest.raises(KeyError):
            resource["__class__"]


EDIT = {Permission.DRAFT_READ, Permission.DRAFT_EDIT}
OWN = {Permission.RULE_EDIT, Permission.RULE_OWN}
LEAD = {Permission.TEAM_SEE, Permission.TEAM_LEAD}


@pytest.mark.parametrize(
    ("resource", "stranger", "somebody", "owner"),
    [
        (lambda root: root, set(), set(), set()),
        (lambda root: root["login"], set(), set(), set()),
        (lambda root: root["create"]["core-values"]["own"], set(), set(), set()),
        (lambda root: root["drafts"], set(), {Permission.DRAFT_START}, {Permission.DRAFT_START}),
        *(
            (find, set(), {Permission.DRAFT_START}, {Permission.DRAFT_START, *EDIT})
            for find in (draft, lambda root: draft(root)["values"], lambda root: draft(root)["join"])
        ),
        (
            lambda root: draft(root)["writers"],
            set(),
            {Permission.DRAFT_START},
            {Permission.DRAFT_START, *EDIT, *LEAD},
        ),
        (lambda root: root["rules"], {Permission.RULE_READ}, {Permission.RULE_READ}, {Permission.RULE_READ}),
        (rule, {Permission.RULE_READ}, {Permission.RULE_READ}, {Permission.RULE_READ, *OWN}),
        *(
            (
                lambda root, name=name: rule(root)[name],
                {Permission.RULE_READ},
                {Permission.RULE_READ},
                {Permission.RULE_READ, *OWN, *more},
            )
            for name, more in (("organizers", LEAD), ("join", ()))
        ),
        (
            lambda root: rule(root)["stakeholders"],
            {Permission.RULE_READ},
            {Permission.RULE_READ, Permission.RULE_LEAVE},
            {Permission.RULE_READ, Permission.RULE_LEAVE, *OWN},
        ),
        (lambda root: root["api"]["drafts"]["me"], set(), EDIT, EDIT),
        (lambda root: root["api"]["templates"], set(), set(), set()),
        (lambda root: root["api"]["rules"], set(), {Permission.RULE_PUBLISH}, {Permission.RULE_PUBLISH}),
        (
            api_rule,
            {Permission.RULE_READ},
            {Permission.RULE_READ, Permission.RULE_PUBLISH},
            {Permission.RULE_READ, Permission.RULE_PUBLISH, *OWN},
        ),
        (lambda root: root["api"]["uploads"], set(), {Permission.UPLOAD_ADD}, {Permission.UPLOAD_ADD}),
        (api_upload, set(), {Permission.UPLOAD_ADD}, {Permission.UPLOAD_ADD}),
    ],
    ids=[
        "root",
        "login",
        "create",
        "drafts",
        "draft",
        "part",
        "join draft",
        "writers",
        "rules",
        "rule",
        "organizers",
        "join",
        "stakeholders",
        "api draft",
        "api templates",
        "api rules",
        "api rule",
        "api uploads",
        "api upload",
    ],
)
def test_who_may_do_what(root: Root, resource: Any, stranger: Any, somebody: Any, owner: Any) -> None:
    found = resource(root)
    assert allowed(found, STRANGER) == stranger
    assert allowed(found, SOMEBODY) == somebody
    assert allowed(found, THE_OWNER) == owner


def test_an_organizer_writes_the_rule_and_does_not_own_it(root: Root) -> None:
    row = SimpleNamespace(id=UUID(int=4), owner=OWNER, title="Elm", rule=THING, revises=2)
    revision = DraftResource(root.request, row).placed(str(row.id), root["drafts"])
    assert allowed(rule(root), AN_ORGANIZER) == {Permission.RULE_READ, Permission.RULE_EDIT}
    assert allowed(revision, AN_ORGANIZER) == {Permission.DRAFT_START, *EDIT}
    assert allowed(revision, SOMEBODY) == {Permission.DRAFT_START}
    assert allowed(revision, THE_OWNER[:-1]) == {Permission.DRAFT_START, Permission.DRAFT_READ}
    assert allowed(draft(root), AN_ORGANIZER) == {Permission.DRAFT_START}


def test_a_writer_writes_the_draft_and_does_not_own_it(root: Root) -> None:
    a_writer = [*SOMEBODY, f"writer:{draft(root).draft.id}"]
    assert allowed(draft(root), a_writer) == {Permission.DRAFT_START, *EDIT}
    assert allowed(draft(root)["writers"], a_writer) == {Permission.DRAFT_START, *EDIT, Permission.TEAM_SEE}


def test_a_rule_without_an_owner_is_nobodys_to_edit(root: Root) -> None:
    row = SimpleNamespace(id=THING, owner=None, title="Elm")
    orphan = RuleResource(root.request, row).placed(str(THING), root["rules"])
    for principals in (STRANGER, SOMEBODY, [*SOMEBODY, "account:None"]):
        assert allowed(orphan, principals) == {Permission.RULE_READ}
