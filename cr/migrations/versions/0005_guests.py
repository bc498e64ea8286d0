"""What people write before they sign in, and the links that turn it into a draft."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0002"

Id = postgresql.UUID(as_uuid=True)
Timestamp = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "guests",
        sa.Column("id", Id, primary_key=True),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("saved_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("draft", Id),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index(op.f("ix_guests_expires_at"), "guests", ["expires_at"])
    op.create_table(
        "guest_saves",
        sa.Column("guest", Id, sa.ForeignKey("guests.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("payload", postgresql.JSON, nullable=False),
    )
    op.add_column("mailed_links", sa.Column("guest", Id))
    op.create_foreign_key(None, "mailed_links", "guests", ["guest"], ["id"], ondelete="SET NULL")
    op.create_index(op.f("ix_mailed_links_guest"), "mailed_links", ["guest"])


def downgrade() -> None:
    op.drop_column("mailed_links", "guest")
    op.drop_table("guest_saves")
    op.drop_table("guests")
