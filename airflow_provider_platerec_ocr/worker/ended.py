"""What goes between a task and its child process: a job that can read itself, and how that ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from airflow_provider_platerec_ocr.core.events import Events
    from airflow_provider_platerec_ocr.core.models import Outcome
    from airflow_provider_platerec_ocr.core.settings import ClientSettings


@dataclass(frozen=True, slots=True)
class Ended:
    """How a job's reading ended."""

    counts: dict[str, int]
    """Images by status, calls, from the ledger, refused."""
    error: Exception | None = None
    """Why the task fails; ``None`` where it succeeded."""
    outcome: Outcome | None = None
    """How the one image of a single read ended; ``None`` for a shard, whose outcomes are in its journal."""


class Job(Protocol):
    """What a child process is given. It holds the token, so it is never written down."""

    @property
    def settings(self) -> ClientSettings:
        """Account and how to speak to it."""

    def read(self, started: Callable[[Callable[[Exception], None]], None], events: Events) -> Ended:
        """Read on an event loop of its own and return how it ended; everything is saved by then.

        :param started: called once with a function that any thread may call to stop the reading early.
        :param events: where what happens is told.
        """

    def leave_note(self, ended: Ended, begun: datetime) -> None:
        """Write down, for the next try, that nobody listened when it ended."""
