"""A user's own listener, as a configuration would name it: ``support.heard:heard``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.events import Event

EVENTS: list[Event] = []
"""All that was heard; a test empties it first."""


def heard(event: Event) -> None:
    """Keep what was heard."""
    EVENTS.append(event)
