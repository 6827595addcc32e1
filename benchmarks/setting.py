"""Where and with what figures were taken: what every run of a benchmark tells first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass
class Setting:
    """The machine, the day, what was chosen, and the versions of what ran."""

    machine: str
    day: str
    settings: dict[str, Any]
    versions: dict[str, str]
