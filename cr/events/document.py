"""The text of a published rule: one JSON object in the contract's shape, made from a draft's payload and back.

A document's `sections` are what people read; `coreValues`, `methodSelections` and the rest say the same to programs.
Keys that we don't know are kept as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cr.catalog.sections import METHOD_SECTIONS, MORE, VALUES, Section
from cr.events.payload import BLOCKS, META, Payload, flat, label_of, nested, validation_problem

Document = Mapping[str, Any]

OTHER_KEYS = "otherDocumentKeys"
"""Where a draft keeps the keys of the document it began from that a draft has no place for."""

CARRIED = ("communityContext", "communityAvatarUrl", BLOCKS)
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


class DocumentShape(BaseModel):
    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)
    sections: list[DocumentSection] = []
    coreValues: list[CoreValue] | None = None
    methodSelections: dict[str, list[Selection]] | None = None
    communityAvatarUrl: str | None = Field(None, max_length=512)
    communityContext: str | None = None
    customMethodCardFieldBlocksById: dict[str, Any] | None = None


def checked_document(document: Any) -> dict[str, Any]:
    """The document, exactly as it came. Raises `ValidationProblem` that names the first place that can't be read."""
    try:
        DocumentShape.model_validate(document)
    except ValidationError as error:
        raise validation_problem(error, within="document") from None
    return dict(document)


def composed(payload: Payload) -> dict[str, Any]:
    """The document that a draft's payload stands for."""
    sections: dict[str, list[dict[str, Any]]] = {VALUES.name: list(_value_entries(payload))}
    for section in METHOD_SECTIONS:
        sections[section.name] = list(_method_entries(section, payload))
    for name, entry in _own_entries(payload):
        sections.setdefault(name, []).append(entry)
    document: dict[str, Any] = {
        **payload.get(OTHER_KEYS, {}),
        "sections": [{"categoryName": name, "entries": entries} for name, entries in sections.items() if entries],
    }
    values = [_core_value(payload, value) for value in payload.get(VALUES.selected, ())]
    if values:
        document["coreValues"] = values
    selections = {
        section.key: [_selection(section, payload, method) for method in payload[section.selected]]
        for section in METHOD_SECTIONS
        if payload.get(section.selected)
    }
    if selections:
        document["methodSelections"] = selections
    document.update({key: payload[key] for key in CARRIED if payload.get(key)})
    return document


def decomposed(title: str, summary: str | None, document: Document) -> dict[str, Any]:
    """A draft's payload from which `composed` makes the same document again, as far as a draft has a place for it.

    Entries that came as plain text, with no method behind them, become clauses of the group's own.
    """
    parts: dict[str, Any] = {"title": title}
    if summary:
        parts["summary"] = summary
    parts.update({key: document[key] for key in CARRIED if document.get(key)})

    values = document.get("coreValues") or []
    parts[VALUES.selected] = [value["chipId"] for value in values]
    parts[VALUES.details] = {
        value["chipId"]: {name: value[name] for name in ("label", "meaning", "signals") if value.get(name)}
        for value in values
    }
    selections = document.get("methodSelections") or {}
    metas: dict[str, Any] = {}
    for section in METHOD_SECTIONS:
        chosen = selections.get(section.key) or []
        parts[section.selected] = [method["id"] for method in chosen]
        parts[section.details] = {method["id"]: method["sections"] for method in chosen if method.get("sections")}
        for method in chosen:
            meta = {"label": method["label"]} if method["label"] != label_of({}, method["id"]) else {}
            if method.get("supportText"):
                meta = {"label": method["label"], "supportText": method["supportText"]}
            metas[method["id"]] = meta
    parts[META] = metas

    # An entry that a value or method stands for is made anew by `composed`; every other one is the group's own clause.
    made = {(part["categoryName"], entry["title"]) for part in composed(parts)["sections"] for entry in part["entries"]}
    clauses: dict[str, dict[str, Any]] = {}
    for part in document.get("sections") or []:
        for entry in part["entries"]:
            if (part["categoryName"], entry["title"]) not in made:
                rest = {key: value for key, value in entry.items() if key != "title" and value is not None}
                clauses[f"clause-{len(clauses) + 1}"] = {
                    "label": entry["title"],
                    "section": part["categoryName"],
                    **rest,
                }
    parts[MORE.selected] = list(clauses)
    parts[MORE.details] = clauses

    known = {*CARRIED, "sections", "coreValues", "methodSelections"}
    other = {key: value for key, value in document.items() if key not in known}
    methods = {section.key for section in METHOD_SECTIONS}
    unknown = {key: value for key, value in selections.items() if key not in methods}
    if unknown:
        other["otherMethodSelections"] = unknown
    if other:
        parts[OTHER_KEYS] = other
    return nested(flat(parts))


