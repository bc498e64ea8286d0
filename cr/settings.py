"""Every setting of the site, typed, read from the environment and checked once at start.

Names and meanings: docs/operations.md. A missing or bad value raises `SettingsError`, whose text is one line
that names the variable and says what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator


class SettingsError(Exception):
    """The site can't start with this environment; the message names the variable."""


def _flag(value: object) -> object:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise ValueError("write true or false")


def _database_url(value: str) -> str:
    """SQLAlchemy's name of the URL; Cloudron writes `postgres://`, others `postgresql://`."""
    scheme, separator, rest = value.partition("://")
    if not separator or scheme not in ("postgres", "postgresql", "postgresql+psycopg2"):
        raise ValueError("write it as postgres://user:password@host:port/name")
    return f"postgresql+psycopg2://{rest}"


def _address(value: str) -> str:
    if "@" not in parseaddr(value)[1]:
        raise ValueError("write an address, such as Community Rule <hello@example.org>")
    return value


def _origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write an origin, such as https://communityrule.info")
    return f"{parts.scheme}://{parts.netloc}"


Flag = Annotated[bool, BeforeValidator(_flag)]
DatabaseUrl = Annotated[str, BeforeValidator(_database_url)]
Address = Annotated[str, BeforeValidator(_address)]
Origin = Annotated[str, BeforeValidator(_origin)]


class Settings(BaseModel):
    """The environment of one process. Field names are ours, aliases are the operators' names."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    production: bool = False
    database_url: DatabaseUrl | None = Field(None, alias="CLOUDRON_POSTGRESQL_URL")
    session_secret: str = Field(alias="SESSION_SECRET", min_length=16, repr=False)
    backend_sync: Flag = Field(True, alias="NEXT_PUBLIC_ENABLE_BACKEND_SYNC")

    smtp_server: str | None = Field(None, alias="CLOUDRON_MAIL_SMTP_SERVER")
    smtp_port: int = Field(25, alias="CLOUDRON_MAIL_SMTP_PORT", ge=1, le=65535)
    smtps_port: int | None = Field(None, alias="CLOUDRON_MAIL_SMTPS_PORT", ge=1, le=65535)
    smtp_username: str | None = Field(None, alias="CLOUDRON_MAIL_SMTP_USERNAME")
    smtp_password: str | None = Field(None, alias="CLOUDRON_MAIL_SMTP_PASSWORD", repr=False)
    smtp_from: Address | None = Field(None, alias="SMTP_FROM")
    mail_from: Address | None = Field(None, alias="CLOUDRON_MAIL_FROM")
    mail_domain: str | None = Field(None, alias="CLOUDRON_MAIL_DOMAIN")

    upload_root: Path | None = Field(None, alias="UPLOAD_ROOT")
    organizer_inquiry_to: Address | None = Field(None, alias="ORGANIZER_INQUIRY_TO")
    seed_data_dir: Path | None = Field(None, alias="SEED_DATA_DIR")
    redis_url: str | None = Field(None, alias="CLOUDRON_REDIS_URL")
    app_origin: Origin | None = Field(None, alias="CLOUDRON_APP_ORIGIN")
    proxy_ip: str | None = Field(None, alias="CLOUDRON_PROXY_IP")
    port: int = Field(3000, alias="PORT", ge=1, le=65535)
    page_cache_mb: int = Field(32, alias="PAGE_CACHE_MB", ge=0, le=1024)
    metrics_token: str | None = Field(None, alias="METRICS_TOKEN", min_length=16, repr=False)

    @model_validator(mode="after")
    def _production_needs_a_sender(self) -> Self:
        if self.production and not self.sender:
            raise ValueError("SMTP_FROM: set it (or CLOUDRON_MAIL_FROM) to the visible sender of mails")
        return self

    @property
    def sender(self) -> str | None:
        """The visible From of every mail."""
        return self.smtp_from or self.mail_from

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], *, production: bool) -> Self:
        """Read and check; an empty value counts as a missing one.

        Raises `SettingsError` for the first value that can't be used.
        """
        names = {field.alias for field in cls.model_fields.values() if field.alias}
        given: dict[str, object] = {
            name: environment[name].strip() for name in names if environment.get(name, "").strip()
        }
        try:
            return cls.model_validate({**given, "production": production})
        except ValidationError as error:
            first = error.errors()[0]
            reason = first["msg"].removeprefix("Value error, ")
            if first["type"] == "missing":
                reason = "set it"
            name = ".".join(str(part) for part in first["loc"])
            if name in ("SESSION_SECRET", "METRICS_TOKEN"):
                reason = "set it to a secret of at least 16 characters (openssl rand -hex 32 makes one)"
            raise SettingsError(f"{name}: {reason}" if name else reason) from None


def database_url(environment: Mapping[str, str]) -> str:
    """The database of a command at a terminal, which needs no other setting. Raises `SettingsError`."""
    name = "CLOUDRON_POSTGRESQL_URL"
    try:
        return _database_url(environment.get(name, "").strip())
    except ValueError as error:
        raise SettingsError(f"{name}: {error}") from None


def seed_data_dir(environment: Mapping[str, str]) -> Path | None:
    """The folder that a command at a terminal reads the catalogue from; None for the package's own."""
    given = environment.get("SEED_DATA_DIR", "").strip()
    return Path(given) if given else None
