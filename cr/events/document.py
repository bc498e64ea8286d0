"""The text of a published rule: one JSON object in the contract's shape, made from a draft's payload and back.

A document's `sections` are what people read; `coreValues`, `methodSelections` and the rest say the same to programs.
Keys that we don't know are kept as they came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cr.audit.canonical import INTEGER_MOST, too_large
from cr.catalog.sections import METHOD_SECTIONS, MORE, VALUES, Section
from cr.errors import ValidationProblem
from cr.events.payload import BLOCKS, META, Block, Payload, flat, label_of, labels_of, nested, same, validation_problem

Document = Mapping[str, Any]

BEGAN_FROM = "beganFromDocument"
"""Where a draft keeps the document it began from: what nobody changes is published again exactly as it stood there."""

CARRIED = ("communityContext", "communityAvatarUrl", "communityAvatarAlt", BLOCKS)
"""Keys that a payload and a document have in common."""


class DocumentBlock(BaseModel):
    model_config = ConfigDict(extra="allow")
    label: str = Field("", max_length=500)
    body: str = ""
    imageUrl: str | None = None
    fileUrl: str | None = None


class Entry(BaseModel):
    model_config = ConfigDict(extra="allow")
    title: str = Field(max_length=500)
    body: str | None = None
    blocks: list[DocumentBlock] | None = None


class DocumentSection(BaseModel):
    model_config = ConfigDict(extra="allow")
    categoryName: str = Field(max_length=500)
    entries: list[Entry]


class CoreValue(BaseModel):
    model_config = ConfigDict(extra="allow")
    chipId: str = Field(max_length=200)
    label: str = Field(max_length=500)
    meaning: str | None = None
    signals: str | None = None


class Selection(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: str = Field(max_length=200)
    label: str = Field(max_length=500)
    sections: dict[str, Any] | None = None
    supportText: str | None = None


class DocumentShape(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)
    sections: list[DocumentSection] = []
    coreValues: list[CoreValue] | None = None
    methodSelections: dict[str, list[Selection]] | None = None
    communityAvatarUrl: str | None = Field(None, max_length=512)
    communityAvatarAlt: str | None = None
    communityContext: str | None = None
    customMethodCardFieldBlocksById: dict[str, list[Block]] | None = None


def checked_document(document: Any) -> dict[str, Any]:
    """The document, exactly as it came. Raises `ValidationProblem` that names the first place that can't be read."""
    try:
        DocumentShape.model_validate(document)
    except ValidationError as error:
        raise validation_problem(error, within="document") from None
    if place := too_large(document):
        place = f"document.{place}"
        sentence = f"write a number between -{INTEGER_MOST} and {INTEGER_MOST}, or the digits as a text, in quotes."
        raise ValidationProblem(f"{place}: {sentence}", fields={place: sentence})
    return dict(document)


class Piece(NamedTuple):
    """What one value, method or clause of a draft puts into a document: an entry in a section."""

    section: str
    entry: dict[str, Any]


Label = Callable[[str], str]

Source = tuple[str, str]
"""Which value, method or clause a piece comes from: the key of its section and its id."""


def composed(payload: Payload) -> dict[str, Any]:
    """The document that a draft's payload stands for.

    In a draft that began from a document, whatever was not changed since stays as it stood there, to the letter.
    """
    base = _began_from(payload)
    first = decomposed("", None, base) if base else {}
    was, now = _pieces(first), _pieces(payload)
    document = dict(base)

    changed = {source for source in now if not same(now[source], was.get(source))}
    sources = _by_text(was)
    kept: set[Source] = set()
    sections: list[dict[str, Any]] = []
    for part in base.get("sections") or []:
        entries = []
        for entry in part["entries"]:
            # `decomposed` makes a source for every entry of the document; one without is nobody's to change.
            left = sources.get(_text(Piece(part["categoryName"], entry)))
            if not left:
                entries.append(entry)
                continue
            source = left.pop()
            if source in now and now[source].section == part["categoryName"]:
                entries.append(now[source].entry if source in changed else entry)
                kept.add(source)
        if entries or not part["entries"]:
            sections.append({**part, "entries": entries})
    # A value or method that the document named without an entry of its own gets one only when somebody describes it.
    silent = {source for left in sources.values() for source in left} - changed
    for name, entries in _added(now, kept | silent).items():
        existing = next((part for part in sections if part["categoryName"] == name), None)
        if existing is not None:
            existing["entries"] = [*existing["entries"], *entries]
        else:
            later = (place for place, part in enumerate(sections) if _rank(part["categoryName"]) > _rank(name))
            sections.insert(next(later, len(sections)), {"categoryName": name, "entries": entries})
    document["sections"] = sections

    _compose_values(document, payload, first)
    _compose_methods(document, payload, first)
    for key in CARRIED:
        value = _carried(key, payload)
        if not same(value, _carried(key, first)):
            document.pop(key, None)
            if value:
                document[key] = value
    return document


