"""Writing one part of a draft: its form, what a posted form says, and the page that shows two changes that met."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.renderers import render_to_response
from pyramid.view import view_config, view_defaults

from cr.catalog.sections import BY_SLUG, MORE, VALUES, Section, Values
from cr.errors import Conflict, NotFound, ValidationProblem
from cr.events.draft import Clashes, Draft
from cr.events.payload import BLOCKS, META, TEXTS, Clash, Payload, label_of
from cr.resources.drafts import Part
from cr.security import Permission

TEXT_MOST = 8000
LABEL_MOST = 48

Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Input:
    """One field of a form and the place in the payload that it writes."""

    name: str
    label: str
    place: Place
    kind: str = "text"
    hint: str = ""
    maxlength: int = TEXT_MOST

    def text(self, payload: Payload) -> str:
        """What the payload holds there, as a form shows it."""
        value: Any = payload
        for step in self.place:
            try:
                value = value[step]
            except (KeyError, IndexError, TypeError):
                return ""
        return "" if value is None else tidy(str(value))

    def write(self, payload: dict[str, Any], text: str) -> None:
        """Put the text there; an empty one takes it away. A text that says the same as before changes nothing."""
        if text == self.text(payload):
            return
        value: Any = int(text) if self.kind == "percent" and text else text
        holder: Any = payload
        for step, after in zip(self.place, self.place[1:], strict=False):
            holder = (
                holder.setdefault(step, {}) if isinstance(after, str) and isinstance(holder, dict) else holder[step]
            )
        if value == "" and isinstance(self.place[-1], str) and len(self.place) < 4:
            holder.pop(self.place[-1], None)
        else:
            holder[self.place[-1]] = value

    def fault(self, text: str) -> str | None:
        """What is wrong with the text, as a sentence, or None."""
        if self.kind == "percent" and text and not (re.fullmatch("[0-9]{1,3}", text) and int(text) <= 100):
            return f"{self.label}: write a whole number from 0 to 100, or nothing."
        if len(text) > self.maxlength:
            return f"{self.label}: shorten it to {self.maxlength} characters. It has {len(text)}."
        return None

    def shown(self, text: str, error: str | None = None) -> dict[str, Any]:
        """As the template's `field` wants it."""
        return {
            "name": self.name,
            "label": self.label,
            "hint": self.hint,
            "value": text,
            "kind": self.kind,
            "maxlength": self.maxlength,
            "error": error,
        }


@dataclass
class Entry:
    """A value, a method or a clause, and its fields. A new one is blank until it has a name."""

    id: str
    heading: str
    inputs: list[Input]
    new: bool = False


