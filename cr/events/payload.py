"""The text of a draft: one JSON object, in the contract's shape, and what can be done with two of them.

`checked` refuses what is not of the contract's shape, `flat` and `nested` go between the object and its smallest parts,
`merged` brings together what two people wrote at once. Empty lists and maps count as absent; other keys than the
contract's are kept as they came.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    StringConstraints,
    ValidationError,
)

from cr.catalog.labels import LABELS
from cr.catalog.sections import FACETS, MORE, SECTIONS, VALUES
from cr.errors import ValidationProblem

Payload = Mapping[str, Any]
Path = tuple[str, ...]
"""Where a smallest part stands, e.g. ("title",) or ("coreValueDetailsByChipId", "care", "meaning")."""

TEXTS = {"title": 500, "summary": 8000, "communityContext": 200, "communityAvatarUrl": 512, "communityAvatarAlt": 300}
SELECTIONS = (VALUES.selected, *(section.selected for section in SECTIONS))
META = "customMethodCardMetaById"
BLOCKS = "customMethodCardFieldBlocksById"
FIELD_MAPS = (VALUES.details, *(section.details for section in SECTIONS), META)
"""Maps from an id to a map of fields: each field is a part of its own, so that two people can write two of them."""

SELECTIONS_OF = {section.details: section.selected for section in (VALUES, *SECTIONS)}
"""By map of fields, what its ids are chosen in; what is in no such map is about every section that has the id."""

STEP = "currentStep"
"""Where somebody is in the guided flow. Not of the rule: of two people who are in two places the last one counts."""

PRIVATE = ("stakeholderEmails", "communitySaveEmail")
"""Keys that hold people's addresses. They are kept in an ordinary table that can be erased, never in an event."""

REFUSED_KEYS = {"__proto__", "constructor", "prototype"}
"""Keys that change an object's nature in a JavaScript client."""

Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Ids = Annotated[list[Id], Field(max_length=200)]


class DetailBlock(BaseModel):
    model_config = ConfigDict(extra="allow")
    label: str = ""
    body: str = ""
    imageUrl: str | None = None
    fileUrl: str | None = None


class Detail(BaseModel):
    """What is said about one value, method or clause; the fields of every section of `cr.catalog.sections`."""

    model_config = ConfigDict(extra="allow")
    label: str | None = None
    meaning: str | None = None
    signals: str | None = None
    corePrinciple: str | None = None
    logisticsAdmin: str | None = None
    codeOfConduct: str | None = None
    eligibility: str | None = None
    joiningProcess: str | None = None
    expectations: str | None = None
    applicableScope: str | None = None
    consensusLevel: StrictInt | StrictFloat | StrictStr | None = None
    stepByStepInstructions: str | None = None
    objectionsDeadlocks: str | None = None
    processProtocol: str | None = None
    restorationFallbacks: str | None = None
    section: str | None = None
    body: str | None = None
    blocks: list[DetailBlock] | None = None
    rest: dict[str, Any] | None = None


Details = dict[Id, Detail]


class Meta(BaseModel):
    model_config = ConfigDict(extra="allow")
    label: str = Field(max_length=48)
    supportText: str = Field("", max_length=48)


class Text(BaseModel):
    model_config = ConfigDict(extra="allow")
    kind: Literal["text"]
    id: str = Field(max_length=80)
    blockTitle: str = Field(max_length=200)
    placeholderText: str = Field("", max_length=8000)


class Badges(BaseModel):
    model_config = ConfigDict(extra="allow")
    kind: Literal["badges"]
    id: str = Field(max_length=80)
    blockTitle: str = Field(max_length=200)
    options: list[Annotated[str, StringConstraints(max_length=200)]] = Field(max_length=50)


class Upload(BaseModel):
    model_config = ConfigDict(extra="allow")
    kind: Literal["upload"]
    id: str = Field(max_length=80)
    blockTitle: str = Field(max_length=200)
    fileName: str | None = Field(None, max_length=500)
    assetUrl: str | None = Field(None, max_length=512)


class Proportion(BaseModel):
    model_config = ConfigDict(extra="allow")
    kind: Literal["proportion"]
    id: str = Field(max_length=80)
    blockTitle: str = Field(max_length=200)
    defaultPercent: int = Field(ge=1, le=100)


Block = Annotated[Text | Badges | Upload | Proportion, Field(discriminator="kind")]