def _own_entries(payload: Payload) -> Iterable[tuple[str, dict[str, Any]]]:
    """The group's own clauses with the name of their section, then what a client put into the draft's `sections`."""
    for clause in payload.get(MORE.selected, ()):
        details = payload.get(MORE.details, {}).get(clause, {})
        rest = {key: value for key, value in details.items() if key not in ("label", "section")}
        yield str(details.get("section") or MORE.name), {"title": str(details.get("label", "")), **rest}
    for part in payload.get("sections") or []:
        try:
            DocumentSection.model_validate(part)
        except ValidationError:
            # A draft may hold anything there, a document only what can be read.
            continue
        for entry in part["entries"]:
            yield part["categoryName"], entry


def _value_entries(payload: Payload) -> Iterable[dict[str, Any]]:
    for value in payload.get(VALUES.selected, ()):
        details = payload.get(VALUES.details, {}).get(value, {})
        entry: dict[str, Any] = {"title": label_of(payload, value)}
        if details.get("meaning"):
            entry["body"] = details["meaning"]
        if details.get("signals"):
            entry["blocks"] = [{"label": VALUES.fields[1].label, "body": details["signals"]}]
        yield entry


def _method_entries(section: Section, payload: Payload) -> Iterable[dict[str, Any]]:
    for method in payload.get(section.selected, ()):
        entry: dict[str, Any] = {"title": label_of(payload, method)}
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
        yield entry


IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".gif")


def _block(block: Mapping[str, Any]) -> dict[str, Any]:
    match block.get("kind"):
        case "badges":
            return {"label": block["blockTitle"], "body": ", ".join(block["options"])}
        case "proportion":
            return {"label": block["blockTitle"], "body": f"{block['defaultPercent']} %"}
        case "upload":
            made = {"label": block["blockTitle"], "body": block.get("fileName") or ""}
            if block.get("assetUrl"):
                image = (block.get("fileName") or "").lower().endswith(IMAGES)
                made["imageUrl" if image else "fileUrl"] = block["assetUrl"]
            return made
    return {"label": str(block.get("blockTitle", "")), "body": str(block.get("placeholderText", ""))}


def _core_value(payload: Payload, value: str) -> dict[str, Any]:
    details = payload.get(VALUES.details, {}).get(value, {})
    return {
        "chipId": value,
        "label": label_of(payload, value),
        "meaning": details.get("meaning", ""),
        "signals": details.get("signals", ""),
    }


def _selection(section: Section, payload: Payload, method: str) -> dict[str, Any]:
    made = {
        "id": method,
        "label": label_of(payload, method),
        "sections": payload.get(section.details, {}).get(method, {}),
    }
    support = payload.get(META, {}).get(method, {}).get("supportText")
    return {**made, "supportText": support} if support else made


def differences(before: Document, after: Document) -> list[str]:
    """What changed between two documents, as sentences in the order of the document."""
    sentences = []
    old, new = _entries(before), _entries(after)
    for key in old:
        if key not in new:
            sentences.append(f"Removed {key[1]} from {key[0].lower()}.")
    for key, entry in new.items():
        if key not in old:
            sentences.append(f"Added {key[1]} to {key[0].lower()}.")
        elif entry != old[key]:
            sentences.append(f"Rewrote {key[1]} in {key[0].lower()}.")
    if [key for key in old if key in new] != [key for key in new if key in old]:
        sentences.append("Changed the order.")
    if before.get("communityAvatarUrl") != after.get("communityAvatarUrl"):
        sentences.append("Changed the photo.")
    if before.get("communityContext") != after.get("communityContext"):
        sentences.append("Changed what it says about the community.")
    return sentences


def _entries(document: Document) -> dict[tuple[str, str], Any]:
    return {
        (part["categoryName"], entry["title"]): entry
        for part in document.get("sections") or []
        for entry in part["entries"]
    }
