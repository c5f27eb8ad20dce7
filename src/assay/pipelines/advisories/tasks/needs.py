"""What the pipeline's tasks are given."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from assay.catalog.model import Readers
from assay.catalog.rules.policy import Policy
from assay.kit.archives import Archives
from assay.kit.bucket import Bucket
from assay.kit.clock import Clock
from assay.kit.db import Database
from assay.kit.files import Files
from assay.kit.http import Http
from assay.kit.pool import Pool
from assay.pipelines.advisories.model import Source


class Needs(Protocol):
    """The frozen Context, as this room sees it."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def pool(self) -> Pool: ...
    @property
    def files(self) -> Files: ...
    @property
    def http(self) -> Http: ...
    @property
    def open_bucket(self) -> Callable[[str], Bucket]: ...
    @property
    def archives(self) -> Archives: ...
    @property
    def mirrors(self) -> Path: ...
    @property
    def sources(self) -> Mapping[str, Source]: ...
    @property
    def readers(self) -> Readers: ...
    @property
    def policy(self) -> Policy: ...


Progress = Callable[[str, int, int | None], None]
"""Told the step, how much of it is done and how much there is, if that is known.

Steps: `fetch` (bytes; for a repository whatever git counts), `changes` (objects of a bucket), `read` (records).
"""