class DraftPayload(BaseModel):
    """The contract's draft `payload`. `None` counts as absent everywhere."""

    model_config = ConfigDict(extra="allow", hide_input_in_errors=True)

    title: str | None = Field(None, max_length=TEXTS["title"])
    summary: str | None = Field(None, max_length=TEXTS["summary"])
    communityContext: str | None = Field(None, max_length=TEXTS["communityContext"])
    communityAvatarUrl: str | None = Field(None, max_length=TEXTS["communityAvatarUrl"])
    communityAvatarAlt: str | None = Field(None, max_length=TEXTS["communityAvatarAlt"])
    selectedCommunitySizeIds: Ids | None = None
    selectedOrganizationTypeIds: Ids | None = None
    selectedScaleIds: Ids | None = None
    selectedMaturityIds: Ids | None = None
    selectedCoreValueIds: Ids | None = None
    selectedCommunicationMethodIds: Ids | None = None
    selectedMembershipMethodIds: Ids | None = None
    selectedDecisionApproachIds: Ids | None = None
    selectedConflictManagementIds: Ids | None = None
    coreValueDetailsByChipId: Details | None = None
    communicationMethodDetailsById: Details | None = None
    membershipMethodDetailsById: Details | None = None
    decisionApproachDetailsById: Details | None = None
    conflictManagementDetailsById: Details | None = None
    selectedOwnSectionIds: Ids | None = None
    ownSectionDetailsById: Details | None = None
    customMethodCardMetaById: dict[Id, Meta] | None = None
    customMethodCardFieldBlocksById: dict[Id, Annotated[list[Block], Field(max_length=30)]] | None = None
    sections: list[Any] | None = None
    stakeholderEmails: list[Annotated[str, StringConstraints(max_length=320)]] | None = Field(None, max_length=30)
    communitySaveEmail: str | None = Field(None, max_length=320)
    currentStep: str | None = Field(None, max_length=200)
    beganFromDocument: dict[str, Any] | None = None


def checked(payload: Any) -> dict[str, Any]:
    """The payload in canonical form. Raises `ValidationProblem` that names the first key that can't be used."""
    try:
        model = DraftPayload.model_validate(payload)
    except ValidationError as error:
        raise validation_problem(error) from None
    given = model.model_dump(exclude_none=True, exclude_unset=True)
    # An unknown key that came as null is kept as null; a known one is absent then.
    extra = model.model_extra or {}
    for key in SELECTIONS + tuple(FACETS):
        if key in given:
            given[key] = list(dict.fromkeys(given[key]))
    return nested(flat({**given, **extra}))


def validation_problem(error: ValidationError, within: str = "") -> ValidationProblem:
    """pydantic's complaint as ours: {place: what is wrong} for every fault, and the first of them as the sentence.

    `within` is where the checked value stands in what was sent.
    """
    fields: dict[str, str] = {}
    for fault in error.errors():
        place = ".".join(str(part) for part in ((within,) if within else ()) + fault["loc"]) or "body"
        fields.setdefault(place, fault["msg"].removeprefix("Value error, "))
    place, reason = next(iter(fields.items()))
    return ValidationProblem(f"{place}: {reason}", fields=fields)


def flat(payload: Payload) -> dict[Path, Any]:
    """The smallest parts that two people may change independently of each other."""
    parts: dict[Path, Any] = {}
    for key, value in payload.items():
        if key in FIELD_MAPS:
            for identifier, fields in value.items():
                parts.update({(key, identifier, name): field for name, field in fields.items() if field is not None})
        elif key == BLOCKS:
            parts.update({(key, identifier): blocks for identifier, blocks in value.items() if blocks})
        elif key in SELECTIONS or key in FACETS:
            if value:
                parts[(key,)] = value
        else:
            parts[(key,)] = value
    return parts


def nested(parts: Mapping[Path, Any]) -> dict[str, Any]:
    """The inverse of `flat`."""
    payload: dict[str, Any] = {}
    for path, value in parts.items():
        place = payload
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = value
    return payload