def _began_from(payload: Payload) -> dict[str, Any]:
    """The document that the draft began from; empty for none, or for what a client put there that is none."""
    try:
        DocumentShape.model_validate(payload.get(BEGAN_FROM, {}))
    except ValidationError:
        return {}
    return dict(payload.get(BEGAN_FROM, {}))


def _pieces(payload: Payload) -> dict[Source, Piece]:
    """Every piece of a payload in the order of a rule."""
    pieces: dict[Source, Piece] = {}
    label = labels_of(payload)
    for value in payload.get(VALUES.selected, ()):
        pieces[VALUES.key, value] = Piece(VALUES.name, _value_entry(payload, value, label))
    for section in METHOD_SECTIONS:
        for method in payload.get(section.selected, ()):
            pieces[section.key, method] = Piece(section.name, _method_entry(section, payload, method, label))
    for source, name, entry in _own_entries(payload):
        pieces[source] = Piece(name, entry)
    return pieces


def _text(piece: Piece) -> str:
    return json.dumps(piece, sort_keys=True)


def _by_text(pieces: dict[Source, Piece]) -> dict[str, list[Source]]:
    """The sources of every piece that reads the same, the first of them last."""
    sources: dict[str, list[Source]] = {}
    for source in reversed(pieces):
        sources.setdefault(_text(pieces[source]), []).append(source)
    return sources


NAMES = (VALUES.name, *(section.name for section in METHOD_SECTIONS))
"""The sections that every rule may have, in their order; the group's own come after them."""


def _rank(name: str) -> int:
    return NAMES.index(name) if name in NAMES else len(NAMES)


def _added(now: Mapping[Source, Piece], shown: set[Source]) -> dict[str, list[dict[str, Any]]]:
    """The entries of what is new, by section."""
    entries: dict[str, list[dict[str, Any]]] = {}
    for source, piece in now.items():
        if source not in shown:
            entries.setdefault(piece.section, []).append(piece.entry)
    return entries


def _compose_values(document: dict[str, Any], payload: Payload, first: Payload) -> None:
    named, was_named = labels_of(payload), labels_of(first)
    made = [_core_value(payload, value, named) for value in payload.get(VALUES.selected, ())]
    before = [_core_value(first, value, was_named) for value in first.get(VALUES.selected, ())]
    if same(made, before):
        return
    values = _records("chipId", document.pop("coreValues", None) or [], before, made)
    if values:
        document["coreValues"] = values


def _compose_methods(document: dict[str, Any], payload: Payload, first: Payload) -> None:
    named, was_named = labels_of(payload), labels_of(first)
    selections = dict(document.get("methodSelections") or {})
    for section in METHOD_SECTIONS:
        made = [_selection(section, payload, method, named) for method in payload.get(section.selected, ())]
        before = [_selection(section, first, method, was_named) for method in first.get(section.selected, ())]
        if same(made, before):
            continue
        methods = _records("id", selections.pop(section.key, None) or [], before, made)
        if methods:
            selections[section.key] = methods
    if selections:
        document["methodSelections"] = selections
    elif document.get("methodSelections"):
        del document["methodSelections"]


