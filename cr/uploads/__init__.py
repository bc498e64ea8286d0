"""Uploads: pictures of communities, and files that belong to a method of one's own.

The bytes decide what a file is, never its name or what the sender says of it. A row tells whose it is; the file lies
beside the database (`cr.uploads.files`), never changes, and is kept for as long as a rule or a draft may show it: for
ever, unless its person deletes their account.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cr.db import Timestamp, metadata, one_at_a_time
from cr.errors import PayloadTooLarge, Problem, ServerMisconfigured, ValidationProblem
from cr.limits import Interval
from cr.uploads import files
from cr.uploads.pictures import made_anew

Id = postgresql.UUID(as_uuid=True)

uploads = sa.Table(
    "uploads",
    metadata,
    sa.Column("id", Id, primary_key=True),
    # None: the account is gone, and something that stays shows it (`cr.accounts.deletion`).
    sa.Column("account_id", Id, sa.ForeignKey("accounts.id", ondelete="SET NULL"), index=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("mime_type", sa.Text, nullable=False),
    sa.Column("byte_length", sa.Integer, nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
)

MIB = 2**20

FILES_EACH, BYTES_EACH = 200, 50 * MIB
"""Kept for one person."""

INTERVAL = 5
"""Seconds between two uploads of one account."""

PDF = "application/pdf"


class Purpose(StrEnum):
    """What a file is for, which decides what it may be. Names are the contract's."""

    COMMUNITY_AVATAR = "communityAvatar"
    CUSTOM_METHOD_ATTACHMENT = "customMethodAttachment"

    @property
    def bytes_most(self) -> int:
        return 5 * MIB if self is Purpose.COMMUNITY_AVATAR else 10 * MIB

    @property
    def takes_pdf(self) -> bool:
        return self is Purpose.CUSTOM_METHOD_ATTACHMENT

    @property
    def wanted(self) -> str:
        """What to choose, as a sentence."""
        pictures = "a picture in one of the formats JPEG, PNG, WebP and GIF"
        return f"Choose {pictures}, or a PDF." if self.takes_pdf else f"Choose {pictures}."

    @classmethod
    def named(cls, name: str | None) -> Purpose:
        """Raises `ValidationProblem`."""
        try:
            return cls(name or "")
        except ValueError:
            raise _refused(f"purpose: write {' or '.join(cls)}.", "purpose") from None


@dataclass(frozen=True)
class Upload:
    id: UUID
    url: str
    """A path, which rules and drafts keep as it is."""
    mime_type: str
    byte_length: int


def _refused(sentence: str, field: str = "file") -> ValidationProblem:
    return ValidationProblem(sentence, fields={field: sentence})


def available(request: Any) -> bool:
    """Whether files can be kept here, for pages that otherwise go on without."""
    root = request.settings.upload_root
    return root is not None and root.is_dir() and os.access(root, os.W_OK | os.X_OK)


def store(
    request: Any, purpose: Purpose, file: bytes | BinaryIO | None, account_id: UUID, *, limited: bool = True
) -> Upload:
    """Keep the file, with the transaction: when that is rolled back, the file goes too.

    Call it before anything is appended to the log, for it takes its time. `limited`: count it as one of those that a
    person may send every few seconds. What is refused does not count, unless a decoder had to look at it. A `file` of
    None is one that was not sent.

    Raises `ValidationProblem` and `PayloadTooLarge` with a sentence for the person, `RateLimited`, and
    `ServerMisconfigured` where files can't be kept.
    """
    root = root_of(request)
    turn = request.at_most_once(Interval("upload:account", str(account_id), INTERVAL)) if limited else None
    decoded = False
    try:
        content = _read(purpose, file)
        kind = _kind(purpose, content)
        decoded = kind != PDF
        mime_type, content = _made_anew(kind, content) if decoded else (PDF, content)
        _check_room(request.dbsession, account_id, len(content))
        identifier = uuid4()
        path = files.write(root, identifier, content, request.now)
    except Problem as problem:
        if turn and decoded and isinstance(problem, ValidationProblem):
            # Else damaged pictures could keep the decoder busy without a pause.
            turn.keep()
        elif turn:
            # A page may show the refusal beside its form and commit; another file may follow at once.
            turn.give_back()
        raise
    transaction = request.tm.get()
    transaction.addAfterAbortHook(files.remove, (path,))
    transaction.addAfterCommitHook(lambda success: None if success else files.remove(path))
    request.dbsession.execute(
        sa.insert(uploads).values(
            id=identifier,
            account_id=account_id,
            purpose=purpose,
            mime_type=mime_type,
            byte_length=len(content),
            created_at=request.now,
        )
    )
    url = request.resource_path(request.root["api"]["uploads"], str(identifier))
    return Upload(identifier, url, mime_type, len(content))


def root_of(request: Any) -> Path:
    """Raises `ServerMisconfigured`."""
    root: Path | None = request.settings.upload_root
    if root is None:
        raise ServerMisconfigured("This server keeps no files. Go on without one, or ask the people who run it.")
    return root


def find(session: Any, identifier: UUID) -> Any:
    """The row, or None."""
    return session.execute(sa.select(uploads).where(uploads.c.id == identifier)).one_or_none()


def _read(purpose: Purpose, file: bytes | BinaryIO | None) -> bytes:
    if file is None:
        raise _refused(f"No file was sent. {purpose.wanted}")
    content = file if isinstance(file, bytes) else file.read(purpose.bytes_most + 1)
    if not content:
        raise _refused(f"The file is empty. {purpose.wanted}")
    if len(content) > purpose.bytes_most:
        raise PayloadTooLarge(f"The file is larger than {purpose.bytes_most // MIB} MB. Choose a smaller one.")
    return content


def _kind(purpose: Purpose, content: bytes) -> str:
    """`PDF`, or the kind of picture that the first bytes announce."""
    if content.startswith(b"%PDF-") and purpose.takes_pdf:
        # Readers look for the end of it there, too. It is kept byte for byte: people sign such files.
        if b"%%EOF" not in content[-1024:]:
            raise _refused("The PDF is not complete. Save it again, and send that.")
        return PDF
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    raise _refused(f"This file can’t be used. {purpose.wanted}")


def _made_anew(kind: str, content: bytes) -> tuple[str, bytes]:
    """The MIME type and the bytes to keep of a picture."""
    try:
        return made_anew(kind, content)
    except ValidationProblem as problem:
        raise _refused(problem.message) from None


def _check_room(session: Any, account_id: UUID, byte_length: int) -> None:
    # Two at once must not both find room for one.
    one_at_a_time(session, account_id)
    kept = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(uploads.c.byte_length), 0))
    count, length = session.execute(kept.where(uploads.c.account_id == account_id)).one()
    if count >= FILES_EACH or length + byte_length > BYTES_EACH:
        raise _refused(
            f"There is room for {FILES_EACH} files and {BYTES_EACH // MIB} MB for each person, and yours is used up. "
            "Go on without this file, or use one that you sent before."
        )