ABSENT = object()


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values say the same. Python alone holds 1 and true for equal."""
    return bool(one == other) and (
        one is other or isinstance(one, str) or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    )


@dataclass(frozen=True)
class Clash:
    """Two people wrote the same part differently; None stands for nothing."""

    path: Path
    base: Any
    theirs: Any
    mine: Any


def merged(base: Payload, theirs: Payload, mine: Payload) -> tuple[dict[str, Any], list[Clash]]:
    """What both changed since `base`, and where they clash. At a clash the result holds `theirs`.

    Lists of choices never clash: what either added is in, what either dropped is out. To write about what the other
    dropped is a clash, whoever of the two wrote and whoever dropped. Field blocks clash one by one.
    """
    was, now, wanted = flat(base), flat(theirs), flat(mine)
    result: dict[Path, Any] = {}
    clashes: list[Clash] = []
    chosen_base, chosen_theirs, chosen_mine = (_chosen(payload) for payload in (base, theirs, mine))
    for path in dict.fromkeys((*now, *wanted)):
        if path[0] in SELECTIONS or path[0] in FACETS:
            chosen = _merged_selection(was.get(path, []), now.get(path, []), wanted.get(path, []))
            if chosen:
                result[path] = chosen
            continue
        b, t, m = was.get(path, ABSENT), now.get(path, ABSENT), wanted.get(path, ABSENT)
        source = now
        # What is written about something that the other dropped would be kept where nobody sees it.
        seen = len(path) > 1 and chosen_theirs(path)
        unseen = len(path) > 1 and chosen_base(path) and seen != chosen_mine(path)
        if path[0] == STEP:
            source = now if same(m, b) else wanted
        elif not same(m, t):
            if path[0] == BLOCKS and not unseen and (both := _merged_blocks(b, t, m)):
                blocks, clashed = both
                if blocks:
                    result[path] = blocks
                if clashed:
                    clashes.append(Clash(path, *(None if part is ABSENT else part for part in (b, t, m))))
                continue
            if not same(m, b) and same(t, b) and not (unseen and not seen):
                source = wanted
            elif not same(m, b) or (unseen and seen):
                clashes.append(Clash(path, *(None if part is ABSENT else part for part in (b, t, m))))
        if path in source:
            result[path] = source[path]
    return nested(result), clashes


@dataclass(frozen=True)
class Choice:
    """Which side of a clash stays, or, of a text, what `text` it is to say now."""

    whose: Literal["mine", "theirs"]
    text: str | None = None


Choices = Mapping[Path, Choice]
"""By the path of a `Clash`."""


def brought_together(
    base: Payload, theirs: Payload, mine: Payload, choices: Choices
) -> tuple[dict[str, Any], list[Clash]]:
    """`merged`, with every clash that `choices` decides put as it says; and the clashes that it doesn't.

    Where one side dropped what the other wrote about there is one clash about all of it, at the path (map of fields,
    id); `theirs` or `mine` is None on the side that dropped it, else what it says there by name of field.
    """
    result, clashes = merged(base, theirs, mine)
    parts, now, wanted = flat(result), flat(theirs), flat(mine)
    open_ones: dict[Path, Clash] = {}
    for clash in clashes:
        details = _dropped(clash.path, theirs, mine)
        path = clash.path if details is None else (details, clash.path[1])
        choice = choices.get(path)
        if choice is None:
            open_ones.setdefault(path, clash if details is None else _entry_clash(path, base, theirs, mine))
        elif details is not None:
            _put_entry(parts, path, now if choice.whose == "theirs" else wanted)
        elif choice.text is not None:
            _put(parts, path, {path: choice.text} if choice.text else {})
        elif choice.whose == "mine":
            _put(parts, path, wanted)
    return nested(parts), list(open_ones.values())


def _dropped(path: Path, theirs: Payload, mine: Payload) -> str | None:
    """The map of fields of the entry that `path` is about, if one of the sides has the entry and the other hasn't."""
    if len(path) < 2:
        return None
    for details, selected in SELECTIONS_OF.items():
        about = path[0] == details or path[0] in (META, BLOCKS)
        if about and (path[1] in theirs.get(selected, ())) != (path[1] in mine.get(selected, ())):
            return details
    return None


def _entry_clash(path: Path, *sides: Payload) -> Clash:
    details, identifier = path

    def said(side: Payload) -> dict[str, Any] | None:
        if identifier not in side.get(SELECTIONS_OF[details], ()):
            return None
        blocks = {BLOCKS: side[BLOCKS][identifier]} if side.get(BLOCKS, {}).get(identifier) else {}
        return {**side.get(details, {}).get(identifier, {}), **side.get(META, {}).get(identifier, {}), **blocks}

    base, theirs, mine = map(said, sides)
    return Clash(path, base, theirs, mine)


def _put_entry(parts: dict[Path, Any], path: Path, side: Mapping[Path, Any]) -> None:
    """Make all about one entry as one side has it: whether it is chosen, and everything that is said about it."""
    details, identifier = path
    selected: Path = (SELECTIONS_OF[details],)
    kept = [each for each in parts.get(selected, ()) if each != identifier]
    if identifier in side.get(selected, ()):
        kept.append(identifier)
    parts.pop(selected, None)
    if kept:
        parts[selected] = kept
    for each in [*parts, *side]:
        if each[0] in (details, META, BLOCKS) and each[1] == identifier:
            _put(parts, each, side)


