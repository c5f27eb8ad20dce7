"""The real bulletins of the sample: feeds, Markdown, YAML and mail."""

import tarfile
from functools import cache

from sample import SAMPLE

ARCHIVE = SAMPLE / "feeds.tar.gz"


@cache
def bulletins() -> dict[str, bytes]:
    """Every file of the archive by its path in it."""
    with tarfile.open(ARCHIVE) as archive:
        return {
            member.name: file.read()
            for member in archive.getmembers()
            if (file := archive.extractfile(member)) is not None
        }
