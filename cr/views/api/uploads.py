"""/api/uploads: sending a file, and the file."""

from __future__ import annotations

import logging
from typing import Annotated, Any

from pydantic import BaseModel, Field
from pyramid.response import FileResponse
from pyramid.view import view_config
from typing_extensions import TypedDict

from cr import uploads
from cr.errors import NotFound, ServerMisconfigured, ValidationProblem
from cr.multipart import file_of, is_multipart
from cr.resources.api import ApiUpload, ApiUploads
from cr.security import Permission
from cr.uploads import files
from cr.views.api.operations import Operation, Other

log = logging.getLogger(__name__)

YEAR = "public, max-age=31536000, immutable"

KEPT_AS = ("image/jpeg", "image/png", "image/webp", uploads.PDF)

ALONE = "default-src 'none'; sandbox"
"""The policy of a file that is opened by itself: it runs nothing, and counts as from nowhere."""


class UploadForm(BaseModel):
    purpose: uploads.Purpose = Field(description="What the file is for, which decides what it may be.")
    file: Annotated[bytes, Field(json_schema_extra={"format": "binary"})]


class Uploaded(TypedDict):
    """The file as it is kept; `url` is its address in drafts and documents."""

    url: str
    id: str
    mimeType: str
    byteLength: int


@view_config(
    context=ApiUploads,
    request_method="POST",
    renderer="json",
    permission=Permission.UPLOAD_ADD,
    api=Operation(
        form=("multipart/form-data", UploadForm),
        often="Once in 5 seconds for an account.",
        refuses=(ServerMisconfigured,),
    ),
)
def upload(request: Any) -> Uploaded:
    """Send a file.

    A `communityAvatar` is a picture (JPEG, PNG, WebP, GIF) of at most 5 MiB; a `customMethodAttachment` may also be a
    PDF, and has at most 10 MiB. Its bytes decide what it is, not what it is called. Pictures are made anew without what
    cameras write into them.
    """
    if not is_multipart(request):
        raise ValidationProblem("Send the fields purpose and file as multipart/form-data.")
    purpose = uploads.Purpose.named(request.POST.get("purpose"))
    file = file_of(request, "file")
    kept = uploads.store(request, purpose, file.stream if file else None, request.identity.account_id)
    return {"url": kept.url, "id": str(kept.id), "mimeType": kept.mime_type, "byteLength": kept.byte_length}


@view_config(
    context=ApiUpload,
    request_method="GET",
    api=Operation(
        also={200: Other("The file. It never changes.", KEPT_AS, ("ETag", "Cache-Control"))},
        refuses=(ServerMisconfigured,),
    ),
)
def show(context: ApiUpload, request: Any) -> FileResponse:
    """Read a file.

    Everybody may: a rule's page is public, and so is what it shows.
    """
    row = context.upload
    path = files.path(uploads.root_of(request), row.id)
    try:
        response = FileResponse(path, request, content_type=row.mime_type)
    except FileNotFoundError:
        log.error("An uploaded file is missing: %s", path)
        raise NotFound() from None
    except OSError as error:
        log.error("An uploaded file can't be read: %s: %s", path, error.strerror)
        raise ServerMisconfigured() from None
    response.etag = str(row.id)
    response.headers["Cache-Control"] = YEAR
    response.headers["Content-Security-Policy"] = ALONE
    if row.mime_type == uploads.PDF:
        response.headers["Content-Disposition"] = 'attachment; filename="attachment.pdf"'
    return response
