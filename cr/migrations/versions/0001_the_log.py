"""The log, its snapshots, and which version of each read model there is.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

REFUSE_CHANGE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The log is append-only: % on % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$
"""

APPEND_ONLY = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""


def upgrade() -> None:
    for name in ("events", "snapshots"):
        op.create_table(
            name,
            sa.Column("position", sa.BigInteger(), sa.Identity(always=True), nullable=False),
            sa.Column("originator_id", postgresql.UUID(as_uuid=True), nullable=False),
            sa.Column("originator_version", sa.BigInteger(), nullable=False),
            sa.Column("topic", sa.Text(), nullable=False),
            sa.Column("state", sa.Text(), nullable=False),
            sa.Column(
                "recorded_at",
                sa.DateTime(timezone=True),
                server_default=sa.text("clock_timestamp()"),
                nullable=False,
            ),
            sa.PrimaryKeyConstraint("position", name=f"pk_{name}"),
            sa.UniqueConstraint(
                "originator_id", "originator_version", name=f"uq_{name}_originator_id_originator_version"
            ),
        )
    op.execute(REFUSE_CHANGE)
    op.execute(APPEND_ONLY)
    op.create_table(
        "projections",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("rebuilt_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_projections"),
    )


def downgrade() -> None:
    op.drop_table("projections")
    op.drop_table("snapshots")
    op.drop_table("events")
    op.execute("DROP FUNCTION refuse_change()")
