"""The steps at which values and methods are chosen from the catalogue, put in order and dropped again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.view import view_config, view_defaults

from cr.catalog import choosing, store
from cr.catalog.facets import Facet, described, ranked, reason
from cr.catalog.items import Method, Value
from cr.catalog.sections import VALUES, Section, Values
from cr.errors import Conflict, NotFound
from cr.events.draft import Clashes
from cr.events.payload import META, Payload, label_of
from cr.prose import to_html
from cr.resources.create import STEPS, Choice, Choices
from cr.views.create.steps import StepViews
from cr.views.forms import Entry, Form, entry_inputs

TEMPLATE = "cr:templates/create/choices.jinja2"

FIRST_SHOWN = 8
"""Cards before somebody asks for all of them: a phone shows two at once."""

QUESTIONS = {
    "coreValues": (
        "What do you hold on to when it gets hard?",
        "Choose up to five values, and put them in your words.",
    ),
    "communication": ("How do you talk with each other?", "Choose the places and habits that matter. Two or three do."),
    "membership": ("Who belongs, and how does somebody join?", "Choose one way, or several for different people."),
    "decisionApproaches": (
        "How do you decide?",
        "Choose one way for everyday matters, and another for the big ones if you need it.",
    ),
    "conflictManagement": ("What do you do when people fall out?", "Choose where to begin, and what comes after that."),
}
"""By section: the question as it is asked, and one sentence of help."""


@dataclass(frozen=True)
class Card:
    """Something to choose, as the template shows it. `fields` are (label, text or HTML) of its details."""

    id: str
    label: str
    description: str
    reason: str
    fields: Sequence[tuple[str, Any]]


def step_of(section: Section | Values) -> type[Choices]:
    """The step at which a section's values, methods or clauses are written."""
    return next(step for step in STEPS if issubclass(step, Choices) and step.section is section)


class ChoicesBase(StepViews):
    """What the page of all choices and the page of one of them share."""

    step: Choices

    def __init__(self, context: Any, request: Any) -> None:
        super().__init__(context, request)
        self.section = self.step.section

    @property
    def chosen(self) -> list[str]:
        return list(self.work.payload.get(self.section.selected, ()))

    def change(self, operation: Callable[[Payload], Mapping[str, Any]]) -> None:
        """Write what `operation` makes of the text that the person was looking at. Raises `Clashes`."""
        version = self.work.seen()
        self.work.write(operation(self.work.before(version)), version)

    def drop(self, payload: Payload, identifier: str) -> dict[str, Any]:
        left = [each for each in payload.get(self.section.selected, ()) if each != identifier]
        return {**payload, self.section.selected: left}

    def dropping(self, identifier: str) -> Any:
        """Take it out of the draft; where somebody else wrote about it meanwhile, ask first."""
        try:
            self.change(lambda payload: self.drop(payload, identifier))
        except Clashes as clashes:
            base = self.work.before(self.work.seen())
            label = label_of(base, identifier)
            form = Form([Entry(identifier, label, entry_inputs(self.section, identifier, base))], self.section)
            return self.both_texts(form, base, clashes, hue=self.section.hue)
        return self._answer_to("dropped", identifier)

    def _answer_to(self, what: str, identifier: str) -> HTTPSeeOther:
        """To the chosen ones, which say what was done; the cards stay those that were looked for."""
        query = {**self._then(), **self._looking, what: identifier}
        return HTTPSeeOther(self.url(type(self.step), anchor="chosen", **query))

    @property
    def _looking(self) -> dict[str, str]:
        """Which cards the address asks for: those that have some words, all, or else the first."""
        words = " ".join(self.request.GET.get("q", "").split())[:100]
        return {"q": words} if words else {"all": "yes"} if "all" in self.request.GET else {}


