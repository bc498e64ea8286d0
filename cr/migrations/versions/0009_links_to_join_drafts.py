"""Links to join are for drafts too, and may be mailed.

Revision ID: 0009
Revises: 0008
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def rename(old: str, new: str) -> None:
    op.rename_table(old, new)
    for kind, column in (("pk", ""), ("uq", "_token_hash"), ("fk", "_made_by")):
        op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT {kind}_{old}{column} TO {kind}_{new}{column}")
    for column in ("made_by", "expires_at"):
        op.execute(f"ALTER INDEX ix_{old}_{column} RENAME TO ix_{new}_{column}")


def upgrade() -> None:
    rename("organizer_links", "join_links")
    op.alter_column("join_links", "rule", new_column_name="about")
    op.execute("ALTER INDEX ix_organizer_links_rule RENAME TO ix_join_links_about")
    op.add_column("join_links", sa.Column("email", sa.Text(), nullable=True))
    op.create_index("ix_join_links_email", "join_links", ["email"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_join_links_email", "join_links")
    op.drop_column("join_links", "email")
    op.execute("ALTER INDEX ix_join_links_about RENAME TO ix_organizer_links_rule")
    op.alter_column("join_links", "about", new_column_name="rule")
    rename("join_links", "organizer_links")
