"""Uploads to test with: the repository's sample, and trees made for one thing."""

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

from assay.auth.model import Kind, Principal, Role
from assay.bootstrap import Context
from assay.pipelines.configs.commands import uploading
from assay.pipelines.configs.model import Run, UploadKind

SAMPLE = Path(__file__).parents[3] / "sample" / "splunk-etc.tar.gz"
ANN = Principal(Kind.PERSON, "ann", Role.ANALYST, 1)

Tree = Mapping[str, str | bytes]


def tarred(*trees: Tree) -> bytes:
    """Files as a tar, one tree after the other."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for tree in trees:
            for name, said in tree.items():
                content = said.encode() if isinstance(said, str) else said
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def note(ctx: Context, content: bytes, **changes: Any) -> uploading.Uploaded:
    """An upload that waits to be parsed."""
    label = uuid4().hex
    chosen = {"kind": UploadKind.INSTANCE_ETC, "label": label, "file_name": "etc.tar", "who": ANN} | changes
    return uploading.note(ctx, uploading.keep(ctx.uploads, iter([content])), **chosen)


def parsed(ctx: Context, *trees: Tree, **changes: Any) -> Run:
    """A run that is complete."""
    run = note(ctx, tarred(*trees), is_deferred=False, **changes).run
    return uploading.parse_now(ctx, run, lambda _: None)
