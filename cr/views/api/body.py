"""Reading JSON bodies within the contract's limits."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ValidationError

from cr.errors import InvalidJson, PayloadTooLarge, ValidationProblem
from cr.events.payload import REFUSED_KEYS, validation_problem

BYTES_MOST = 512 * 1024
DEPTH_MOST = 40
STRING_MOST = 50_000
ARRAY_MOST = 5_000
KEYS_MOST = 500

M = TypeVar("M", bound=BaseModel)


def json_body(request: Any, model: type[M]) -> M:
    """The body as `model`.

    Raises `PayloadTooLarge` (413), `InvalidJson` (400) for what is no JSON, `ValidationProblem` (400) for the rest.
    """
    value = parsed(_bytes(request))
    if not isinstance(value, dict):
        raise ValidationProblem("Send a JSON object.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise validation_problem(error) from None


def parsed(body: bytes) -> Any:
    """The JSON value, within every limit."""
    try:
        value = json.loads(body.decode(), parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise InvalidJson() from None
    _check(value)
    return value


def _bytes(request: Any) -> bytes:
    if request.content_length is not None and request.content_length > BYTES_MOST:
        raise PayloadTooLarge()
    # Not read from the stream: a request that lost a race is tried again and must find its body a second time.
    body: bytes = request.body
    if len(body) > BYTES_MOST:
        raise PayloadTooLarge()
    return body


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _check(value: Any) -> None:
    # Not recursive: the depth is what is being checked.
    todo: list[tuple[Any, int]] = [(value, 1)]
    while todo:
        item, depth = todo.pop()
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if depth > DEPTH_MOST:
                raise ValidationProblem(f"The body is nested more than {DEPTH_MOST} levels deep.")
            if isinstance(item, list):
                if len(item) > ARRAY_MOST:
                    raise ValidationProblem(f"A list has more than {ARRAY_MOST} items.")
                todo += [(each, depth + 1) for each in item]
                continue
            if len(item) > KEYS_MOST:
                raise ValidationProblem(f"An object has more than {KEYS_MOST} keys.")
            for key, each in item.items():
                if key in REFUSED_KEYS:
                    raise ValidationProblem(f"The key {key} is not allowed.")
                _check_text(key)
                todo.append((each, depth + 1))


def _check_text(text: str) -> None:
    if len(text) > STRING_MOST:
        raise ValidationProblem(f"A text is longer than {STRING_MOST} characters.")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise ValidationProblem("A text holds characters that can't be stored (NUL or half a surrogate pair).")
