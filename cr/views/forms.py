"""Forms that write a draft's text: their fields, what a posted one says, and the page for two changes that met.

A form is made for the text that its person was looking at, and gives the whole text that they want; what others changed
meanwhile is brought together by `cr.events.payload.merged`.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pyramid.renderers import render_to_response
from pyramid.response import Response

from cr.accounts import names
from cr.accounts.addresses import TYPED_LONGEST
from cr.catalog.sections import MORE, VALUES, Section, Values
from cr.errors import Conflict, Problem, RateLimited, ValidationProblem
from cr.events.draft import Clashes
from cr.events.payload import BLOCKS, META, TEXTS, Clash, Payload, label_of

TEXT_MOST = 8000
LABEL_MOST = 48
NAME_MOST = 200


class BlockId(str):
    """A step of a place: into a list of field blocks, to the one with this id."""


Place = tuple[str, ...]
"""Where in a payload a field writes: keys, and a `BlockId` where there is a list."""


def _within(value: Any, step: str) -> Any:
    """One step into a payload; None where there is nothing."""
    if isinstance(step, BlockId):
        blocks = value if isinstance(value, list) else []
        return next((block for block in blocks if block.get("id") == step), None)
    return value.get(step) if isinstance(value, dict) else None


@dataclass(frozen=True)
class Input:
    """One field of a form and the place in the payload that it writes.

    `kind` is text, textarea, email, date, percent (0 to 100, or nothing), proportion (1 to 100), or lines (a list of
    texts, one a line).
    """

    name: str
    label: str
    place: Place
    kind: str = "text"
    hint: str = ""
    maxlength: int = TEXT_MOST

    def text(self, payload: Payload) -> str:
        """What the payload holds there, as a form shows it."""
        return self.as_text(payload, self.place)

    def as_text(self, value: Any, steps: Iterable[str]) -> str:
        """What `value` holds at the end of `steps`, as a form shows it."""
        for step in steps:
            value = _within(value, step)
        if self.kind == "lines" and isinstance(value, list):
            value = "\n".join(str(each) for each in value)
        return "" if value is None else tidy(str(value))

    def write(self, payload: dict[str, Any], text: str) -> None:
        """Put the text there; an empty one takes it away. A text that says the same as before changes nothing."""
        if text == self.text(payload):
            return
        holder: Any = payload
        for step in self.place[:-1]:
            holder = _within(holder, step) if isinstance(step, BlockId) else holder.setdefault(step, {})
        if holder is None:
            return  # a block that somebody took away
        # A block keeps its fields, empty or not; of a method or value what is empty is not there.
        if text == "" and self.place[0] != BLOCKS:
            holder.pop(self.place[-1], None)
        else:
            holder[self.place[-1]] = self._value(text)

    def tidied(self, text: str) -> str:
        """What the form shows of a text once it is kept."""
        return "\n".join(_lines(text)) if self.kind == "lines" else str(self._value(text))

    def _value(self, text: str) -> Any:
        if self.kind == "lines":
            return _lines(text)
        return int(text) if self.kind in ("percent", "proportion") and text else text

    def fault(self, text: str) -> str | None:
        """What is wrong with the text, as a sentence, or None."""
        number = int(text) if re.fullmatch("[0-9]{1,3}", text) else None
        if self.kind == "percent" and text and not (number is not None and number <= 100):
            return f"{self.label}: write a whole number from 0 to 100, or nothing."
        if self.kind == "proportion" and not (number is not None and 1 <= number <= 100):
            return f"{self.label}: write a whole number from 1 to 100."
        if self.kind == "lines":
            lines = _lines(text)
            if len(lines) > OPTIONS_MOST:
                return f"{self.label}: keep it to {OPTIONS_MOST} lines. There are {len(lines)}."
            if any(len(line) > OPTION_MOST for line in lines):
                return f"{self.label}: shorten each line to {OPTION_MOST} characters."
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


OPTIONS_MOST, OPTION_MOST = 50, 200
"""Lines of a list, and characters of one."""


def _lines(text: str) -> list[str]:
    return list(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))


@dataclass
class Entry:
    """A value, a method or a clause, and its fields. A new one is blank until it has a name."""

    id: str
    heading: str
    inputs: list[Input]
    new: bool = False


@dataclass
class Form:
    """Entries of one section, or one entry without a heading that belongs to none."""

    entries: list[Entry]
    section: Section | Values | None = None
    texts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def fields(self, entry: Entry, payload: Payload) -> list[dict[str, Any]]:
        """The entry's fields as the template's `field` wants them: what was typed, else what the payload says."""
        return [
            each.shown(self.texts.get(each.name, shown_text(each, entry, payload)), self.errors.get(each.name))
            for each in entry.inputs
        ]


def tidy(text: str) -> str:
    """As it is kept: line ends as in files, no control characters, no space around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]", "", text).strip()


def refused(request: Any, problem: Problem) -> str:
    """What to say in a form that is shown once more, with what was typed; what was done until it was refused is taken
    back. Raises the problem itself where the form can't mend it.
    """
    if problem.status not in (400, 403, 409, 429, 502):
        raise problem
    request.tm.doom()
    request.response.status_int = problem.status
    if isinstance(problem, RateLimited):
        request.response.headers["Retry-After"] = str(problem.seconds)
    return problem.message


def number(text: str) -> int | None:
    """The number in an address or form that a page of ours wrote; None for anything else."""
    return int(text) if re.fullmatch("[0-9]{1,18}", text) else None


def email_input(label: str, hint: str, name: str = "email") -> Input:
    return Input(name, label, (), "email", hint, TYPED_LONGEST)


