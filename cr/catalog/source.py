"""Reading a catalogue from a folder of JSON, and saying everything that is wrong with it before any of it is used.

values.json                 [{"id", "label", "meaning", "signals"}]
{section}.json              [{"slug", "label", "description", "sections", "facets"}], one for each section of methods
templates.json              [{"slug", "title", ..., "values", "methods", "clauses", "facets"?}], in their order
use-cases.json              [{"slug", "community", ..., "story", "look", "facets", "rule"}], in their order
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, create_model

from cr.catalog.facets import GROUPS, Facet
from cr.catalog.items import Method, Template, UseCase, Value
from cr.catalog.labels import DATA
from cr.catalog.sections import METHOD_SECTIONS, MORE, VALUES, Section
from cr.catalog.slugs import PROMISED, is_slug

LABEL_MOST, TITLE_MOST, TEXT_MOST = 48, 200, 8000
"""Characters: of what a value or method is called, of other names, and of a text; no more than a draft takes."""


class CatalogError(Exception):
    """The catalogue can't be used. `problems` are sentences, each of which names the file and the place in it."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass(frozen=True)
class Catalog:
    """All there is to choose from, in order."""

    values: tuple[Value, ...]
    methods: tuple[Method, ...]
    templates: tuple[Template, ...]
    use_cases: tuple[UseCase, ...] = ()


NO_TEXT = "take out the characters that no database keeps: NUL and halves of surrogate pairs"


def _written(text: str) -> str:
    if not text.strip():
        raise ValueError("write a text")
    if "\0" in text:
        raise ValueError(NO_TEXT)
    return text


def _slug(text: str) -> str:
    if not is_slug(text):
        raise ValueError("write small letters, digits and single hyphens, such as lazy-consensus")
    return text


def _number(text: str) -> str:
    if not re.fullmatch("[1-9][0-9]{0,5}", text):
        raise ValueError('write a whole number in quotes, such as "12"')
    return text


def _each_once(names: list[str]) -> list[str]:
    if twice := _repeated(names):
        raise ValueError(f"{', '.join(twice)} stands there twice")
    return names


Label = Annotated[str, Field(max_length=LABEL_MOST), AfterValidator(_written)]
Title = Annotated[str, Field(max_length=TITLE_MOST), AfterValidator(_written)]
Text = Annotated[str, Field(max_length=TEXT_MOST), AfterValidator(_written)]
Percent = Annotated[int, Field(ge=0, le=100)]
Slug = Annotated[str, AfterValidator(_slug)]
ValueId = Annotated[str, AfterValidator(_number)]
SHAPE = ConfigDict(strict=True, extra="forbid")


def _shape(name: str, fields: dict[str, Any]) -> Any:
    """A model of an object with exactly these keys."""
    required: Any = {key: (kind, ...) for key, kind in fields.items()}
    return create_model(name, __config__=SHAPE, **required)


Facets = _shape(
    "Facets",
    {group.name: _shape(group.name, {answer.value: bool for answer in group.answers}) for group in GROUPS},
)


class _Value(BaseModel):
    model_config = SHAPE
    id: ValueId
    label: Label
    meaning: Text
    signals: Text


class _Clause(BaseModel):
    model_config = SHAPE
    section: Title
    label: Title
    body: Text


Methods = _shape(
    "Methods",
    {
        section.key: Annotated[list[Slug], Field(min_length=1, max_length=4), AfterValidator(_each_once)]
        for section in METHOD_SECTIONS
    },
)


_Template = create_model(
    "_Template",
    __base__=_shape(
        "template",
        {
            "slug": Slug,
            "title": Title,
            "category": Title,
            "description": Text,
            "works": Text,
            "fits": Text,
            "watchOut": Text,
            "featured": bool,
            "values": Annotated[list[ValueId], Field(min_length=1, max_length=VALUES.most), AfterValidator(_each_once)],
            "methods": Methods,
            "clauses": list[_Clause],
        },
    ),
    # One that suits whatever its methods suit says nothing itself.
    facets=(Facets | None, None),
)


def _answers(section: Section) -> Any:
    """What a method of this section says to every field."""
    texts = {field.name: Percent if field.percent else Text for field in section.fields}
    return _shape(f"{section.key} sections", texts)


def _method_shape(section: Section) -> Any:
    fields = {"slug": Slug, "label": Label, "description": Text, "sections": _answers(section), "facets": Facets}
    return _shape(section.key, fields)


class _Part(BaseModel):
    model_config = SHAPE
    heading: Title
    text: Text


class _OwnValue(BaseModel):
    model_config = SHAPE
    id: ValueId
    meaning: Text
    signals: Text


def _chosen_once(key: str) -> AfterValidator:
    def check(entries: list[Any]) -> list[Any]:
        _each_once([getattr(entry, key) for entry in entries])
        return entries

    return AfterValidator(check)


