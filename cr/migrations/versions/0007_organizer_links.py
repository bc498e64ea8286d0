"""Links by which the owner of a rule lets other organizers in.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "organizer_links",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("rule", sa.UUID(), nullable=False),
        sa.Column("made_by", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["made_by"], ["accounts.id"], name="fk_organizer_links_made_by", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_organizer_links"),
        sa.UniqueConstraint("token_hash", name="uq_organizer_links_token_hash"),
    )
    op.create_index("ix_organizer_links_expires_at", "organizer_links", ["expires_at"], unique=False)
    op.create_index("ix_organizer_links_made_by", "organizer_links", ["made_by"], unique=False)
    op.create_index("ix_organizer_links_rule", "organizer_links", ["rule"], unique=False)


def downgrade() -> None:
    op.drop_table("organizer_links")
