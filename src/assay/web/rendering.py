"""Pages as HTML: the templates, what they may call, and the sentence that a change leaves for the next page."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from assay import __version__
from assay.auth.model import Principal, Role
from assay.domain import wording
from assay.kit.clock import Clock
from assay.web import charts
from assay.web.assets import asset
from assay.web.csrf import csrf_token

_THEME = "assay_theme"
_SAID = "assay_said"
_THEMES = ("light", "dark")
# Seconds: a sentence that no page shows within them is forgotten.
_SAID_SECONDS = 60
_LONGEST_SAID = 600
_COMMAND = re.compile(r"`([^`\n]+)`")

# The rooms in the order of the navigation: path, what it is called, the role that sees it.
ROOMS = (
    ("/", "Overview", Role.VIEWER),
    ("/vulnerabilities", "Vulnerabilities", Role.VIEWER),
    ("/products", "Products", Role.VIEWER),
    ("/configs", "Configurations", Role.VIEWER),
    ("/sources", "Sources", Role.VIEWER),
    ("/feeds", "Feeds", Role.VIEWER),
    ("/feeds/review", "Review", Role.VIEWER),
    ("/jobs", "Jobs", Role.VIEWER),
    ("/schedules", "Schedules", Role.VIEWER),
    ("/alerts", "Alerts", Role.VIEWER),
    ("/audit", "Audit", Role.ADMIN),
    ("/settings", "Settings", Role.ADMIN),
)


class Said(msgspec.Struct, frozen=True):
    """What a change came to, for the page that follows it."""

    text: str
    is_bad: bool = False


class Rendering:
    """Makes pages of templates."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._environment = _environment()

    def __call__(
        self,
        request: Request,
        template: str,
        who: Principal,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """The page of a template. It shows what the change before it said, and is not kept by anybody."""
        said = _read_said(request.cookies.get(_SAID))
        theme = request.cookies.get(_THEME)
        html = self._environment.get_template(template).render(
            request=request,
            path=request.url.path,
            room=_room(request.url.path),
            who=who,
            is_analyst=who.may(Role.ANALYST),
            is_admin=who.may(Role.ADMIN),
            rooms=[room for room in ROOMS if who.may(room[2])],
            now=self._clock(),
            said=said,
            theme=theme if theme in _THEMES else None,
            **values,
        )
        page = HTMLResponse(html, status, {"Cache-Control": "no-store", **(headers or {})})
        if _SAID in request.cookies:
            page.delete_cookie(_SAID, path="/")
        return page


def _room(path: str) -> str | None:
    """The address of the room that a page is in; of rooms within rooms the inner one."""
    around = [one for one, *_ in ROOMS if path == one or (one != "/" and path.startswith(f"{one}/"))]
    return max(around, key=len, default=None)


def back_to(request: Request, path: str, said: Said) -> RedirectResponse:
    """The way back to a page of this service after a change, which the page tells of."""
    answer = RedirectResponse(local_path(path), 303)
    text = said.text if len(said.text) <= _LONGEST_SAID else f"{said.text[:_LONGEST_SAID].rstrip()} …"
    packed = msgspec.json.encode(Said(text, said.is_bad))
    answer.set_cookie(
        _SAID,
        urlsafe_b64encode(packed).decode(),
        max_age=_SAID_SECONDS,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


def local_path(path: str) -> str:
    """The path, where it is one of this service; else the overview's."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_local and path.isprintable() else "/"


def _read_said(cookie: str | None) -> Said | None:
    if cookie is None:
        return None
    try:
        return msgspec.json.decode(urlsafe_b64decode(cookie), type=Said)
    except (ValueError, msgspec.DecodeError):
        return None


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("assay.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "number": wording.number,
        "size": wording.size,
        "seconds": wording.seconds,
        "age": wording.age,
        "until": wording.until,
        "day": wording.day,
        "moment": wording.moment,
        "percent": wording.percent,
        "confidence": wording.confidence,
        "schedule": wording.schedule_in_words,
        "first_line": wording.first_line,
        "visible": wording.clean,
        "pretty": _pretty,
        "told": told,
    }
    made.globals |= {
        "asset": asset,
        "csrf_token": csrf_token,
        "counted": wording.counted,
        "query": query,
        "progress_in_words": wording.progress_in_words,
        "trend_chart": charts.trend,
        "meter": charts.meter,
        "spark": charts.spark,
        "version": __version__,
    }
    return made


def told(text: str) -> Markup:
    """A sentence of ours, with the commands that stand between backticks as code."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(wording.clean(text)))))  # noqa: S704 - escaped before


def _pretty(value: Any) -> str:
    """JSON as people read it."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def query(values: Mapping[str, Any], **changes: Any) -> Markup:
    """A query string of some values with some changes; what is None or empty is left out."""
    pairs: list[tuple[str, str]] = []
    for name, value in {**values, **changes}.items():
        listed: Sequence[Any] = value if isinstance(value, list | tuple) else [value]
        pairs += [(name, str(one)) for one in listed if one not in (None, "", False)]
    # Escaped by urlencode, but for the sign between two pairs.
    return Markup("?" + urlencode(pairs).replace("&", "&amp;")) if pairs else Markup("?")  # noqa: S704
