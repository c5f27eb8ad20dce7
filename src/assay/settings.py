"""Settings: from the environment (`ASSAY_...`), then one TOML file, then the defaults. Nobody else reads either."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_data_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from assay.errors import Permanent


class SourceSettings(BaseModel):
    """What may be changed about one source; what is left out stays as the source defines it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = Field(None, description="Where to fetch from, in the place of the source's own address")
    fallback_url: str | None = Field(None, description="For buckets: the HTTPS address of the same objects")
    branch: str | None = Field(None, description="For repositories: the branch")
    schedule: str | None = Field(
        None, description="When to sync: a cron expression in UTC, an interval such as `every 30m`, or `off`"
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
        90, ge=1, description="Days after which a record that is gone is deleted for good"
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
        description="Days after which a completed or cancelled job is deleted; dead letters are kept",
    )
    runs_retention_days: int = Field(
        400, ge=1, description="Days after which a row of the run ledger is deleted"
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
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _config_file(named))


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


def load(home: Path | None = None) -> Settings:
    """The settings in force; a `home` outranks the environment's. Raises Permanent that names each wrong one."""
    given: dict[str, Any] = {} if home is None else {"home": home}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        wrong = "; ".join(
            f"ASSAY_{'__'.join(map(str, entry['loc'])).upper()}: {entry['msg']}" for entry in error.errors()
        )
        raise Permanent(f"wrong settings: {wrong}") from error
    except ValueError as error:
        raise Permanent(f"the settings file is not TOML: {error}") from error
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})
