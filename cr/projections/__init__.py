"""The read models: rows that pages are made of, each explained by the log and always rebuildable from it.

One file per read model: its table, its handlers (event in, row operations out), its queries. `apply` is the only way
in, used by the commands as they append and by the rebuild as it replays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cr.projections import drafts, histories, invitations, organizers, revisions, rules, writers
from cr.projections.base import Buffer, Projection

if TYPE_CHECKING:
    import sqlalchemy as sa

    from cr.events.base import Recorded

ALL: tuple[Projection, ...] = (
    drafts.PROJECTION,
    histories.PROJECTION,
    rules.PROJECTION,
    revisions.PROJECTION,
    organizers.PROJECTION,
    invitations.PROJECTION,
    writers.PROJECTION,
)
BY_NAME = {projection.name: projection for projection in ALL}


def apply(connection: sa.Connection, recorded: Iterable[Recorded]) -> None:
    """Write the rows that these events cause, each row once."""
    buffer = Buffer()
    for each in recorded:
        for projection in ALL:
            for operation in projection.operations(each):
                buffer.add(operation)
    buffer.flush(connection)
