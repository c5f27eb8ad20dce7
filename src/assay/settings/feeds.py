"""The settings of sources of entries: what they may reach, and what their secrets are sealed with."""

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr


class FeedSettings(BaseModel):
    """What sources of entries may reach, how much they may give, and how long what is done is kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reachable: tuple[str, ...] = Field(
        (),
        description="Hosts, addresses and networks that sources may ask though they are not public, such as "
        "`wiki.example.org` or `10.20.0.0/16`, a JSON list; public addresses always may be asked",
    )
    roots: tuple[Path, ...] = Field(
        (),
        description="Folders of this server below which sources may read files, a JSON list; none when empty",
    )
    keys: tuple[SecretStr, ...] = Field(
        (),
        description="Keys that headers and credentials of sources are sealed with, as `assay feeds new-key` makes "
        "them, a JSON list: the first seals, all of them open; without any there is one in the home folder",
    )
    max_mb: int = Field(32, ge=1, le=1024, description="The largest document of a source, in MiB")
    max_total_mb: int = Field(256, ge=1, le=8192, description="What one fetch of a source may bring, in MiB")
    max_seconds: int = Field(600, ge=10, le=3000, description="Seconds that one fetch of a source may take")
    retention_days: int = Field(
        7, ge=1, le=90, description="Days after which a completed entry is purged; others are kept"
    )
