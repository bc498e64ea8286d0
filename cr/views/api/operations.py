"""What each address of the JSON contract takes and answers, said beside its view; from this the API is described.

    @view_config(context=ApiRules, request_method="POST", renderer="json", api=Operation(body=Publication))
    def publish(request: Any) -> Created:

The first paragraph of the view's docstring is the operation's title, the rest its description; the type that the view
returns is its answer. Before the view runs, the body is read as the declared model and is `request.sent`, the query is
`request.asked`: nothing is validated by anything else than what the description is made from (`document.py`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Literal, get_origin, get_type_hints

from pydantic import BaseModel, Field, GetCoreSchemaHandler, ValidationError
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from cr.csrf import SAFE_METHODS
from cr.errors import (
    DatabaseUnavailable,
    Forbidden,
    InvalidJson,
    NotFound,
    PayloadTooLarge,
    Problem,
    RateLimited,
    Unauthorized,
    ValidationProblem,
)
from cr.events.payload import validation_problem
from cr.resources.api import Api
from cr.resources.base import Resource
from cr.views.api.body import json_body

JSON = "application/json"


class Done(TypedDict):
    """It is done."""

    ok: Literal[True]


Address = Annotated[str, Field(json_schema_extra={"format": "email"})]
"""What `cr.accounts.addresses.normalised` takes: capitals and spaces around it do not count."""

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""As `cr.times.iso_z` writes it."""


@dataclass(frozen=True)
class Shaped:
    """Marks a value that is kept as it came: it is described as `model`, whose own function checks it."""

    model: type[BaseModel]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.json_or_python_schema(
            json_schema=handler.generate_schema(self.model), python_schema=handler(source)
        )


@dataclass(frozen=True)
class Other:
    """An answer that is not JSON; `media` is "" where there is none but headers, as with a redirect."""

    text: str
    media: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Operation:
    """The view option `api`. What follows from the rest is not said: a body may be too large, a permission refused."""

    body: type[BaseModel] | None = None
    """The JSON body, read before the view runs."""
    query: type[BaseModel] | None = None
    """The parameters of the query, read before the view runs."""
    form: tuple[str, type[BaseModel]] | None = None
    """Media type and fields of a body that is no JSON and that the view reads itself."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the request, and what each is for."""
    status: int = 200
    answer: Any = None
    """The type of the answer, for views that return a response of their own."""
    also: Mapping[int, Any] = field(default_factory=dict)
    """Further answers by status: a type (JSON), or `Other`."""
    refuses: tuple[type[Problem], ...] = ()
    often: str = ""
    """How often it may be done, as a sentence."""


@dataclass(frozen=True)
class Declared:
    """An operation with all that its view says of it."""

    path: str
    """With the names of its variables in braces."""
    method: str
    group: str
    """What the address is about: the name of the module that has the view."""
    about: str
    """That module's docstring."""
    title: str
    text: str
    signed_in: bool
    operation: Operation
    answers: Mapping[int, Any]
    refusals: tuple[type[Problem], ...]

    @property
    def refused_in_json(self) -> bool:
        """Not where people come from their mail, see `cr.is_api`."""
        return not self.path.endswith("/verify")

    @property
    def variables(self) -> list[str]:
        return [each[1:-1] for each in self.path.split("/") if each.startswith("{")]


def places(resource: type[Resource] = Api, path: str = "/api") -> dict[type[Resource], str]:
    """The path of every kind of resource at and below /api."""
    found = {resource: path}
    for name, child in (*resource.children.items(), *resource.found.items()):
        assert isinstance(child, type)
        found |= places(child, f"{path}/{name}")
    return found


def api_views(registry: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Path and introspectable of every view at and below /api."""
    paths = places()
    for each in registry.introspector.get_category("views"):
        view = each["introspectable"]
        if view["context"] in paths:
            yield "/".join(filter(None, (paths[view["context"]], view["name"]))), view


def declared(registry: Any) -> list[Declared]:
    """In the order of the addresses."""
    return sorted(
        (_declared(path, view) for path, view in api_views(registry)),
        key=lambda each: (each.group, each.path, ORDER.index(each.method)),
    )


ORDER = ("GET", "POST", "PUT", "PATCH", "DELETE")


def _declared(path: str, view: Mapping[str, Any]) -> Declared:
    operation: Operation = view["api"]
    function = getattr(view["callable"], view["attr"]) if view["attr"] else view["callable"]
    method = view["request_methods"]
    signed_in = getattr(view["derived_callable"], "__permission__", None) is not None
    answer = operation.answer or get_type_hints(function, include_extras=True)["return"]
    answers = (
        dict(operation.also) if operation.status in operation.also else {operation.status: answer, **operation.also}
    )
    title, *text = _paragraphs(function)
    module = inspect.getmodule(function)
    assert module is not None
    return Declared(
        path,
        method,
        module.__name__.rpartition(".")[2],
        "\n\n".join(_paragraphs(module)),
        title,
        "\n\n".join(text),
        signed_in,
        operation,
        answers,
        tuple(_refusals(path, method, signed_in, operation)),
    )


def _paragraphs(thing: Any) -> list[str]:
    """Those of its docstring, each in one line."""
    return [" ".join(each.split()) for each in (inspect.getdoc(thing) or "").split("\n\n")]


def _refusals(path: str, method: str, signed_in: bool, operation: Operation) -> list[type[Problem]]:
    found: list[type[Problem]] = list(operation.refuses)
    if operation.body or operation.query or operation.form or "{" in path:
        found.append(ValidationProblem)
    if operation.body or operation.form:
        found.append(PayloadTooLarge)
    if method not in SAFE_METHODS:
        found += [InvalidJson, Forbidden]
    if signed_in:
        found.append(Unauthorized)
    if "{" in path:
        found.append(NotFound)
    if operation.often:
        found.append(RateLimited)
    found += [Problem, DatabaseUnavailable]
    return sorted(dict.fromkeys(found), key=lambda each: (each.status, each.code))


def phrase(status: int) -> str:
    return HTTPStatus(status).phrase


def read(view: Callable[[Any, Any], Any], info: Any) -> Callable[[Any, Any], Any]:
    """The view option `api`: the body and the query as their models, before the view runs."""
    operation: Operation | None = info.options.get("api")
    if operation is None or not (operation.body or operation.query):
        return view

    def with_what_came(context: Any, request: Any) -> Any:
        if operation.query:
            request.asked = _asked(request, operation.query)
        if operation.body:
            request.sent = json_body(request, operation.body)
        return view(context, request)

    return with_what_came


read.options = ("api",)  # type: ignore[attr-defined]


def _asked(request: Any, model: type[BaseModel]) -> BaseModel:
    """Of a parameter that comes twice the last one counts, but where the model has a list."""
    lists = {each.alias or name for name, each in model.model_fields.items() if get_origin(each.annotation) is list}
    given = {name: all_ if name in lists else all_[-1] for name, all_ in request.GET.dict_of_lists().items()}
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise validation_problem(error) from None


def includeme(config: Any) -> None:
    config.add_view_deriver(read, "api")
