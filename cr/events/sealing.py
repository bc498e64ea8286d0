"""How an event that holds people's words stands in the log: all but actor and time is sealed with its draft's own key.

    {"actor":"...","at":"...","sealed":"<base64 of nonce and ciphertext>"}

AES-256-GCM. What is in clear, and whose event of which number and kind it is, is authenticated with the rest, so that a
sealed text can neither be changed nor moved to another row.
"""

from __future__ import annotations

from binascii import a2b_base64, b2a_base64
from functools import lru_cache
from os import urandom
from typing import NamedTuple
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

AT = b',"at":"'
MARK = ',"sealed":"'
NONCE = 12
"""Bytes, as GCM wants them; by chance, for a number that was given to an event is given again after a rollback."""


class Place(NamedTuple):
    """Of an event in the log."""

    originator_id: UUID
    originator_version: int
    topic: str


class Box(NamedTuple):
    """A sealed state: its beginning, which is in clear, and the rest."""

    clear: str
    sealed: str


def new_key() -> bytes:
    return AESGCM.generate_key(256)


@lru_cache(64)
def _cipher(key: bytes) -> AESGCM:
    """To make one takes longer than to use it, and a replay meets the same few drafts again and again."""
    return AESGCM(key)


def seal(key: bytes, place: Place, state: bytes) -> bytes:
    """The state of an event, which begins with actor and time, with all behind them sealed."""
    end = state.index(b'"', state.index(AT) + len(AT)) + 1
    clear, text, nonce = state[:end], state[end + 1 :], urandom(NONCE)
    sealed = nonce + _cipher(key).encrypt(nonce, text, _bound(place, clear))
    return b'%s%s%s"}' % (clear, MARK.encode(), b2a_base64(sealed, newline=False))


def boxed(state: str) -> Box | None:
    """None where the state is in clear, as that of events from before there were keys.

    A field of that name deeper down is followed by more than one brace, and no other stands in an event.
    """
    clear, mark, rest = state.partition(MARK)
    if not mark or rest[-2:] != '"}':
        return None
    sealed = rest[:-2]
    return None if '"' in sealed else Box(clear, sealed)


def unsealed(key: bytes, place: Place, box: Box) -> bytes:
    """The whole state in clear. Raises `ValueError` when it is not as it was written, where it was written."""
    clear = box.clear.encode()
    try:
        sealed = a2b_base64(box.sealed, strict_mode=True)
        text = _cipher(key).decrypt(sealed[:NONCE], sealed[NONCE:], _bound(place, clear))
    except (InvalidTag, ValueError) as error:
        raise ValueError("its seal is broken: it was changed or moved, or the key is another one's") from error
    return b"%s,%s" % (clear, text)


def _bound(place: Place, clear: bytes) -> bytes:
    """What can't be changed without breaking the seal."""
    originator_id, version, topic = place
    return b"%s %d %s %s" % (originator_id.bytes, version, topic.encode(), clear)