@dataclass
class Form:
    """All of one part: entries, or for "about" one entry without a heading."""

    key: str
    entries: list[Entry]
    section: Section | Values | None = None
    texts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def tidy(text: str) -> str:
    """As it is kept: line ends as in files, no control characters, no space around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", text).strip()


def form_of(key: str, payload: Payload, new: Iterable[str] = ()) -> Form:
    """The form of a part for a draft with this payload, with further entries of the ids `new` to add."""
    if key == "about":
        return Form(key, [Entry("about", "", _about_inputs())])
    section = BY_SLUG[key]
    entries = [
        Entry(each, label_of(payload, each), _inputs(section, each, payload))
        for each in payload.get(section.selected, ())
    ]
    for each in new:
        entries.append(Entry(each, f"Add a {section.noun}", _inputs(section, each, payload), new=True))
    return Form(key, entries, section)


def _about_inputs() -> list[Input]:
    return [
        Input("title", "Name of your community or rule", ("title",), maxlength=TEXTS["title"]),
        Input(
            "summary",
            "Summary",
            ("summary",),
            "textarea",
            "Two or three sentences for someone who has never heard of you.",
            TEXTS["summary"],
        ),
        Input(
            "communityContext",
            "What you do together",
            ("communityContext",),
            "textarea",
            "One sentence. It stands at the top of the rule.",
            TEXTS["communityContext"],
        ),
    ]


def _inputs(section: Section | Values, entry: str, payload: Payload) -> list[Input]:
    own_method = isinstance(section, Section) and section is not MORE
    label_place = (META, entry, "label") if own_method else (section.details, entry, "label")
    inputs = [Input(f"{entry}.label", "Name", label_place, maxlength=LABEL_MOST if own_method else 200)]
    for each in section.fields:
        kind = "percent" if each.percent else "text" if each.name == "section" else "textarea"
        most = 200 if each.name == "section" else TEXT_MOST
        inputs.append(
            Input(f"{entry}.{each.name}", each.label, (section.details, entry, each.name), kind, each.hint, most)
        )
    for number, block in enumerate(payload.get(BLOCKS, {}).get(entry, ())):
        if own_method and block.get("kind") == "text":
            place = (BLOCKS, entry, number, "placeholderText")
            inputs.append(Input(f"{entry}.block-{number}", block.get("blockTitle") or "Text", place, "textarea"))
    return inputs


def read_form(form: Form, payload: Payload, posted: Mapping[str, str]) -> dict[str, Any]:
    """What `payload` becomes when this form is posted. Fills `form.texts` and, for what can't be used, `form.errors`.

    A field that was not posted, or for which "theirs" was chosen, stays as it is.
    """
    result = copy.deepcopy(dict(payload))
    removed = posted.get("remove")
    for entry in form.entries:
        if entry.id == removed:
            continue
        texts = {}
        for each in entry.inputs:
            if each.name in posted and posted.get(f"choice-{each.name}") != "theirs":
                texts[each] = tidy(posted[each.name])
        choices = {posted.get(f"choice-{each.name}") for each in entry.inputs}
        if entry.new and "theirs" in choices and "mine" not in choices:
            continue  # they removed it, and so it stays
        form.texts.update({each.name: text for each, text in texts.items()})
        if entry.new and not any(texts.values()):
            continue
        for each, text in texts.items():
            if not entry.new and text == shown_text(each, entry, payload):
                continue  # not touched: what came by another way may be longer than a form takes
            fault = each.fault(text)
            if fault is None and each.name == f"{entry.id}.label" and not text:
                fault = "Give it a name, or empty the other fields too." if entry.new else "It needs a name."
            if fault:
                form.errors[each.name] = fault
                continue
            # A name that a method has of itself needs no words of our own.
            if not (each.name == f"{entry.id}.label" and text == label_of(result, entry.id)):
                each.write(result, text)
        if entry.new and form.section is not None:
            result[form.section.selected] = [*result.get(form.section.selected, ()), entry.id]
    if removed and form.section is not None:
        chosen = [each for each in result.get(form.section.selected, ()) if each != removed]
        result[form.section.selected] = chosen
    return result


def shown_text(each: Input, entry: Entry, payload: Payload) -> str:
    """What the form shows in a field before anybody touches it."""
    text = each.text(payload)
    if each.name == f"{entry.id}.label" and not entry.new:
        return text or tidy(label_of(payload, entry.id))
    return text


def elsewhere(draft: Draft, draft_url: str) -> HTTPSeeOther | None:
    """Where to go instead of a page that is for open drafts. Raises `NotFound` for a draft that was discarded."""
    if draft.status == "discarded":
        raise NotFound("This draft was discarded.")
    return HTTPSeeOther(f"{draft_url}history") if draft.status == "published" else None


@view_defaults(context=Part, permission=Permission.DRAFT_EDIT)
class PartViews:
    def __init__(self, context: Part, request: Any) -> None:
        self.part = context
        self.request = request
        self.draft_id = context.draft.id
        self.draft_url = request.resource_path(context.__parent__)

    @view_config(request_method="GET", renderer="cr:templates/draft_part.jinja2")
    def show(self) -> Any:
        draft = self.request.rules.draft(self.draft_id)
        if away := elsewhere(draft, self.draft_url):
            return away
        full = self.part.key == VALUES.slug and len(draft.payload.get(VALUES.selected, ())) >= VALUES.most
        form = form_of(self.part.key, draft.payload, [] if full else [str(uuid4())])
        return self._page(form, draft.payload, draft.version)

    @view_config(request_method="POST")
    def save(self) -> Any:
        posted = self.request.POST
        rules = self.request.rules
        now = rules.draft(self.draft_id)
        version = _version(posted.get("version", ""), now.version)
        base = now if version == now.version else rules.draft(self.draft_id, version)
        form = form_of(self.part.key, base.payload, _new_entries(self.part.key, posted, base.payload))
        wanted = read_form(form, base.payload, posted)
        if form.errors:
            return self._again(form, base, 400)
        try:
            after = rules.write_draft(
                self.draft_id, self.request.identity.account_id, self.request.now, wanted, base_version=version
            )
        except Clashes as clashes:
            return self._both_texts(form, base.payload, clashes)
        had, has = (len(each.payload.get(VALUES.selected, ())) for each in (now, after))
        if has > max(had, VALUES.most):
            raise Conflict(
                f"There is room for {VALUES.most} values, and there are {had} already. "
                "Nothing was saved: remove one first, then add yours."
            )
        stay = posted.get("action") == "add" or "remove" in posted
        anchor = "add" if posted.get("action") == "add" else None
        url = self.request.resource_url(self.part, anchor=anchor) if stay else self.draft_url
        return HTTPSeeOther(url)

    def _again(self, form: Form, base: Any, status: int) -> Any:
        """The form as it was filled in, with what is wrong beside each field."""
        values = self._page(form, base.payload, base.version)
        response = render_to_response("cr:templates/draft_part.jinja2", values, request=self.request)
        response.status_int = status
        return response

    def _page(self, form: Form, payload: Payload, version: int) -> dict[str, Any]:
        def shown(entry: Entry) -> list[dict[str, Any]]:
            return [
                each.shown(form.texts.get(each.name, shown_text(each, entry, payload)), form.errors.get(each.name))
                for each in entry.inputs
            ]

        entries = [
            {
                "id": entry.id,
                "heading": entry.heading,
                "fields": shown(entry),
                "remove_name": None if entry.new else entry.heading,
                "new": entry.new,
            }
            for entry in form.entries
        ]
        return {
            "part": self._about_part(form),
            "version": version,
            "fields": entries[0]["fields"] if form.key == "about" else [],
            "entries": [] if form.key == "about" else entries,
            "errors": form.errors,
            "error": None,
        }

    def _about_part(self, form: Form) -> dict[str, Any]:
        return {
            "key": form.key,
            "name": self.part.title,
            "hue": form.section.hue if form.section else None,
            "help": form.section.help if form.section else "What is this rule for, and whose is it?",
            "url": self.request.resource_path(self.part),
            "back_url": self.draft_url,
        }

    def _both_texts(self, form: Form, base: Payload, clashes: Clashes) -> Any:
        """409: both texts of every field that two people changed, and the rest of the form carried along."""
        theirs = clashes.theirs
        kept = theirs.payload.get(form.section.selected, ()) if form.section else ["about"]
        clashing: dict[Place, Clash] = {clash.path: clash for clash in clashes.clashes}

        def clash_at(each: Input) -> Clash | None:
            return next((found for end in (1, 2, 3) if (found := clashing.get(each.place[:end]))), None)

        conflicts, together, carried = [], [], []
        for entry in form.entries:
            inputs = [each for each in entry.inputs if each.name in form.texts]
            gone = not entry.new and entry.id not in kept
            if not inputs or (gone and not any(clash_at(each) for each in inputs)):
                continue  # being removed, or removed by them and not touched here
            if entry.new or gone:
                carried.append({"name": "new", "value": entry.id})
            for each in inputs:
                clash, mine = clash_at(each), form.texts[each.name]
                their_text = "" if gone else each.text(theirs.payload)
                name = f"{entry.heading}: {each.label}" if entry.heading else each.label
                if clash is None or mine == their_text:
                    # A clause or value that comes back, or comes anew, brings all its texts.
                    text = mine if clash or gone or entry.new else shown_text(each, entry, clashes.merged)
                    carried.append({"name": each.name, "value": text})
                    if not gone and not entry.new and text != shown_text(each, entry, base):
                        together.append(name)
                    continue
                conflicts.append(
                    {
                        "name": each.name,
                        "label": name,
                        "base": _base_text(clash.base, each),
                        "theirs": their_text,
                        "yours": mine,
                        "kind": each.kind,
                        "gone": gone,
                    }
                )
        response = render_to_response(
            "cr:templates/draft_conflict.jinja2",
            {
                "part": self._about_part(form),
                "version": theirs.version,
                "conflicts": conflicts,
                "removing": self._removing(form, theirs.payload),
                "merged": together,
                "fields": carried,
                "errors": None,
                "error": None,
            },
            request=self.request,
        )
        response.status_int = 409
        return response

    def _removing(self, form: Form, payload: Payload) -> dict[str, Any] | None:
        """The entry that the form was to remove, as it is now."""
        for entry in form.entries:
            if entry.id == self.request.POST.get("remove") and not entry.new:
                now = Entry(entry.id, label_of(payload, entry.id), entry.inputs)
                texts = [{"label": each.label, "text": shown_text(each, now, payload)} for each in now.inputs]
                return {"id": entry.id, "name": now.heading, "texts": [each for each in texts if each["text"]]}
        return None


def _base_text(value: Any, each: Input) -> str:
    for step in each.place[2:] if isinstance(value, list) else ():
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return "" if value is None else str(value)


def _version(given: str, newest: int) -> int:
    if not re.fullmatch("[0-9]{1,9}", given) or not 1 <= int(given) <= newest:
        raise ValidationProblem("This form is not from this draft. Open the draft again, then write it there.")
    return int(given)


def _new_entries(key: str, posted: Any, payload: Payload) -> list[str]:
    """The ids that the blank entries had in the form, so that a form sent twice adds an entry once.

    An entry that came through the API has an id of any kind, and may be put back.
    """
    section = BY_SLUG.get(key)
    known = payload.get(section.selected, ()) if section else ()
    given = dict.fromkeys(posted.getall("new"))
    return [each for each in given if each not in known and each == tidy(each) and 0 < len(each) <= 200][:20]
