"""What is wrong, and who was told."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from assay.cli.output import pairs, spoken, table
from assay.domain.wording import age, moment

if TYPE_CHECKING:
    from rich.console import RenderableType

    from assay.monitoring.model import Alert, Delivery

_STATES = {"open": "red", "acknowledged": "yellow", "resolved": "green"}
_SEVERITIES = {"critical": "bold red"}


def alerts_screen(found: Sequence["Alert"], now: datetime) -> list["RenderableType"]:
    """Alerts for people."""
    lines = table("id", "severity", "rule", "state", "since", "what", right=("id",), wide="what")
    for one in found:
        lines.add_row(
            str(one.id),
            spoken((one.severity.value, _SEVERITIES.get(one.severity.value, ""))),
            spoken(one.rule.value),
            spoken((one.state.value, _STATES.get(one.state.value, ""))),
            spoken(age(one.opened_at or one.breached_at, now)),
            spoken(one.message),
        )
    return [lines]


def alert_screen(alert: "Alert", deliveries: Sequence["Delivery"], now: datetime) -> list["RenderableType"]:
    """One alert for people."""
    state = alert.state.value
    rows: list[tuple[str, RenderableType]] = [
        ("rule", spoken(alert.rule.value)),
        ("subject", spoken(alert.subject)),
        ("severity", spoken((alert.severity.value, _SEVERITIES.get(alert.severity.value, "")))),
        ("state", spoken((state, _STATES.get(state, "")))),
        ("value", spoken(f"{alert.value:g}, opens at {alert.threshold:g}")),
        ("what", spoken(alert.message)),
    ]
    for name, at in (
        ("opened", alert.opened_at),
        ("acknowledged", alert.acknowledged_at),
        ("resolved", alert.resolved_at),
    ):
        if at is not None:
            by = f" by {alert.acknowledged_by}" if name == "acknowledged" and alert.acknowledged_by else ""
            rows.append((name, spoken(f"{moment(at)}, {age(at, now)}{by}")))
    if alert.note is not None:
        rows.append(("note", spoken(alert.note)))
    told = table("told", "of", "when", "", wide="")
    for one in deliveries:
        told.add_row(
            spoken(one.channel),
            spoken(str(one.notice.payload.get("type", "")).removeprefix("alert.")),
            spoken(age(one.sent_at, now) if one.sent_at else "not yet"),
            spoken(one.error or ""),
        )
    return [pairs(rows), *([told] if deliveries else [])]
