"""Settings: from the environment (`ASSAY_...`), then one TOML file, then the defaults. Nobody else reads either."""

import os
from collections.abc import Mapping
from datetime import timedelta
from json import JSONDecodeError
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from assay.auth.model import Policy
from assay.errors import Permanent
from assay.settings.feeds import FeedSettings
from assay.settings.language import ELSEWHERE, LlmSettings, elsewhere

__all__ = [
    "AlertSettings",
    "LlmSettings",
    "OidcSettings",
    "Settings",
    "SignInSettings",
    "SourceSettings",
    "WebhookSettings",
    "load",
]

# A hundred years: what lies much further back, or ahead, is no date any more.
_MOST_DAYS = 36_500


class SourceSettings(BaseModel):
    """What may be changed about one source; what is left out stays as the source defines it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(None, description="Where to fetch from, in the place of the source's own address")
    fallback_url: str | None = Field(None, description="For buckets: the HTTPS address of the same objects")
    branch: str | None = Field(None, description="For repositories: the branch")
    schedule: str | None = Field(
        None, description="When to sync: a cron expression in UTC, an interval such as `every 30m`, or `off`"
    )


class WebhookSettings(BaseModel):
    """One receiver of signed notices."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: SecretStr = Field(description="Where each notice is sent by POST, as JSON")
    secret: SecretStr = Field(
        description="What it is signed with: 24 to 64 bytes, as `whsec_` and base64 or as plain text"
    )


class AlertSettings(BaseModel):
    """From where on something is wrong, and who is told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    failed_tasks: int = Field(1, ge=1, description="Dead letters of one task")
    error_rate: float = Field(0.5, gt=0, le=1, description="Share of a task's attempts that failed")
    error_rate_attempts: int = Field(10, ge=1, description="Attempts below which no share is taken")
    error_rate_minutes: int = Field(60, ge=1, le=1440, description="Minutes in which these attempts ended")
    backlog: int = Field(1_000, ge=1, description="Jobs ready in one queue, for 5 minutes")
    oldest_waiting_minutes: float = Field(15.0, gt=0, description="Minutes that a ready job waits")
    workers: int = Field(1, ge=0, description="Worker processes that must live, of all machines; 0 for any")
    overdue_share: float = Field(0.9, gt=0, description="Share of its hard time limit that a job has used")
    stale_after_runs: int = Field(
        3, ge=1, le=1000, description="Runs of a source's schedule without one that went well"
    )
    failing_runs: int = Field(3, ge=1, description="Failures of a source in a row")
    persistently_failing_runs: int = Field(20, ge=1, description="The same, when it is critical")
    off: tuple[str, ...] = Field((), description="Rules that are not looked at, a JSON list")
    raise_after_minutes: dict[str, float] = Field(
        default_factory=dict,
        description="Minutes that a threshold must be passed before its alert opens, by rule",
    )
    clear_after_minutes: dict[str, float] = Field(
        default_factory=dict, description="Minutes that all must be well before an alert is resolved, by rule"
    )
    channels: dict[str, SecretStr] = Field(
        default_factory=dict,
        description="Who is told: addresses that apprise reads, by a name of your choice",
    )
    webhooks: dict[str, WebhookSettings] = Field(
        default_factory=dict, description="Who is told by signed requests: `url` and `secret`, by a name"
    )


class SignInSettings(BaseModel):
    """How long sign-ins hold, and when guessing is slowed down."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    idle_minutes: float = Field(
        720, gt=0, le=_MOST_DAYS * 1440, description="Minutes without use after which a session ends"
    )
    longest_hours: float = Field(
        168, gt=0, le=_MOST_DAYS * 24, description="Hours after which every session ends"
    )
    link_minutes: float = Field(
        15, gt=0, le=_MOST_DAYS * 1440, description="Minutes for which a one-time sign-in link is good"
    )
    invitation_hours: float = Field(
        72, gt=0, le=_MOST_DAYS * 24, description="Hours for which a link to choose a password is good"
    )
    free_by_name: int = Field(
        5, ge=1, description="Wrong passwords for a name within 15 minutes before the next try has to wait"
    )
    free_by_address: int = Field(20, ge=1, description="The same for an address")
    shortest_password: int = Field(12, ge=8, le=64, description="Characters that a password has at least")

    @property
    def policy(self) -> Policy:
        """The same as the room reads it."""
        return Policy(
            idle=timedelta(minutes=self.idle_minutes),
            longest=timedelta(hours=self.longest_hours),
            link=timedelta(minutes=self.link_minutes),
            invitation=timedelta(hours=self.invitation_hours),
            free_by_name=self.free_by_name,
            free_by_address=self.free_by_address,
            shortest_password=self.shortest_password,
        )


