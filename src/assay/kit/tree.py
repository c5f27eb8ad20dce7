"""Files of a folder tree, found without leaving it, and read without being led astray."""

import os
import stat
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from assay.errors import BadRecord


def walk(
    root: Path, *, skip: Collection[str] = (), on_error: Callable[[OSError], None] | None = None
) -> Iterator[Path]:
    """The files below a folder in a stable order, without those of folders named in `skip`.

    Links to folders are not followed; a link to a file is, where that lies below the folder too. Folders that
    cannot be read are told to `on_error`.
    """
    inside = root.resolve()
    for folder, folders, names in os.walk(root, onerror=on_error):
        folders[:] = sorted(name for name in folders if name not in skip)
        for name in sorted(names):
            path = Path(folder, name)
            if not path.is_symlink() or is_below(path, inside):
                yield path


def is_below(path: Path, root: Path) -> bool:
    """Whether a path, its links followed, lies below a folder whose links were followed."""
    try:
        return path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError, ValueError):
        return False


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a regular file. BadRecord: `not-a-file`, `too-large`; OSError as the system raises it."""
    # Opening a pipe would wait for somebody to write into it.
    if not stat.S_ISREG(path.stat().st_mode):
        raise BadRecord("not-a-file", "this is no regular file")
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise BadRecord("too-large", f"more than {most:,} bytes")
    return content
