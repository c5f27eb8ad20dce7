"""What pages load beside themselves: Assay's own files, and htmx as its wheel brings it."""

import hashlib
from functools import cache
from os import PathLike, stat_result
from pathlib import Path

import js_lib_htmx
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_PLACES = (Path(__file__).parent / "static", Path(js_lib_htmx.__file__).parent / "static" / "htmx")


class Assets(StaticFiles):
    """The files below `/static`. Nothing of them is secret, so nobody has to be signed in."""

    def __init__(self) -> None:
        super().__init__(directory=_PLACES[0])
        self.all_directories = list(_PLACES)

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """The file, for a year where its address tells its content."""
        answer = super().file_response(full_path, stat_result, scope, status_code)
        if scope["query_string"]:
            answer.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return answer


@cache
def asset(name: str) -> str:
    """Where a browser finds a file; another content has another address, so that it may keep this one."""
    content = next(path.read_bytes() for place in _PLACES if (path := place / name).is_file())
    return f"/static/{name}?{hashlib.sha256(content).hexdigest()[:12]}"