class OidcSettings(BaseModel):
    """A provider of identities that speaks OpenID Connect."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    issuer: str = Field(description="Its address, as it calls itself; https but on this machine")
    client_id: str = Field(description="What this installation is called there")
    client_secret: SecretStr | None = Field(None, description="Its secret there; none for a public client")
    title: str = Field("single sign-on", description="What the button on the sign-in page calls it")
    scopes: tuple[str, ...] = Field(
        ("openid", "email", "profile"), description="What is asked of it, a JSON list"
    )
    name_claims: tuple[str, ...] = Field(
        ("preferred_username", "email", "sub"),
        description="Claims that name a person, the first that does counts",
    )
    allowed_domains: tuple[str, ...] = Field(
        (), description="Only verified addresses of mail in these domains are let in; anybody's when empty"
    )
    role_claim: str | None = Field(
        None,
        description="The claim that decides about the role, such as `groups` or `realm_access.roles`",
    )
    roles: dict[str, Literal["viewer", "analyst", "admin"]] = Field(
        default_factory=dict, description="The role of each value of that claim; the highest one counts"
    )
    usual_role: Literal["viewer", "analyst", "admin"] | None = Field(
        None, description="The role of whom nothing else gives one; without it they are not let in"
    )


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="ASSAY_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )

    home: Path = Field(
        default_factory=lambda: user_data_path("assay"),
        description="Where documents, mirrors and the embedded database are kept",
    )
    config: Path | None = Field(
        None, description="The TOML file; assay.toml in the home folder when it is there"
    )
    database_url: str | None = Field(
        None,
        description="A PostgreSQL 15 or newer; without it the embedded server is started under the home folder",
    )
    postgres_port: int | None = Field(
        None,
        description="Let the embedded server listen on 127.0.0.1 at this port too; otherwise only on a socket",
    )
    postgres_keep_running: bool = Field(
        default=False, description="Leave the embedded server running when the last process that uses it ends"
    )
    processes: int = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=64,
        description="Processes that bulk work is shared by",
    )
    merge_policy: Path | None = Field(None, description="A merge policy in the place of the one that ships")
    retention_days: int = Field(
        90, ge=1, le=_MOST_DAYS, description="Days after which a record that is gone is deleted for good"
    )
    proxy: str | None = Field(
        None, description="Proxy for fetching; otherwise HTTPS_PROXY and the like are honoured"
    )
    http_timeout: float = Field(
        60.0, gt=0, description="Seconds without a byte after which fetching is tried again"
    )
    worker_processes: int = Field(
        default_factory=lambda: max(2, min(4, os.cpu_count() or 1)),
        ge=1,
        le=64,
        description="Processes of `assay worker`; each runs one task at a time unless told otherwise",
    )
    worker_concurrency: int = Field(
        1, ge=1, le=64, description="Tasks at a time in each of them; more is for tasks that mostly wait"
    )
    worker_queues: tuple[str, ...] = Field(
        (), description="Queues that it serves, a JSON list; all when empty"
    )
    worker_grace: float = Field(
        30.0,
        ge=0,
        description="Seconds in which a stopped worker may finish its tasks before it hands them back",
    )
    worker_recycle_after: int = Field(
        1000, ge=0, description="Tasks after which a worker process makes room for a fresh one; 0 is never"
    )
    worker_memory_mb: int = Field(
        2048, ge=0, description="Memory over which a worker process is replaced; 0 is any amount"
    )
    jobs_retention_days: int = Field(
        14,
        ge=1,
        le=_MOST_DAYS,
        description="Days after which a completed or cancelled job is deleted; dead letters are kept",
    )
    runs_retention_days: int = Field(
        400, ge=1, le=_MOST_DAYS, description="Days after which a row of the run ledger is deleted"
    )
    schedules: dict[str, str] = Field(
        default_factory=dict,
        description="When single schedules run, by name: a cron expression in UTC, `every 6h`, or `off`",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("warning", description="What is logged")
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="How it is logged; auto is console on a terminal and JSON elsewhere"
    )
    web_host: str = Field(
        "127.0.0.1", description="The address that `assay serve` listens on; 0.0.0.0 for all of the machine's"
    )
    web_port: int = Field(
        8080, ge=0, le=65535, description="The port that `assay serve` listens on; 0 for any"
    )
    web_public_url: str | None = Field(
        None,
        description="The address under which people reach the service, such as https://assay.example.org/; "
        "for links, and for providers of identities",
    )
    web_trusted_proxies: tuple[str, ...] = Field(
        ("127.0.0.1", "::1"),
        description="Addresses and networks of reverse proxies whose X-Forwarded-For and -Proto are believed, "
        "a JSON list",
    )
    web_upload_mb: int = Field(512, ge=1, description="The largest body of a request, in MiB")
    web_rate: int = Field(
        6000,
        ge=0,
        description="Requests a minute of one address, person or token, a third of them at once; 0 is any",
    )
    public_reading: bool = Field(
        default=True,
        description="Answer scanners and package managers without credentials: OSV's API, npm's audit, "
        "OSV's bucket; nothing else is public",
    )
    metrics_from_loopback: bool = Field(
        default=False, description="Let programs on this very machine read /metrics without a token"
    )
    sign_in: SignInSettings = Field(
        SignInSettings.model_validate({}),
        description="How long sign-ins hold, and when guessing is slowed down",
    )
    oidc: OidcSettings | None = Field(None, description="A provider of identities that people sign in with")
    alerts: AlertSettings = Field(
        AlertSettings.model_validate({}), description="When somebody is told, and how"
    )
    feeds: FeedSettings = Field(
        FeedSettings.model_validate({}), description="What sources of entries may reach and give"
    )
    llm: LlmSettings = Field(
        LlmSettings.model_validate({}),
        description="The language model that reads entries of feeds, and how these are processed",
    )
    sources: dict[str, SourceSettings] = Field(
        default_factory=dict, description="Changes to single sources, by name"
    )

    @property
    def retention(self) -> timedelta:
        """How long a tombstone is kept."""
        return timedelta(days=self.retention_days)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic's signature
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file."""
        named = init_settings().get("home")
        others = InitSettingsSource(settings_cls, elsewhere())
        file = TomlConfigSettingsSource(settings_cls, _config_file(named))
        return init_settings, env_settings, others, file


