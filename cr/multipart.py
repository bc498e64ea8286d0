"""Forms that carry files: which addresses take them, and how they are read within limits.

WebOb reads them with the standard library's `cgi`, which takes eleven seconds for twelve megabytes of line ends and
longer still for a part with many headers, and is gone from Python 3.13. The library `multipart` reads either in an
instant, or refuses it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

import pyramid.request
from multipart import MultipartError, MultipartParser, MultipartPart, ParserLimitReached, parse_options_header
from webob.multidict import MultiDict

from cr.errors import PayloadTooLarge, ValidationProblem

FILES_MOST = 12 * 2**20
"""Bytes of a whole body with files. A file itself has a lower limit, by its purpose."""

TEXTS_MOST = 2**20
"""Bytes of all the texts of a form: several times the longest part of a draft."""

FIELDS_MOST = 2000
"""Fields of a form. Parsing many short ones costs far more than their bytes tell."""

IN_MEMORY_MOST = 2**16
"""Bytes of a field; what is larger is read into a temporary file."""

UPLOADS, FLOW = "/api/uploads", "/create/"


def is_multipart(request: Any) -> bool:
    return bool(request.content_type.lower() == "multipart/form-data")


def takes_files(request: Any) -> bool:
    """Whether a form that is sent there may carry files. Asked before the address is walked, so it goes by the path."""
    path: str = request.environ.get("PATH_INFO", "")
    return request.method == "POST" and (path == UPLOADS or path.startswith(FLOW))


@dataclass(frozen=True)
class Fields:
    """What a form with files holds, apart: a view that reads a text never meets a file in its place."""

    texts: MultiDict
    files: dict[str, MultipartPart]


def post(request: Any) -> Any:
    """`request.POST`: texts only, whatever the form. `file_of` has the files.

    Raises `ValidationProblem` for a form with files that does not arrive whole, `PayloadTooLarge`.
    """
    return request.multipart.texts if is_multipart(request) else pyramid.request.Request.POST.fget(request)


@dataclass(frozen=True)
class File:
    """A file that came with a form. `name` is what it was called where it came from; nothing is known about it."""

    name: str
    stream: BinaryIO


def file_of(request: Any, name: str) -> File | None:
    """The file that was chosen in the field; None when none was, which browsers send as an empty one without a name."""
    part = request.multipart.files.get(name) if is_multipart(request) else None
    if part is None or not (part.filename or part.size):
        return None
    part.file.seek(0)
    return File(part.filename or "", part.file)


def multipart(request: Any) -> Fields:
    try:
        return _read(request)
    except ParserLimitReached:
        raise PayloadTooLarge() from None
    except (MultipartError, UnicodeError):
        raise ValidationProblem("The form did not arrive whole. Please send it again.") from None


def _read(request: Any) -> Fields:
    boundary = parse_options_header(request.headers["Content-Type"])[1].get("boundary")
    if not boundary:
        raise MultipartError("no boundary")
    # A request that lost a race is tried again and reads its body a second time.
    request.make_body_seekable()
    parser = MultipartParser(
        request.body_file_raw,
        boundary,
        content_length=request.content_length,
        part_limit=FIELDS_MOST,
        spool_limit=IN_MEMORY_MOST,
        memory_limit=TEXTS_MOST,
        disk_limit=FILES_MOST,
    )
    fields, bytes_of_texts = Fields(MultiDict(), {}), 0
    for part in parser:
        request.add_finished_callback(lambda request, part=part: part.close())
        if part.filename is not None:
            fields.files[part.name] = part
            continue
        bytes_of_texts += part.size
        if bytes_of_texts > TEXTS_MOST:
            raise PayloadTooLarge()
        fields.texts.add(part.name, part.raw.decode())
    return fields


def includeme(config: Any) -> None:
    config.add_request_method(multipart, reify=True)
    config.add_request_method(post, "POST", reify=True)
