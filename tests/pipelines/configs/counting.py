"""How many settings an archive holds, counted without Assay's parser: line by line, by the grammar's own words.

python counting.py ARCHIVE
"""

import re
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

# A configuration file of an app, of the system or of a user: directly in `default` or `local`, not deeper in an app.
_CONF = re.compile(
    rb"^(?:.*/)?(?:(?:apps|peer-apps|slave-apps|deployment-apps|manager-apps|master-apps)/[^/]+|system"
    rb"|users/[^/]+/[^/]+)/(?:default|local)/[^/]+\.conf$"
)
# A line that begins with a blank or not, then neither a comment nor a header, then something, then "=".
_SETTING = re.compile(rb"[ \t\f\v\r]*(?![#;\[=])[^= \t\f\v\r\n]")


def count_file(content: bytes) -> int:
    """The settings of one file, every occurrence counted."""
    count = 0
    is_continued = False
    for whole in content.removeprefix(b"\xef\xbb\xbf").split(b"\n"):
        line = whole.removesuffix(b"\r")
        if is_continued:
            is_continued = line.endswith(b"\\")
            continue
        if not line.strip() or line.lstrip().startswith((b"#", b";")):
            continue
        is_continued = line.endswith(b"\\")
        count += bool(_SETTING.match(line)) and b"=" in line.replace(b"\\=", b"")
    return count


def conf_files(archive: Path) -> Iterator[bytes]:
    """The configuration files of a tar that Splunk reads."""
    with tarfile.open(archive) as packed:
        for member in packed:
            if member.isfile() and _CONF.match(member.name.encode()):
                source = packed.extractfile(member)
                assert source is not None
                yield source.read()


def count_archive(archive: Path) -> tuple[int, int]:
    """(files, settings) of an archive."""
    counts = [count_file(content) for content in conf_files(archive)]
    return len(counts), sum(counts)


if __name__ == "__main__":
    print(*count_archive(Path(sys.argv[1])))
