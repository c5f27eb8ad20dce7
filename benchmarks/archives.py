"""Copies of archives to measure with: the same records in another order, or with one in a hundred changed."""

import random
import re
import zipfile
from pathlib import Path

# The first word of the details, in OSV, CVE and GitLab records alike: followed by text that a change can grow.
_DETAILS = re.compile(rb'("details": ?"|"value": ?"|^description: ")', re.MULTILINE)


def changed_copy(path: Path, target: Path, share: float = 0.01) -> Path:
    """The archive with another beginning of the details in this share of its records, chosen by a fixed seed."""
    chance = random.Random(7)
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        for entry in source.infolist():
            content = source.read(entry)
            if chance.random() < share:
                content = _DETAILS.sub(rb"\1Reviewed again. ", content, count=1)
            copy.writestr(entry, content)
    return target


def shuffled_copy(path: Path, target: Path) -> Path:
    """The archive with its members in another order, chosen by a fixed seed."""
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
        entries = source.infolist()
        random.Random(11).shuffle(entries)
        for entry in entries:
            copy.writestr(entry, source.read(entry))
    return target