def _records(
    key: str, stood: list[dict[str, Any]], before: list[dict[str, Any]], made: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """The records of `made` with everything of `stood` that did not change between `before` and `made`.

    `key` is what tells them apart. Of records that share an id a draft has the first; the others go along with it.
    """
    old = {record[key]: record for record in before}
    originals: dict[str, list[dict[str, Any]]] = {}
    for record in stood:
        originals.setdefault(record[key], []).append(record)
    records: list[dict[str, Any]] = []
    for record in made:
        was = old.get(record[key], {})
        original, *others = originals.get(record[key], [{}])
        written = {name: value for name, value in record.items() if name not in was or not same(value, was[name])}
        gone = was.keys() - record.keys()
        records.append({name: value for name, value in {**original, **written}.items() if name not in gone})
        records += others
    return records


def _firsts(key: str, records: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of records that share an id, the first."""
    found: dict[str, dict[str, Any]] = {}
    for record in records:
        found.setdefault(record[key], record)
    return list(found.values())


def _carried(key: str, payload: Payload) -> Any:
    """A key that payload and document have in common. Of own methods only the chosen ones are for others to see."""
    value = payload.get(key)
    if key == BLOCKS and value:
        chosen = {method for section in METHOD_SECTIONS for method in payload.get(section.selected, ())}
        return {method: blocks for method, blocks in value.items() if method in chosen}
    return value


NAMED = (VALUES.selected, *(section.selected for section in METHOD_SECTIONS))


def decomposed(title: str, summary: str | None, document: Document) -> dict[str, Any]:
    """A draft's payload that begins from a document; `composed` makes exactly that document of it again.

    An entry that no value or method of the document would make, word for word, becomes a clause of the group's own.
    """
    parts: dict[str, Any] = {"title": title, BEGAN_FROM: dict(document)}
    if summary:
        parts["summary"] = summary
    parts.update({key: document[key] for key in CARRIED if document.get(key)})

    values = _firsts("chipId", document.get("coreValues") or [])
    parts[VALUES.selected] = [value["chipId"] for value in values]
    parts[VALUES.details] = {
        value["chipId"]: {name: value[name] for name in ("label", "meaning", "signals") if value.get(name)}
        for value in values
    }
    selections = document.get("methodSelections") or {}
    metas: dict[str, Any] = {}
    for section in METHOD_SECTIONS:
        chosen = _firsts("id", selections.get(section.key) or [])
        parts[section.selected] = [method["id"] for method in chosen]
        parts[section.details] = {method["id"]: method["sections"] for method in chosen if method.get("sections")}
        for method in chosen:
            meta = {"label": method["label"]} if method["label"] != label_of({}, method["id"]) else {}
            if method.get("supportText"):
                meta = {"label": method["label"], "supportText": method["supportText"]}
            metas.setdefault(method["id"], {}).update(meta)
    parts[META] = metas

    made = _by_text(_pieces(nested(flat(parts))))
    # What else has an id would be called by the clause's label.
    taken = {identifier for key in NAMED for identifier in parts[key]}
    free = (name for number in count(1) if (name := f"clause-{number}") not in taken)
    clauses: dict[str, dict[str, Any]] = {}
    for part in document.get("sections") or []:
        for entry in part["entries"]:
            found = made.get(_text(Piece(part["categoryName"], entry)))
            if found:
                found.pop()
            else:
                clauses[next(free)] = _clause(part["categoryName"], entry)
    parts[MORE.selected] = list(clauses)
    parts[MORE.details] = clauses
    return nested(flat(parts))


def aligned(base: Payload, mine: Payload, theirs: Payload) -> tuple[dict[str, Any], dict[str, Any]]:
    """`base` and `mine` with the ids that the clauses of `base` have in `theirs`, a later text of the same rule.

    `decomposed` numbers clauses, so that one put before the others gives all of them another id. A clause is the same
    when it reads the same, else when its section and title are.
    """
    earlier, later = _clauses(base), _clauses(theirs)
    ids: dict[str, str] = {}
    for told_by in (_whole, _heading):
        known: dict[str, list[str]] = {}
        for name in reversed(later):
            known.setdefault(told_by(later[name]), []).append(name)
        for name, clause in earlier.items():
            if name not in ids and known.get(told_by(clause)):
                ids[name] = known[told_by(clause)].pop()
        found = set(ids.values())
        later = {name: clause for name, clause in later.items() if name not in found}
    others = {name for name in (*earlier, *_clauses(mine)) if name not in ids}
    taken = {*_clauses(theirs), *(each for key in NAMED for each in (*theirs.get(key, ()), *mine.get(key, ())))}
    used = taken | others
    free = (new for number in count(1) if (new := f"clause-{number}") not in used)
    ids.update({name: next(free) if name in taken else name for name in sorted(others)})
    return _with_clause_ids(base, ids), _with_clause_ids(mine, ids)


def _clauses(payload: Payload) -> dict[str, dict[str, Any]]:
    details = payload.get(MORE.details, {})
    return {
        name: {"section": MORE.name, "label": "", **details.get(name, {})}
        for name in dict.fromkeys((*payload.get(MORE.selected, ()), *details))
    }


def _whole(clause: Mapping[str, Any]) -> str:
    return json.dumps(clause, sort_keys=True)


def _heading(clause: Mapping[str, Any]) -> str:
    return json.dumps([clause["section"], clause["label"]])


def _with_clause_ids(payload: Payload, ids: Mapping[str, str]) -> dict[str, Any]:
    renamed = dict(payload)
    if MORE.selected in payload:
        renamed[MORE.selected] = [ids[name] for name in payload[MORE.selected]]
    if MORE.details in payload:
        renamed[MORE.details] = {ids[name]: fields for name, fields in payload[MORE.details].items()}
    return renamed


def _clause(section: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """`rest` is what a client put into the entry beside its title, text and blocks."""
    details = {"label": entry["title"], "section": section}
    details |= {key: entry[key] for key in ("body", "blocks") if entry.get(key) is not None}
    rest = {key: value for key, value in entry.items() if key != "title" and key not in details}
    rest |= {key: entry[key] for key in ("label", "section") if key in entry}
    return {**details, "rest": rest} if rest else details


def _own_entries(payload: Payload) -> Iterable[tuple[Source, str, dict[str, Any]]]:
    """The group's own clauses with the name of their section, then what a client put into the draft's `sections`."""
    for clause in payload.get(MORE.selected, ()):
        details = payload.get(MORE.details, {}).get(clause, {})
        entry = {"title": str(details.get("label", ""))}
        entry |= {key: details[key] for key in ("body", "blocks") if key in details}
        # Of an entry's own keys only a null is kept in `rest`; a client may have put anything there.
        rest = {k: v for k, v in details.get("rest", {}).items() if v is None or k not in Entry.model_fields}
        yield (MORE.key, clause), str(details.get("section", MORE.name)), {**rest, **entry}
    for number, part in enumerate(payload.get("sections") or []):
        try:
            DocumentSection.model_validate(part)
        except ValidationError:
            # A draft may hold anything there, a document only what can be read.
            continue
        for place, entry in enumerate(part["entries"]):
            yield ("sections", f"{number}.{place}"), part["categoryName"], entry


def _value_entry(payload: Payload, value: str, label: Label) -> dict[str, Any]:
    details = payload.get(VALUES.details, {}).get(value, {})
    entry: dict[str, Any] = {"title": label(value)}
    if details.get("meaning"):
        entry["body"] = details["meaning"]
    if details.get("signals"):
        entry["blocks"] = [{"label": VALUES.fields[1].label, "body": details["signals"]}]
    return entry


def _method_entry(section: Section, payload: Payload, method: str, label: Label) -> dict[str, Any]:
    entry: dict[str, Any] = {"title": label(method)}
    support = payload.get(META, {}).get(method, {}).get("supportText")
    if support:
        entry["body"] = support
    details = payload.get(section.details, {}).get(method, {})
    blocks = []
    for field in section.fields:
        answer = details.get(field.name)
        if answer not in (None, ""):
            blocks.append({"label": field.label, "body": f"{answer} %" if field.percent else str(answer)})
    blocks += [_block(block) for block in payload.get(BLOCKS, {}).get(method, ())]
    if blocks:
        entry["blocks"] = blocks
    return entry


IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".gif")


def _block(block: Mapping[str, Any]) -> dict[str, Any]:
    match block.get("kind"):
        case "badges":
            return {"label": block["blockTitle"], "body": "\n".join(f"- {option}" for option in block["options"])}
        case "proportion":
            return {"label": block["blockTitle"], "body": f"{block['defaultPercent']} %"}
        case "upload":
            name = block.get("fileName") or ""
            if block.get("assetUrl") and name.lower().endswith(IMAGES):
                return {"label": block["blockTitle"], "body": "", "imageUrl": block["assetUrl"]}
            file = {"fileUrl": block["assetUrl"]} if block.get("assetUrl") else {}
            return {"label": block["blockTitle"], "body": name, **file}
    return {"label": str(block.get("blockTitle", "")), "body": str(block.get("placeholderText", ""))}


def _core_value(payload: Payload, value: str, label: Label) -> dict[str, Any]:
    details = payload.get(VALUES.details, {}).get(value, {})
    return {
        "chipId": value,
        "label": label(value),
        "meaning": details.get("meaning", ""),
        "signals": details.get("signals", ""),
    }


def _selection(section: Section, payload: Payload, method: str, label: Label) -> dict[str, Any]:
    made = {
        "id": method,
        "label": label(method),
        "sections": payload.get(section.details, {}).get(method, {}),
    }
    support = payload.get(META, {}).get(method, {}).get("supportText")
    return {**made, "supportText": support} if support else made