def _put(parts: dict[Path, Any], path: Path, side: Mapping[Path, Any]) -> None:
    parts.pop(path, None)
    if path in side:
        parts[path] = side[path]


def _merged_blocks(base: Any, theirs: Any, mine: Any) -> tuple[list[Any], bool] | None:
    """The field blocks of one method after what both did to them, and whether both changed the same one.

    Then it is as they have it; of an upload only the title can clash, and the file is the one that came last. One that
    one side took away and the other changed stays. None where the blocks can't be told apart.
    """
    sides = [{} if side is ABSENT else {block["id"]: block for block in side} for side in (base, theirs, mine)]
    if any(side is not ABSENT and len(side) != len(one) for side, one in zip((base, theirs, mine), sides, strict=True)):
        return None
    was, now, wanted = sides
    blocks, clashed = [], False
    for block in dict.fromkeys((*wanted, *now) if list(wanted) != list(was) else (*now, *wanted)):
        b, t, m = (side.get(block, ABSENT) for side in sides)
        if same(t, b):
            t = m  # only this side changed it, or neither
        elif ABSENT not in (b, t, m) and b["kind"] == t["kind"] == m["kind"] == "upload":
            t, titles_clash = _merged_upload(b, t, m)
            clashed = clashed or titles_clash
        elif not (same(m, b) or same(m, t) or m is ABSENT):
            clashed = clashed or t is not ABSENT
            t = m if t is ABSENT else t
        if t is not ABSENT:
            blocks.append(t)
    return blocks, clashed


def _merged_upload(
    base: Mapping[str, Any], theirs: Mapping[str, Any], mine: Mapping[str, Any]
) -> tuple[dict[str, Any], bool]:
    """An upload that both have after what both did to it, and whether both gave it a title."""
    # What says which file it is goes together.
    files = [{key: value for key, value in side.items() if key != "blockTitle"} for side in (base, theirs, mine)]
    file = files[1] if same(files[2], files[0]) else files[2]
    was, now, wanted = (side["blockTitle"] for side in (base, theirs, mine))
    title = wanted if now == was else now
    return {**file, "blockTitle": title}, wanted not in (was, title)


def _chosen(payload: Payload) -> Callable[[Path], bool]:
    """Tells whether a part is about a value, method or clause that the payload has chosen."""
    chosen = {key: frozenset(payload.get(key, ())) for key in SELECTIONS}
    anywhere: frozenset[str] = frozenset().union(*chosen.values())
    within = {details: chosen[selected] for details, selected in SELECTIONS_OF.items()}
    return lambda path: path[1] in within.get(path[0], anywhere)


def _merged_selection(base: list[str], theirs: list[str], mine: list[str]) -> list[str]:
    before, now, wanted = set(base), set(theirs), set(mine)

    def moved(side: list[str], kept: set[str]) -> bool:
        # Who only dropped some and added others behind them has not said anything about the order.
        return side != [i for i in base if i in kept] + [i for i in side if i not in before]

    order = theirs if mine == base or (moved(theirs, now) and not moved(mine, wanted)) else mine
    keep = {i for i in (*theirs, *mine) if (i in now and i in wanted) or i not in before}
    return [i for i in dict.fromkeys((*order, *theirs, *mine)) if i in keep]


def label_of(payload: Payload, identifier: str) -> str:
    """What people call a value or a method: their own name for it where they gave one, else the catalogue's.

    What neither of them names is called by its id, made readable.
    """
    return labels_of(payload)(identifier)


def labels_of(payload: Payload) -> Callable[[str], str]:
    """`label_of` for many ids of one payload, which does not change meanwhile."""
    snapshot = payload.get("coreValuesChipsSnapshot")
    chips: dict[str, str] = {}
    for chip in snapshot if isinstance(snapshot, list) else ():
        if isinstance(chip, dict) and isinstance(chip.get("id"), str) and isinstance(chip.get("label"), str):
            chips.setdefault(chip["id"], chip["label"])

    def label(identifier: str) -> str:
        meta = payload.get(META, {}).get(identifier)
        if meta and meta.get("label"):
            return str(meta["label"])
        for key in (VALUES.details, MORE.details):
            own = payload.get(key, {}).get(identifier, {}).get("label")
            if isinstance(own, str) and own:
                return own
        if identifier in chips:
            return chips[identifier]
        return LABELS.get(identifier) or identifier.replace("-", " ").capitalize()

    return label
