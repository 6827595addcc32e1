"""`penstock.logging`: Python's logger "penstock", by the names that programs of TensorFlow 1 use.

Messages go to standard error from WARN on, unless `set_verbosity` says otherwise or the program
has put handlers of its own on the logger.
"""

from __future__ import annotations

import logging
import sys
from collections import Counter
from typing import Any

from penstock.exports import export, export_value

_logger = logging.getLogger("penstock")
_seen: Counter[tuple[str, int]] = Counter()

for _name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL"):
    export_value(f"logging.{_name}", getattr(logging, _name))


class _Standard(logging.StreamHandler):  # type: ignore[type-arg]
    """Writes to what standard error is at the moment."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def _ready() -> logging.Logger:
    """Return the logger, with a handler if nobody gave it (or the root) one."""
    if not _logger.hasHandlers():
        handler = _Standard()
        handler.setFormatter(logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
        _logger.addHandler(handler)
    return _logger


@export("logging.log")
def log(level: int, msg: str, *args: Any, **kwargs: Any) -> None:
    """Log `msg % args` at `level`."""
    _ready().log(level, msg, *args, **kwargs)


@export("logging.debug")
def debug(msg: str, *args: Any, **kwargs: Any) -> None:
    """Log at level DEBUG."""
    _ready().debug(msg, *args, **kwargs)


@export("logging.info")
def info(msg: str, *args: Any, **kwargs: Any) -> None:
    """Log at level INFO."""
    _ready().info(msg, *args, **kwargs)


@export("logging.warning logging.warn")
def warning(msg: str, *args: Any, **kwargs: Any) -> None:
    """Log at level WARN."""
    _ready().warning(msg, *args, **kwargs)


@export("logging.error")
def error(msg: str, *args: Any, **kwargs: Any) -> None:
    """Log at level ERROR."""
    _ready().error(msg, *args, **kwargs)


@export("logging.fatal")
def fatal(msg: str, *args: Any, **kwargs: Any) -> None:
    """Log at level FATAL; the program goes on."""
    _ready().critical(msg, *args, **kwargs)


@export("logging.vlog")
def vlog(level: int, msg: str, *args: Any, **kwargs: Any) -> None:
    """Log at `level`, a number of Python's logging."""
    _ready().log(level, msg, *args, **kwargs)


def announce(msg: str, *args: Any) -> None:
    """Log what the user asked for by an option of its own, whatever the verbosity."""
    logger = _ready()
    record = logger.makeRecord(logger.name, logging.INFO, "", 0, msg, args, None)
    logger.handle(record)


@export("logging.log_if")
def log_if(level: int, msg: str, condition: Any, *args: Any) -> None:
    """Log at `level` if the condition holds."""
    if condition:
        log(level, msg, *args)


@export("logging.log_every_n")
def log_every_n(level: int, msg: str, n: int, *args: Any) -> None:
    """Log at `level` the first time and then every `n`-th time this message comes up."""
    log_if(level, msg, _count(msg, level) % n == 0, *args)


@export("logging.log_first_n")
def log_first_n(level: int, msg: str, n: int, *args: Any) -> None:
    """Log at `level` the first `n` times this message comes up."""
    log_if(level, msg, _count(msg, level) < n, *args)


def _count(msg: str, level: int) -> int:
    """Return how often a message came up before."""
    _seen[msg, level] += 1
    return _seen[msg, level] - 1


@export("logging.set_verbosity")
def set_verbosity(v: int) -> None:
    """Log what has level `v` or a higher one."""
    _logger.setLevel(v)


@export("logging.get_verbosity")
def get_verbosity() -> int:
    """Return the level from which on messages are logged."""
    return _logger.getEffectiveLevel()


@export("logging.flush")
def flush() -> None:
    """Write out what handlers hold back."""
    for handler in _logger.handlers:
        handler.flush()
