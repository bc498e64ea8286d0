"""What every read model shares: pure handlers that turn an event into operations on rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from cr.db import NAMING
from cr.events.base import Event, Recorded

metadata = sa.MetaData(naming_convention=NAMING)
"""Tables of the read models. A rebuild makes them; migrations don't know them."""


@dataclass(frozen=True)
class Insert:
    table: sa.Table
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Update:
    """Set `values` in the row whose primary key columns equal `key`."""

    table: sa.Table
    key: Mapping[str, Any]
    values: Mapping[str, Any]


Operation = Insert | Update
Handler = Callable[[Any, int], Iterable[Operation]]
"""(event, position in the log) -> operations. No clock, no chance, no settings, no reading."""


@dataclass
class Projection:
    """One read model. `version` changes whenever the same events would make other rows."""

    name: str
    version: str
    tables: tuple[sa.Table, ...]
    handlers: dict[type[Event], Handler] = field(default_factory=dict)

    def on(self, *kinds: type[Event]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.handlers.update(dict.fromkeys(kinds, handler))
            return handler

        return register

    def operations(self, recorded: Recorded) -> Iterable[Operation]:
        handler = self.handlers.get(type(recorded.event))
        return handler(recorded.event, recorded.position) if handler else ()


def _in(schema: str | None) -> dict[str, Any]:
    return {"schema_translate_map": {None: schema}} if schema else {}


class Buffer:
    """Gathers the operations of many events, so that each row is written once and new rows by the thousand."""

    def __init__(self) -> None:
        self.inserts: dict[sa.Table, dict[tuple[Any, ...], dict[str, Any]]] = defaultdict(dict)
        self.updates: dict[sa.Table, dict[tuple[Any, ...], Update]] = defaultdict(dict)

    def add(self, operation: Operation) -> None:
        table = operation.table
        source = operation.row if isinstance(operation, Insert) else operation.key
        key = tuple(source[column.name] for column in table.primary_key)
        if isinstance(operation, Insert):
            self.inserts[table][key] = dict(operation.row)
        elif key in self.inserts[table]:
            self.inserts[table][key].update(operation.values)
        elif key in self.updates[table]:
            earlier = self.updates[table][key]
            self.updates[table][key] = Update(table, earlier.key, {**earlier.values, **operation.values})
        else:
            self.updates[table][key] = operation

    def flush(self, connection: sa.Connection, schema: str | None = None) -> None:
        """Write everything, to another schema than the live one where a rebuild says so."""
        for table, rows in self.inserts.items():
            if rows:
                # A row that lacks a column gets NULL there, so that all of them fit one statement.
                empty = dict.fromkeys(table.columns.keys())
                batch = [{**empty, **row} for row in rows.values()]
                connection.execute(sa.insert(table), batch, execution_options=_in(schema))
        for updates in self.updates.values():
            for update in updates.values():
                columns = update.table.c
                where = [columns[name] == value for name, value in update.key.items()]
                statement = sa.update(update.table).where(*where).values(**update.values)
                connection.execute(statement, execution_options=_in(schema))
        self.inserts.clear()
        self.updates.clear()
