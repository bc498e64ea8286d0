"""Mail that waits to be sent, the keys of drafts, and the links of invited stakeholders.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

from os import urandom

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("about", sa.UUID(), nullable=True),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("reply_to", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_about", "outbox", ["about"], unique=False)
    op.create_index("ix_outbox_due_at", "outbox", ["due_at"], unique=False)
    op.create_index("ix_outbox_recipient", "outbox", ["recipient"], unique=False)
    op.create_table(
        "draft_keys",
        sa.Column("draft", sa.UUID(), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("draft", name="pk_draft_keys"),
    )
    give_keys()
    op.add_column("stakeholders", sa.Column("token_hash", sa.LargeBinary(), nullable=True))
    op.add_column("stakeholders", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.create_unique_constraint("uq_stakeholders_token_hash", "stakeholders", ["token_hash"])


def give_keys() -> None:
    """To the drafts there are: what is written from now on is sealed. What stands in the log stays in clear.

    Not to those that were sealed or erased before somebody migrated down: a new key opens nothing of them, and without
    one they are read as erased.
    """
    connection, keys = op.get_bind(), sa.table("draft_keys", sa.column("draft"), sa.column("key"))
    started = connection.execute(
        sa.text(
            "SELECT originator_id FROM events WHERE topic LIKE 'draft.%' GROUP BY originator_id HAVING NOT bool_or("
            """topic = 'draft.Erased' OR state ~ ',"sealed":"[^"]*"}$')"""
        )
    )
    while some := started.fetchmany(10_000):
        connection.execute(sa.insert(keys), [{"draft": draft, "key": urandom(32)} for (draft,) in some])


def downgrade() -> None:
    """Takes the keys: what was sealed with them is lost for ever, and so are the drafts that begin with it."""
    op.drop_constraint("uq_stakeholders_token_hash", "stakeholders", type_="unique")
    op.drop_column("stakeholders", "expires_at")
    op.drop_column("stakeholders", "token_hash")
    op.drop_table("draft_keys")
    op.drop_table("outbox")