_Rule = _shape(
    "rule",
    {
        "title": Title,
        "summary": Text,
        # No longer than a draft takes it.
        "context": Annotated[str, Field(max_length=200), AfterValidator(_written)],
        "values": Annotated[list[_OwnValue], Field(min_length=1, max_length=VALUES.most), _chosen_once("id")],
        "methods": _shape(
            "rule methods",
            {
                section.key: Annotated[
                    list[_shape(f"own {section.key}", {"slug": Slug, "sections": _answers(section)})],  # type: ignore[misc]
                    Field(min_length=1, max_length=4),
                    _chosen_once("slug"),
                ]
                for section in METHOD_SECTIONS
            },
        ),
        "clauses": list[_Clause],
    },
)

_UseCase = _shape(
    "use case",
    {
        "slug": Slug,
        "community": Title,
        "kind": Title,
        "size": Title,
        "description": Text,
        "facets": Facets,
        "story": Annotated[list[_Part], Field(min_length=1)],
        "look": Annotated[list[Text], Field(min_length=1)],
        "rule": _Rule,
    },
)


def read(folder: Path = DATA) -> Catalog:
    """The catalogue in `folder`. Raises `CatalogError` with every fault that there is."""
    if not folder.is_dir():
        raise CatalogError([f"{folder}: there is no such folder"])
    faults: list[str] = []
    values = _entries(folder / "values.json", _Value, "id", faults)
    methods = {
        section.key: _entries(folder / f"{section.key}.json", _method_shape(section), "slug", faults)
        for section in METHOD_SECTIONS
    }
    templates = _entries(folder / "templates.json", _Template, "slug", faults)
    use_cases = _entries(folder / "use-cases.json", _UseCase, "slug", faults)
    _check_labels(methods, faults)
    _check_references("templates.json", templates.all or [], values, methods, faults)
    _check_references("use-cases.json", _named_by(use_cases), values, methods, faults)
    if faults:
        raise CatalogError(faults)
    return Catalog(
        values=tuple(Value(each.id, each.label, each.meaning, each.signals) for each in values.usable),
        methods=tuple(_method(section, each) for section in METHOD_SECTIONS for each in methods[section.key].usable),
        templates=tuple(_template(each, place) for place, each in enumerate(templates.usable, 1)),
        use_cases=tuple(map(_use_case, use_cases.usable)),
    )


def _method(section: Section, given: Any) -> Method:
    return Method(
        section=section.key,
        slug=given.slug,
        label=given.label,
        description=given.description,
        sections=given.sections.model_dump(),
        facets=_yes(given.facets),
    )


def _template(given: Any, place: int) -> Template:
    return Template(
        slug=given.slug,
        title=given.title,
        category=given.category,
        description=given.description,
        works=given.works,
        fits=given.fits,
        watch_out=given.watchOut,
        sort_order=place,
        featured=given.featured,
        methods=tuple((each.key, slug) for each in METHOD_SECTIONS for slug in getattr(given.methods, each.key)),
        values=tuple(given.values),
        clauses=tuple(clause.model_dump() for clause in given.clauses),
        facets=_yes(given.facets) if given.facets else frozenset(),
    )


def _use_case(given: Any) -> UseCase:
    return UseCase(
        slug=given.slug,
        community=given.community,
        kind=given.kind,
        size=given.size,
        description=given.description,
        story=tuple(part.model_dump() for part in given.story),
        look=tuple(given.look),
        rule=_payload(given.slug, given.rule),
        facets=_yes(given.facets),
    )


def _payload(slug: str, rule: Any) -> dict[str, Any]:
    """A draft's payload that says what the rule of a use case says."""
    payload: dict[str, Any] = {"title": rule.title, "summary": rule.summary, "communityContext": rule.context}
    payload[VALUES.selected] = [value.id for value in rule.values]
    payload[VALUES.details] = {value.id: value.model_dump(exclude={"id"}) for value in rule.values}
    for section in METHOD_SECTIONS:
        methods = getattr(rule.methods, section.key)
        payload[section.selected] = [method.slug for method in methods]
        # As for the catalogue's methods, 0 stands for: does not apply.
        payload[section.details] = {
            method.slug: {name: answer for name, answer in method.sections.model_dump().items() if answer != 0}
            for method in methods
        }
    clauses = {f"use-case-{slug}-{number}": clause.model_dump() for number, clause in enumerate(rule.clauses, 1)}
    payload[MORE.selected] = list(clauses)
    payload[MORE.details] = clauses
    return payload


def _yes(facets: Any) -> frozenset[Facet]:
    answers = facets.model_dump()
    return frozenset(Facet(group, value) for group in answers for value, yes in answers[group].items() if yes)


class _Entries(NamedTuple):
    """What a file holds: entries without a fault, as models, and all of them by what they are called, as they came.

    `all` is None where the file can't be read.
    """

    usable: list[Any]
    all: list[tuple[str, Any]] | None


