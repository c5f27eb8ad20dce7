"""What the pipeline's tasks are given."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from assay.catalog.tasks import Needs as MergeNeeds
from assay.kit.archives import Archives
from assay.kit.bucket import Bucket
from assay.kit.files import Files
from assay.kit.http import Http
from assay.pipelines.advisories.model import Source


class Needs(MergeNeeds, Protocol):
    """The frozen Context, as this room sees it: what a merge needs, and what fetching and reading need."""

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


Progress = Callable[[str, int, int | None], None]
"""Told the step, how much of it is done and how much there is, if that is known.

Steps: `fetch` (bytes; for a repository whatever git counts), `changes` (objects of a bucket), `read` (records).
"""
