"""What every read model shares: pure handlers that turn an event into operations on rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa
from pydantic_core import to_json

from cr.db import NAMING
from cr.events import base as events
from cr.events import sealing
from cr.events.base import Event, Recorded

metadata = sa.MetaData(naming_convention=NAMING)
"""Tables of the read models. A rebuild makes them; migrations don't know them."""

SHARED = (__file__, events.__file__, sealing.__file__)
"""What the rows of every read model are made by, for fingerprints: how events are read, and how rows are written."""


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


@dataclass(frozen=True)
class Delete:
    """Take away every row whose columns equal `key`: the primary key's columns, or the first of them."""

    table: sa.Table
    key: Mapping[str, Any]


Operation = Insert | Update | Delete
Handler = Callable[[Any, int], Iterable[Operation]]
"""(event, position in the log) -> operations. No clock, no chance, no settings, no reading."""

Key = tuple[Any, ...]
"""Values of a row's primary key, in the order of the table's columns."""


@dataclass
class Projection:
    """One read model. `version` changes whenever the same events would make other rows.

    `slow`: the handlers take long, because they render; a rebuild gives such read models a process of their own.
    """

    name: str
    version: str
    tables: tuple[sa.Table, ...]
    slow: bool = False
    handlers: dict[type[Event], Handler] = field(default_factory=dict)

    def on(self, *kinds: type[Event]) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.handlers.update(dict.fromkeys(kinds, handler))
            return handler

        return register

    @property
    def topics(self) -> set[str]:
        """Of the events that it is made of."""
        return {kind.TOPIC for kind in self.handlers}

    def operations(self, recorded: Recorded) -> Iterable[Operation]:
        handler = self.handlers.get(type(recorded.event))
        return handler(recorded.event, recorded.position) if handler else ()


class Buffer:
    """Gathers the operations of many events, so that each row is written once and many rows by one statement."""

    def __init__(self) -> None:
        self.inserts: dict[sa.Table, dict[Key, dict[str, Any]]] = defaultdict(dict)
        self.updates: dict[sa.Table, dict[Key, dict[str, Any]]] = defaultdict(dict)
        self.deletes: dict[sa.Table, dict[Key, Mapping[str, Any]]] = defaultdict(dict)

    def add(self, operation: Operation) -> None:
        table = operation.table
        if isinstance(operation, Delete):
            self._delete(table, operation.key)
            return
        source = operation.row if isinstance(operation, Insert) else operation.key
        key = tuple([source[name] for name in _key(table)])
        if isinstance(operation, Insert):
            self.inserts[table][key] = dict(operation.row)
            # It was for a row that was not there yet.
            self.updates[table].pop(key, None)
        elif (new := self.inserts[table].get(key)) is not None:
            new.update(operation.values)
        elif (changed := self.updates[table].get(key)) is not None:
            changed.update(operation.values)
        else:
            self.updates[table][key] = {**operation.key, **operation.values}

    def _delete(self, table: sa.Table, columns: Mapping[str, Any]) -> None:
        start = tuple([columns[name] for name in _key(table)[: len(columns)]])
        for waiting in (self.inserts[table], self.updates[table]):
            for key in [key for key in waiting if key[: len(start)] == start]:
                del waiting[key]
        self.deletes[table][start] = columns

    def flush(self, connection: sa.Connection, schema: str = "public") -> None:
        """Write everything, to another schema than the live one where a rebuild says so.

        Rows travel as one JSON text, which PostgreSQL takes apart: for many rows a third of the work of a list of
        VALUES, and for one no more. A new row that lacks a column gets NULL there.
        """
        # First: what came after a deletion is still to come, and what came before waits no longer.
        for table, gone in self.deletes.items():
            for columns, rows_gone in _alike(gone.values()).items():
                _send(connection, _delete(table, columns, schema), rows_gone)
        for table, rows in self.inserts.items():
            if rows:
                _send(connection, _insert(table, schema), rows.values())
        for table, changes in self.updates.items():
            for columns, rows_alike in _alike(changes.values()).items():
                _send(connection, _update(table, columns, schema), rows_alike)
        self.inserts.clear()
        self.updates.clear()
        self.deletes.clear()


def _alike(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, ...], list[Mapping[str, Any]]]:
    """{columns: the rows that have these}"""
    alike: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        alike[tuple(row)].append(row)
    return alike


def _send(connection: sa.Connection, statement: str, rows: Iterable[Mapping[str, Any]]) -> None:
    connection.exec_driver_sql(statement, (to_json(list(rows)).decode(),))


@cache
def _key(table: sa.Table) -> tuple[str, ...]:
    return tuple(column.name for column in table.primary_key)


@cache
def _insert(table: sa.Table, schema: str) -> str:
    columns = ", ".join(f'"{column.name}"' for column in table.columns if column.computed is None)
    name = f"{schema}.{table.name}"
    return f"INSERT INTO {name} ({columns}) SELECT {columns} FROM json_populate_recordset(NULL::{name}, %s)"  # noqa: S608


@cache
def _update(table: sa.Table, columns: tuple[str, ...], schema: str) -> str:
    name, key = f"{schema}.{table.name}", _key(table)
    values = ", ".join(f'"{column}" = new."{column}"' for column in columns if column not in key)
    same = " AND ".join(f'old."{column}" = new."{column}"' for column in key)
    return f"UPDATE {name} AS old SET {values} FROM json_populate_recordset(NULL::{name}, %s) AS new WHERE {same}"  # noqa: S608


@cache
def _delete(table: sa.Table, columns: tuple[str, ...], schema: str) -> str:
    name = f"{schema}.{table.name}"
    same = " AND ".join(f'old."{column}" = gone."{column}"' for column in columns)
    return f"DELETE FROM {name} AS old USING json_populate_recordset(NULL::{name}, %s) AS gone WHERE {same}"  # noqa: S608