@view_defaults(context=Choices)
class ChoicesViews(ChoicesBase):
    @view_config(request_method="GET", renderer=TEMPLATE)
    def show(self) -> dict[str, Any]:
        return self._page()

    @view_config(request_method="POST")
    def save(self) -> Any:
        posted = self.request.POST
        if "add" in posted:
            return self._add(posted["add"])
        if "remove" in posted:
            return self.dropping(posted["remove"])
        if "up" in posted or "down" in posted:
            moved, by = (posted["up"], -1) if "up" in posted else (posted["down"], 1)
            self.change(lambda payload: self._moved(payload, moved, by))
            return self._answer_to("moved", moved)
        if posted.get("action") == "save":  # from the page that shows both texts, where nothing is to be dropped
            return HTTPSeeOther(self.here)
        self.work.seen()
        self.work.at(self.next_step.key)
        return self.go_on()

    # --- What can be done ---------------------------------------------------------------------------------------------

    def _add(self, identifier: str) -> HTTPSeeOther:
        item = self._found(identifier)
        self.work.seen()
        # To the text as it is now, not as the page showed it: what another window wrote about it stays.
        now = self.work.payload
        added = choosing.add_value(now, item) if isinstance(item, Value) else choosing.add_method(now, item)
        self.work.write(added, self.work.version)
        return self._answer_to("added", identifier)

    def _moved(self, payload: Payload, identifier: str, by: int) -> dict[str, Any]:
        order = list(payload.get(self.section.selected, ()))
        if identifier in order:
            place = order.index(identifier)
            order.insert(max(0, place + by), order.pop(place))
        return {**payload, self.section.selected: order}

    # --- The page -----------------------------------------------------------------------------------------------------

    def _items(self) -> Sequence[Value | Method]:
        session = self.request.dbsession
        return store.values(session) if self.section is VALUES else store.methods(session, self.section.key)

    def _found(self, identifier: str) -> Value | Method:
        for item in self._items():
            if identifier == key_of(item):
                return item
        raise NotFound("The catalogue has nothing of that name. Choose from the list, or write your own.")

    def _found_by(self, query: str) -> list[tuple[Value | Method, tuple[Facet, ...]]]:
        """What is not chosen yet and has every word of the query, best suited first, with what it is suited to."""
        chosen = self.chosen
        return [
            (item, facets)
            for item, facets in ranked(self._items(), described(self.work.payload))
            if key_of(item) not in chosen and _finds(query, item)
        ]

    def _card(self, item: Value | Method, facets: tuple[Facet, ...]) -> Card:
        if isinstance(item, Value):
            signals = [(field.label, to_html(getattr(item, field.name))) for field in VALUES.fields[1:]]
            return Card(item.id, item.label, item.meaning, "", signals)
        fields: list[tuple[str, Any]] = []
        for field in self.section.fields:
            answer = item.sections.get(field.name) or ""  # a percentage of 0 stands for: does not apply
            fields.append((field.label, f"{answer} %" if field.percent and answer else to_html(str(answer))))
        why = reason(facets, described(self.work.payload))
        return Card(item.slug, item.label, item.description, why, fields)

    def _page(self, **more: Any) -> dict[str, Any]:
        chosen = self.chosen
        query = self._looking.get("q", "")
        found = self._found_by(query)
        everything = bool(self._looking)
        shown = [self._card(item, facets) for item, facets in (found if everything else found[:FIRST_SHOWN])]
        question, help = QUESTIONS[self.section.key]
        room = max(0, VALUES.most - len(chosen)) if self.section is VALUES else None
        return self.page(
            question=question,
            help=help,
            part=self.section,
            chosen=[self._chosen(number, each, len(chosen)) for number, each in enumerate(chosen)],
            cards=shown,
            total=len(found),
            query=query,
            everything=everything,
            room=room,
            ranked=bool(described(self.work.payload)) and self.section is not VALUES,
            all_url=self.url(type(self.step), anchor="cards", **{**self._then(), "all": "yes"}),
            search_url=self.url(type(self.step)),
            structure_url=self.url("community-structure", then=self.step.key),
            own_url=self.url(type(self.step), Choice.OWN, **self._then()),
            said=self._said(),
            choose_url=self.url(type(self.step), **self._then(), **self._looking),
            **more,
        )

    def _chosen(self, number: int, identifier: str, count: int) -> dict[str, Any]:
        payload = self.work.payload
        details = payload.get(self.section.details, {}).get(identifier, {})
        line = payload.get(META, {}).get(identifier, {}).get("supportText")
        for field in self.section.fields:
            line = line or details.get(field.name)
        return {
            "id": identifier,
            "label": label_of(payload, identifier),
            "line": str(line or ""),
            "url": self.url(type(self.step), identifier, **self._then()),
            "first": number == 0,
            "last": number == count - 1,
        }

    def _said(self) -> str | None:
        """What the last press of a button did, in words."""
        words = {
            "added": "{} is in your rule. You can change its words.",
            "moved": "{} has a new place.",
            "dropped": "{} is out of your rule. Its words come back if you choose it again.",
            "saved": "{} is saved.",
        }
        details = self.work.payload.get(self.section.details, {})
        for key, sentence in words.items():
            identifier = self.request.GET.get(key)
            # Only what was chosen once: the address may hold anybody's words.
            if identifier and (identifier in details if key == "dropped" else identifier in self.chosen):
                return sentence.format(label_of(self.work.payload, identifier))
        return None


def key_of(item: Value | Method) -> str:
    """What a draft's payload calls it."""
    return item.id if isinstance(item, Value) else item.slug


def _finds(query: str, item: Value | Method) -> bool:
    """Whether every word of the query stands somewhere in its texts."""
    if isinstance(item, Value):
        texts: tuple[Any, ...] = (item.label, item.meaning, item.signals)
    else:
        texts = (item.label, item.description, *item.sections.values())
    whole = " ".join(map(str, texts)).lower()
    return all(word in whole for word in query.lower().split())


def is_full(payload: Payload) -> bool:
    """Whether there is no room for another value."""
    return len(payload.get(VALUES.selected, ())) >= VALUES.most


def refuse_full(payload: Payload) -> None:
    """Raises `Conflict` where there is no room for another value."""
    if is_full(payload):
        raise Conflict(f"There is room for {VALUES.most} values. Remove one first, then add yours.")