TITLE = Input("title", "Name of your community or rule", ("title",), maxlength=TEXTS["title"])
SUMMARY = Input(
    "summary",
    "Summary",
    ("summary",),
    "textarea",
    "Two or three sentences for someone who has never heard of you.",
    TEXTS["summary"],
)
CONTEXT = Input(
    "communityContext",
    "What you do together",
    ("communityContext",),
    "textarea",
    "One sentence, before the first section of the rule.",
    TEXTS["communityContext"],
)


NAME = Input(
    "your-name",
    "Your name in the history",
    (),
    hint="Everybody sees it in the history of every rule that you write. Leave it empty to be called an organizer.",
    maxlength=names.MOST,
)
"""Of the person, not of a draft: read it with `names.tidied` and keep it with `names.rename`, of `cr.accounts`."""


def entry_inputs(section: Section | Values, entry: str, payload: Payload) -> list[Input]:
    """The fields of one value, method or clause: its name, its section's questions, and its own field blocks."""
    own_method = isinstance(section, Section) and section is not MORE
    label_place = (META, entry, "label") if own_method else (section.details, entry, "label")
    inputs = [Input(f"{entry}.label", "Name", label_place, maxlength=LABEL_MOST if own_method else NAME_MOST)]
    for each in section.fields:
        kind = "percent" if each.percent else "text" if each.name == "section" else "textarea"
        most = NAME_MOST if each.name == "section" else TEXT_MOST
        inputs.append(
            Input(f"{entry}.{each.name}", each.label, (section.details, entry, each.name), kind, each.hint, most)
        )
    if own_method:
        for block in payload.get(BLOCKS, {}).get(entry, ()):
            inputs += block_inputs(entry, block)
    return inputs


def block_inputs(method: str, block: Mapping[str, Any]) -> list[Input]:
    """The fields of one field block of an own method: its heading and, but for a file, what it says."""
    name, place = f"{method}.block-{block['id']}", (BLOCKS, method, BlockId(block["id"]))
    # The heading of a picture is also what is said of it to those who do not see it.
    hint = "For a picture: what it shows." if block["kind"] == "upload" else ""
    heading = Input(f"{name}.blockTitle", "Heading", (*place, "blockTitle"), hint=hint, maxlength=200)
    match block["kind"]:
        case "text":
            return [heading, Input(f"{name}.text", "Text", (*place, "placeholderText"), "textarea")]
        case "badges":
            hint = "One a line. Readers see them as a list."
            return [heading, Input(f"{name}.options", "Options", (*place, "options"), "lines", hint)]
        case "proportion":
            hint = "A whole number from 1 to 100."
            return [heading, Input(f"{name}.percent", "Percent", (*place, "defaultPercent"), "proportion", hint, 3)]
    return [heading]


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


def refuse_sixth_value(before: Payload, after: Payload) -> None:
    """Raises `Conflict` where a draft gets more values than there is room for, unless it had more already."""
    had, has = (len(each.get(VALUES.selected, ())) for each in (before, after))
    if has > max(had, VALUES.most):
        raise Conflict(
            f"There is room for {VALUES.most} values, and there are {had} already. "
            "Nothing was saved: remove one first, then add yours."
        )


def seen_version(given: str, newest: int, *, least: int = 1) -> int:
    """The version that a form was made for. Raises `ValidationProblem` for one that never was."""
    if not re.fullmatch("[0-9]{1,9}", given) or not least <= int(given) <= newest:
        raise ValidationProblem("This form is not from this draft. Open the draft again, then write it there.")
    return int(given)


def both_texts(
    request: Any,
    form: Form,
    base: Payload,
    clashes: Clashes,
    *,
    part: Mapping[str, Any],
    by: str | None,
    hidden: Mapping[str, str] | None = None,
) -> Response:
    """409: both texts of every field that two people changed, and the rest of the form carried along.

    `part` is {name, hue, url, back_url, back_text}; `by` who else saved, if somebody did; `hidden` are further
    fields that the form needs.
    """
    theirs = clashes.theirs
    kept = theirs.payload.get(form.section.selected, ()) if form.section else [each.id for each in form.entries]
    clashing: dict[Place, Clash] = {clash.path: clash for clash in clashes.clashes}

    def clash_at(each: Input) -> Clash | None:
        return next((found for end in (1, 2, 3) if (found := clashing.get(each.place[:end]))), None)

    conflicts, together = [], []
    carried = [{"name": name, "value": value} for name, value in (hidden or {}).items()]
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
                    "base": each.as_text(clash.base, each.place[len(clash.path) :]),
                    "theirs": their_text,
                    "yours": mine,
                    "kind": each.kind,
                    "gone": gone,
                }
            )
    response = render_to_response(
        "cr:templates/draft_conflict.jinja2",
        {
            "part": part,
            "by": by,
            "version": theirs.version,
            "conflicts": conflicts,
            "removing": _removing(form, theirs.payload, request.POST.get("remove")),
            "merged": together,
            "fields": carried,
            "errors": None,
            "error": None,
        },
        request=request,
    )
    response.status_int = 409
    return response


def _removing(form: Form, payload: Payload, removed: str | None) -> dict[str, Any] | None:
    """The entry that the form was to remove, as it is now."""
    for entry in form.entries:
        if entry.id == removed and not entry.new:
            now = Entry(entry.id, label_of(payload, entry.id), entry.inputs)
            texts = [{"label": each.label, "text": shown_text(each, now, payload)} for each in now.inputs]
            return {"id": entry.id, "name": now.heading, "texts": [each for each in texts if each["text"]]}
    return None
