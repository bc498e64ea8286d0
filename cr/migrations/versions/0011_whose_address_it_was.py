"""Whose address an invitation was for, once they have another.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "stakeholders",
        sa.Column(
            "holder", postgresql.UUID(as_uuid=True), sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=True
        ),
    )
    op.create_index("ix_stakeholders_holder", "stakeholders", ["holder"])


def downgrade() -> None:
    op.drop_column("stakeholders", "holder")
