"""What a task is doing with one image, as far as stopping it is concerned."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Phase(StrEnum):
    """Whether it may be stopped now."""

    IDLE = "idle"
    """Loading, looking, waiting for a permit: may be cancelled."""
    HELD = "held"
    """Waiting for somebody else's claim: ends by itself on a stop."""
    PAYING = "paying"
    """From before the claim until the answer is saved: must be left to finish."""


class ImagePhase:
    """One image's place in the batch: its phase, and whom to tell when it changes.

    :param moved: called on the event loop with the new phase when the image begins to be held, and when that ends.
    """

    def __init__(self, moved: Callable[[Phase], None] | None = None) -> None:
        self.phase = Phase.IDLE
        self._moved = moved

    def enter(self, phase: Phase) -> None:
        """Go on to ``phase``."""
        turns = Phase.HELD in {phase, self.phase} and phase is not self.phase
        self.phase = phase
        if turns and self._moved is not None:
            self._moved(phase)
