"""Many operations at once leave the rows that they would leave one by one."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cr.projections.base import Buffer, Delete, Insert, Operation, Update

steps = st.tuples(st.sampled_from(["insert", "update", "delete", "delete all"]), st.integers(1, 2), st.integers(1, 3))
TABLE = sa.Table(
    "buffered",
    sa.MetaData(),
    sa.Column("whose", sa.BigInteger, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True),
    sa.Column("said", sa.BigInteger),
)


def operations(life: list[tuple[str, int, int]]) -> list[Operation]:
    """Of a life, without those that would insert a row twice."""
    there: set[tuple[int, int]] = set()
    result: list[Operation] = []
    for said, (step, whose, number) in enumerate(life):
        key: dict[str, Any] = {"whose": whose, "number": number}
        match step:
            case "insert" if (whose, number) not in there:
                there.add((whose, number))
                result.append(Insert(TABLE, {**key, "said": said}))
            case "update":
                result.append(Update(TABLE, key, {"said": said}))
            case "delete":
                there.discard((whose, number))
                result.append(Delete(TABLE, key))
            case "delete all":
                there = {each for each in there if each[0] != whose}
                result.append(Delete(TABLE, {"whose": whose}))
    return result


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(life=st.lists(steps, max_size=20), size=st.integers(2, 20))
def test_together_is_as_one_by_one(engine: sa.Engine, life: list[tuple[str, int, int]], size: int) -> None:
    def left(size: int) -> list[Any]:
        with engine.connect() as connection:
            TABLE.create(connection)
            wanted = operations(life)
            for start in range(0, len(wanted), size):
                buffer = Buffer()
                for each in wanted[start : start + size]:
                    buffer.add(each)
                buffer.flush(connection)
            rows = list(connection.execute(sa.select(TABLE).order_by(*TABLE.primary_key)))
            connection.rollback()
        return rows

    assert left(size) == left(1)
