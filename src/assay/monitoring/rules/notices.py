"""What people and programs are told about an alert."""

from datetime import UTC, datetime

from assay.monitoring.model import Alert, Event, Notice

_RULES_NAME = str.maketrans("_", " ")


def compose(alert: Alert, event: Event, now: datetime) -> Notice:
    """The notice of an event. The payload's keys are a promise to receivers: they are only ever added to."""
    rule = alert.rule.value.translate(_RULES_NAME)
    head = {
        Event.OPENED: f"[{alert.severity.value}] {rule}: {alert.subject}",
        Event.RESOLVED: f"[resolved] {rule}: {alert.subject}",
        Event.TEST: "[test] Assay can reach you",
    }[event]
    lines = [alert.message]
    if event is Event.RESOLVED and alert.opened_at is not None:
        lines = [f"It is over. It began at {_time(alert.opened_at)}: {alert.message}"]
    if event is Event.OPENED:
        lines.append(f"Silence it with `assay alerts ack {alert.id}`.")
    lines.append(f"Assay, {_time(now)}")
    return Notice(_one_line(head), "\n".join(lines), _payload(alert, event, now))


def _payload(alert: Alert, event: Event, now: datetime) -> dict[str, object]:
    return {
        "type": f"alert.{event.value}",
        "timestamp": _time(now),
        "data": {
            "id": alert.id,
            "rule": alert.rule.value,
            "subject": alert.subject,
            "severity": alert.severity.value,
            "state": alert.state.value,
            "value": alert.value,
            "threshold": alert.threshold,
            "message": alert.message,
            "opened_at": None if alert.opened_at is None else _time(alert.opened_at),
            "resolved_at": None if alert.resolved_at is None else _time(alert.resolved_at),
        },
    }


def _one_line(text: str) -> str:
    # It becomes the subject of a mail, where a line break would begin another header.
    return " ".join(text.split())


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
