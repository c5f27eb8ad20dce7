"""A mail as readable text: the headers that matter as facts, the readable parts as the body, quoted replies kept."""

import email
import email.errors
import re
from email.header import decode_header, make_header
from email.message import Message
from typing import NamedTuple

from assay.pipelines.feeds.rules.markup import readable
from assay.pipelines.feeds.rules.plain_text import decoded, in_charset

_HEADERS = ("from", "to", "cc", "reply-to", "date", "message-id", "in-reply-to", "list-id", "archived-at")
_LOOKS = re.compile(
    rb"\s*(?:From [^\n]{1,200}\r?\n)?(?:(?:from|to|subject|date|received|message-id|return-path"
    rb"|mime-version|reply-to|list-id|delivered-to|x-[\w-]+|content-type):[^\n]*\r?\n(?:[ "
    rb"\t][^\n]*\r?\n)*){2,}",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(rb"\AFrom [^\n]*\r?\n")
_SPACE = re.compile(r"\s+")
_MOST_PARTS = 200
_LONGEST_FACT = 500
_FOLDED = re.compile(r" \n(?=[^>\s-])")


class Letter(NamedTuple):
    """What a mail holds for a reader."""

    subject: str | None
    body: str
    links: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    date: str | None
    hidden: int


def is_mail(raw: bytes) -> bool:
    """Whether bytes of no stated kind begin like a mail or a mailbox."""
    return _LOOKS.match(raw[:20_000]) is not None


def read(raw: bytes) -> Letter:
    """The first mail of the bytes. Whatever is broken in it is read as well as it can be."""
    message = email.message_from_bytes(_SEPARATOR.sub(b"", raw.lstrip(b"\r\n"), count=1))
    facts = [(name, value) for name in _HEADERS if (value := _header(message, name))]
    body, links, hidden = _body(message)
    return Letter(_header(message, "subject"), body, links, tuple(facts), _header(message, "date"), hidden)


def _header(message: Message, name: str) -> str | None:
    value = message.get(name)
    if value is None:
        return None
    try:
        text = str(make_header(decode_header(str(value))))
    except (LookupError, ValueError, UnicodeError, email.errors.MessageError):
        text = str(value)
    return _SPACE.sub(" ", text).strip()[:_LONGEST_FACT] or None


def _body(message: Message) -> tuple[str, tuple[str, ...], int]:
    """All inline plain parts, else all inline HTML parts; attachments are not read."""
    plain: list[str] = []
    marked: list[str] = []
    for count, part in enumerate(message.walk()):
        if count >= _MOST_PARTS:
            break
        if part.is_multipart() or _is_attached(part):
            continue
        kind = part.get_content_type()
        if kind == "text/html":
            marked.append(_payload(part))
        elif kind.startswith("text/"):
            text = _payload(part)
            plain.append(
                _FOLDED.sub(" ", text) if "flowed" in str(part.get("content-type", "")).lower() else text
            )
    if plain and any(one.strip() for one in plain):
        return "\n\n".join(plain), (), 0
    pages = [readable(one) for one in marked]
    return (
        "\n\n".join(page.text for page in pages),
        tuple(link for page in pages for link in page.links),
        sum(page.hidden for page in pages),
    )


def _is_attached(part: Message) -> bool:
    return str(part.get("content-disposition", "")).strip().lower().startswith("attachment")


def _payload(part: Message) -> str:
    """The part's text. `get_payload` undoes base64 and quoted-printable, and gives broken ones as they are."""
    content = part.get_payload(decode=True)
    if not isinstance(content, bytes):
        return ""
    charset = _charset(part)
    found = in_charset(content, charset) if charset else None
    return decoded(content, "") if found is None else found


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (LookupError, ValueError, UnicodeError):
        return None
