"""Who appends to the log holds the append lock, whoever that is.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# 7301001 is APPEND_LOCK of cr.events.store.
HOLD = """
CREATE FUNCTION hold_append_lock() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(7301001);
    RETURN NULL;
END $$
"""

# Of the statement, not of each row: it then fires before the first row is made and has its position.
BEFORE_INSERT = """
CREATE TRIGGER hold_append_lock BEFORE INSERT ON events
    FOR EACH STATEMENT EXECUTE FUNCTION hold_append_lock()
"""


def upgrade() -> None:
    op.execute(HOLD)
    op.execute(BEFORE_INSERT)


def downgrade() -> None:
    op.execute("DROP TRIGGER hold_append_lock ON events")
    op.execute("DROP FUNCTION hold_append_lock()")
