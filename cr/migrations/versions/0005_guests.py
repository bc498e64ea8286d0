"""What people write before they sign in, and the links that turn it into a draft.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "guests",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("draft", sa.UUID(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_guests"),
        sa.UniqueConstraint("token_hash", name="uq_guests_token_hash"),
    )
    op.create_index("ix_guests_expires_at", "guests", ["expires_at"], unique=False)
    op.create_table(
        "guest_saves",
        sa.Column("guest", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", postgresql.JSON(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["guest"], ["guests.id"], name="fk_guest_saves_guest", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("guest", "version", name="pk_guest_saves"),
    )
    op.add_column("mailed_links", sa.Column("guest", sa.UUID(), nullable=True))
    op.create_foreign_key("fk_mailed_links_guest", "mailed_links", "guests", ["guest"], ["id"], ondelete="SET NULL")
    op.create_index("ix_mailed_links_guest", "mailed_links", ["guest"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_mailed_links_guest", table_name="mailed_links")
    op.drop_constraint("fk_mailed_links_guest", "mailed_links", type_="foreignkey")
    op.drop_column("mailed_links", "guest")
    op.drop_table("guest_saves")
    op.drop_index("ix_guests_expires_at", table_name="guests")
    op.drop_table("guests")
