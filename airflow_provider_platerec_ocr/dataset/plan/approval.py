"""What a person said of a plan before it was read: a small file in its workspace, so that the export knows.

It is written when they are asked and when they have answered. An answer counts for the plan that was asked about and
for no other: a plan that is made again has another workspace, and none of this in it.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.storage.files import read_whole, write_whole

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.storage.path import StoragePath

log = logging.getLogger(__name__)
FILE = "approval.json"
"""In the workspace."""


@dataclass(frozen=True, slots=True)
class Approval:
    """One question to a person, and its answer."""

    calls: int
    """Most calls, as they were told."""
    asked_at: str
    """When they were asked; UTC, ISO 8601."""
    approved: bool | None = None
    """What they said; ``None`` before."""
    by: str = ""
    """Who; empty where nobody answered in time."""
    answered_at: str = ""
    """When; empty before."""

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        return asdict(self)


def save_approval(workspace: StoragePath, approval: Approval) -> None:
    """Keep it, in the place of an earlier one of the same plan."""
    write_whole(workspace / FILE, json.dumps(approval.to_json(), indent=1, ensure_ascii=False).encode())


def load_approval(workspace: StoragePath) -> Approval | None:
    """Return what was asked and said of the plan; ``None`` where nobody was asked, or the file cannot be read."""
    data = read_whole(workspace / FILE)
    if data is None:
        return None
    try:
        return Approval(**json.loads(data))
    except (ValueError, TypeError) as error:
        log.warning("%s holds no approval and is left aside: %s", workspace / FILE, error)
        return None