def _entries(file: Path, shape: Any, key: str, faults: list[str]) -> _Entries:
    """Adds to `faults` what is wrong with each entry and with all of them together."""
    try:
        given = json.loads(file.read_bytes(), object_pairs_hook=_object, parse_constant=_no_number)
    except FileNotFoundError:
        faults.append(f"{file.name}: this file is missing in {file.parent}")
        return _Entries([], None)
    except OSError as error:
        faults.append(f"{file.name}: it can't be read: {error.strerror}")
        return _Entries([], None)
    except (ValueError, RecursionError) as error:
        faults.append(f"{file.name}: this is no JSON that can be read: {error}")
        return _Entries([], None)
    if not isinstance(given, list):
        faults.append(f"{file.name}: write a list, in [ and ]")
        return _Entries([], None)
    adapter = TypeAdapter(shape)
    usable, entries = [], []
    for place, entry in enumerate(given, 1):
        name = entry.get(key) if isinstance(entry, dict) else None
        name = name if isinstance(name, str) and name else f"entry {place}"
        entries.append((name, entry))
        try:
            usable.append(adapter.validate_python(entry))
        except ValidationError as error:
            faults += [_sentence(file, name, fault) for fault in error.errors()]
    names = [name for name, _ in entries]
    faults += [f"{file.name}: {name}: {key}: this stands there twice" for name in _repeated(names)]
    faults += _broken_promises(file, names)
    return _Entries(usable, entries)


def _broken_promises(file: Path, names: list[str]) -> Iterable[str]:
    promised = PROMISED.get(file.stem, ())
    missing = [slug for slug in promised if slug not in names]
    yield from (f"{file.name}: {slug}: this is missing; links and saved drafts use it" for slug in missing)
    known = set(promised)
    if not missing and [name for name in dict.fromkeys(names) if name in known] != list(promised):
        yield f"{file.name}: keep the order {', '.join(promised)}"


def _sentence(file: Path, name: str, fault: Any) -> str:
    """One complaint of pydantic's, with its place, as what to do."""
    about = fault.get("ctx", {})
    sentences = {
        "missing": "this is missing",
        "extra_forbidden": "there is no such key; take it out",
        "string_type": "write a text",
        "string_unicode": NO_TEXT,
        "bool_type": "write true or false",
        "int_type": "write a whole number",
        "list_type": "write a list",
        "too_short": f"name at least {about.get('min_length')}",
        "too_long": f"name at most {about.get('max_length')}",
        "string_too_long": f"shorten it to {about.get('max_length')} characters",
        "greater_than_equal": "write a whole number from 0 to 100",
        "less_than_equal": "write a whole number from 0 to 100",
        "model_type": "write an object, in { and }",
        "value_error": str(about.get("error", "")),
    }
    where = ".".join(str(part) for part in fault["loc"])
    return ": ".join(filter(None, (file.name, name, where, sentences.get(fault["type"], fault["msg"]))))


def _check_labels(methods: Mapping[str, _Entries], faults: list[str]) -> None:
    """A draft keeps one label for an id, whatever sections it is chosen in."""
    first: dict[str, tuple[str, str]] = {}
    for section, entries in methods.items():
        for method in entries.usable:
            other, label = first.setdefault(method.slug, (section, method.label))
            if label != method.label and other != section:
                faults.append(f"{section}.json: {method.slug}: label: {other}.json calls it “{label}”; use one label")


def _named_by(use_cases: _Entries) -> list[tuple[str, Any]]:
    """The rules of use cases as templates say theirs: which values and methods they name. What has no such shape is
    said elsewhere.
    """

    def names(entries: Any, key: str) -> list[Any]:
        return [each.get(key) for each in entries if isinstance(each, dict)] if isinstance(entries, list) else []

    named = []
    for name, case in use_cases.all or ():
        rule = case.get("rule") if isinstance(case, dict) else None
        if isinstance(rule, dict):
            methods = rule.get("methods")
            chosen = {key: names(each, "slug") for key, each in methods.items()} if isinstance(methods, dict) else {}
            named.append((f"{name}: rule", {"values": names(rule.get("values"), "id"), "methods": chosen}))
    return named


def _check_references(
    file: str,
    entries: list[tuple[str, Any]],
    values: _Entries,
    methods: Mapping[str, _Entries],
    faults: list[str],
) -> None:
    """What a template or use case names must be there. Of a file that can't be read that is all there is to say."""

    def check(place: str, named: Any, kind: str, entries: _Entries) -> None:
        if entries.all is None or not isinstance(named, list):
            return
        known = {name for name, _ in entries.all}
        unknown = [str(each) for each in named if isinstance(each, str) and each not in known]
        faults.extend(f"{place}: there is no {kind} {each}" for each in unknown)

    for name, entry in entries:
        if not isinstance(entry, dict):
            continue
        check(f"{file}: {name}: values", entry.get("values"), "value", values)
        chosen = entry.get("methods")
        for section, known in methods.items():
            named = chosen.get(section) if isinstance(chosen, dict) else None
            check(f"{file}: {name}: methods.{section}", named, "method", known)


def _repeated(names: list[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if names.count(name) > 1]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON itself lets a key stand twice and drops the first."""
    if twice := _repeated([key for key, _ in pairs]):
        raise ValueError(f"the key {', '.join(twice)} stands twice in one object")
    return dict(pairs)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")
