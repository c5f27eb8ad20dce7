"""Writes anew what each sample lock file reads as: `golden.json` beside it in its archive.

    python tools/write_inventories.py [FORMAT ...]             every sample, or those of some formats
    python tools/write_inventories.py --add FORMAT NAME FILE   a new sample of a format from a file

The difference is to be read before it is committed: a golden file is a claim that its inventory is right.
"""

import argparse
import zipfile
from pathlib import Path

import msgspec

from assay.pipelines.packages.sources import discover

SAMPLES = Path(__file__).resolve().parents[1] / "tests" / "pipelines" / "packages" / "sources" / "samples"
GOLDEN = "golden.json"


def inventory(form: str, name: str, content: bytes) -> bytes:
    """What a file reads as, in JSON with one field a line."""
    found = discover()[form].read(name, content)
    return msgspec.json.format(msgspec.json.encode(found, order="deterministic"), indent=1) + b"\n"


def write(archive: Path, form: str, name: str, content: bytes) -> None:
    """The archive of a sample: the file and its golden file. The same content gives the same bytes."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed:
        for member, data in ((name, content), (GOLDEN, inventory(form, name, content))):
            info = zipfile.ZipInfo(member, (1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(info, data, compresslevel=9)


def rewrite(archive: Path) -> None:
    """A sample with its golden file written anew; untouched where nothing differs."""
    with zipfile.ZipFile(archive) as packed:
        (name,) = [member for member in packed.namelist() if member != GOLDEN]
        content, before = packed.read(name), packed.read(GOLDEN)
    if inventory(archive.parent.name, name, content) != before:
        write(archive, archive.parent.name, name, content)
        print(f"written anew: {archive.relative_to(SAMPLES)}")


def main() -> None:
    """Adds a sample, or writes the golden files anew."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("formats", nargs="*")
    parser.add_argument("--add", nargs=3, metavar=("FORMAT", "NAME", "FILE"))
    wanted = parser.parse_args()
    if wanted.add:
        form, name, file = wanted.add
        write(SAMPLES / form / f"{name}.zip", form, Path(file).name, Path(file).read_bytes())
        return
    for archive in sorted(SAMPLES.glob("*/*.zip")):
        if not wanted.formats or archive.parent.name in wanted.formats:
            rewrite(archive)


if __name__ == "__main__":
    main()
