"""People: accounts, sessions, mailed links, and the addresses that came with drafts and rules.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("display_name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_accounts"),
        sa.UniqueConstraint("email", name="uq_accounts_email"),
    )
    op.create_table(
        "stakeholders",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("rule", sa.UUID(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stakeholders"),
        sa.UniqueConstraint("rule", "email", name="uq_stakeholders_rule_email"),
    )
    op.create_table(
        "draft_addresses",
        sa.Column("draft", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name="fk_draft_addresses_account_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("draft", name="pk_draft_addresses"),
    )
    op.create_index("ix_draft_addresses_account_id", "draft_addresses", ["account_id"], unique=False)
    op.create_table(
        "mailed_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("browser_hash", sa.LargeBinary(), nullable=True),
        sa.Column("next_path", sa.Text(), nullable=True),
        sa.Column("draft", postgresql.JSON(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_mailed_links_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_mailed_links"),
        sa.UniqueConstraint("token_hash", name="uq_mailed_links_token_hash"),
    )
    op.create_index("ix_mailed_links_account_id", "mailed_links", ["account_id"], unique=False)
    op.create_index("ix_mailed_links_expires_at", "mailed_links", ["expires_at"], unique=False)
    op.create_index("ix_mailed_links_purpose_email_id", "mailed_links", ["purpose", "email", "id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("account_id", sa.UUID(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name="fk_sessions_account_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.UniqueConstraint("token_hash", name="uq_sessions_token_hash"),
    )
    op.create_index("ix_sessions_account_id", "sessions", ["account_id"], unique=False)
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_sessions_expires_at", table_name="sessions")
    op.drop_index("ix_sessions_account_id", table_name="sessions")
    op.drop_table("sessions")
    op.drop_index("ix_mailed_links_purpose_email_id", table_name="mailed_links")
    op.drop_index("ix_mailed_links_expires_at", table_name="mailed_links")
    op.drop_index("ix_mailed_links_account_id", table_name="mailed_links")
    op.drop_table("mailed_links")
    op.drop_index("ix_draft_addresses_account_id", table_name="draft_addresses")
    op.drop_table("draft_addresses")
    op.drop_table("stakeholders")
    op.drop_table("accounts")
