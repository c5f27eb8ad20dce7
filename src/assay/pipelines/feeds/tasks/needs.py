"""What fetching needs of the Context."""

from typing import Protocol

from assay.kit.clock import Clock
from assay.kit.db import Database
from assay.kit.files import Files
from assay.kit.http import Http
from assay.kit.sealing import Seals
from assay.pipelines.feeds.model.sources import Limits


class Needs(Protocol):
    """The frozen Context, as fetching sees it: `outside` reaches what the settings allow, `fetched` keeps nothing."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def outside(self) -> Http: ...
    @property
    def fetched(self) -> Files: ...
    @property
    def seals(self) -> Seals: ...
    @property
    def feeds(self) -> Limits: ...