def _config_file(home: Path | None) -> Path | None:
    named = os.environ.get("ASSAY_CONFIG")
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise Permanent(f"ASSAY_CONFIG names {path}, which is no file")
        return path
    place = home or os.environ.get("ASSAY_HOME")
    path = (Path(place).expanduser() if place else user_data_path("assay")) / "assay.toml"
    return path if path.is_file() else None


def _said(wrong: Mapping[str, Any]) -> str:
    return f"{_named(wrong['loc'])}: {wrong['msg'].removeprefix('Value error, ')}"


def _named(place: tuple[int | str, ...]) -> str:
    """The variable that a setting is given by, and the other name where it was given under that."""
    name = f"ASSAY_{'__'.join(map(str, place)).upper()}"
    others = [
        other for other, field in ELSEWHERE.items() if place == ("llm", field) and os.environ.get(other)
    ]
    return f"{name} or {others[0]}" if others and name not in os.environ else name


def _not_json(error: SettingsError) -> str:
    """The variables that hold the text which cannot be read; it may be a secret and is not repeated."""
    text = error.__cause__.doc if isinstance(error.__cause__, JSONDecodeError) else None
    ours = ((name, value) for name, value in os.environ.items() if name.upper().startswith("ASSAY_"))
    return ", ".join(name for name, value in ours if value == text) or "a variable of a list or table"


def load(home: Path | None = None) -> Settings:
    """The settings in force; a `home` outranks the environment's. Raises Permanent that names each wrong one."""
    given: dict[str, Any] = {} if home is None else {"home": home}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(map(_said, error.errors()))
        raise Permanent(f"wrong settings: {wrong}") from error
    except SettingsError as error:
        raise Permanent(
            f'wrong settings: {_not_json(error)} is not JSON, such as ["one", "two"] or {{"name": "value"}}'
        ) from None
    except ValueError as error:
        raise Permanent(f"the settings file is not TOML: {error}") from error
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})
