"""Where the log goes while tests run: never to a stdout that is somebody's answer."""

import sys

import structlog


def log_aside() -> None:
    """Log to the process's own stderr.

    Structlog left alone prints to whatever stdout is at that moment, and a program that a test runs in this process may
    have left it on a stream that is closed; threads of services that other tests started log at any time.
    """
    structlog.reset_defaults()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.__stderr__))
