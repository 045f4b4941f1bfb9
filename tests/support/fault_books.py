"""The books of a fault case: what the API billed, against what the ledger holds and what the logs named beforehand."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.fingerprint import fingerprint_bytes
from airflow_provider_platerec_ocr.dataset import read_dataset
from airflow_provider_platerec_ocr.engine.ledger.ledger import Ledger
from support.stores import local_place

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from support.sandbox import Sandbox

RESENT = re.compile(r"attempt (\d+) of ([0-9a-f]{64}) \(run ")
"""What the log says of a call in doubt before it is sent again."""
SAME = ["image", "type", "status", "code", "code_normalized", "orientation", "confidence", "code_system", "filename"]
"""Columns in which a disturbed run's table must equal an undisturbed one's."""


@dataclass(frozen=True)
class Books:
    """One line of the table."""

    images: int
    """Unique images."""
    billed: int
    """Calls that the API billed."""
    resent: int
    """Calls made although an earlier one for the same image may have been billed."""
    named: int
    """Of the earlier ones, those that a log named before the resend."""
    unanswered: int
    """Calls in doubt that nothing has repeated or settled."""
    lost: int
    """Billed calls that the ledger has neither an answer, a rejection nor a doubt for."""
    billed_twice: int
    """Billed calls beyond the first of each image."""

    def cells(self) -> dict[str, int]:
        """Return what the table shows."""
        return {
            "images": self.images,
            "billed": self.billed,
            "resent": self.resent,
            "named in doubt": self.named + self.unanswered,
            "lost": self.lost,
        }

    def hold(self, *, resent_at_most: int = 0) -> None:
        """Check what holds in every case."""
        assert self.lost == 0, self
        assert self.resent == self.named, self
        assert self.resent <= resent_at_most, self
        assert self.billed_twice <= self.resent, self


def books_of(  # noqa: PLR0913  # most of them by name
    sandbox: Sandbox, ledger: Path, images: Iterable[Path], logs: str, *, type_: str = "vin", base_url: str = ""
) -> Books:
    """Compare the sandbox's call log with a ledger, image by image.

    :param logs: all that the tasks logged.
    :param base_url: under which the tasks knew the sandbox, if not its own.
    """
    told = {(fingerprint, int(number)) for number, fingerprint in RESENT.findall(logs)}
    peek = Ledger.peek(local_place(ledger), lease_s=1, clock=SystemClock())
    billed = Counter(call["image"] for call in sandbox.calls() if call["billed"])
    contents = {path.read_bytes() for path in images}
    resent = named = unanswered = lost = 0
    for content in contents:
        fingerprint = fingerprint_bytes(base_url or sandbox.url, type_, content)
        history = peek.look(type_, fingerprint)
        doubts = [attempt.number for attempt in history if attempt.end in (None, End.TORN)]
        answers = sum(attempt.end in (End.ANSWER, End.REJECTED) for attempt in history)
        calls = [attempt.number for attempt in history if attempt.end is not End.RELEASED]
        repeated = [number for number in doubts if any(later > number for later in calls)]
        resent += len(repeated)
        named += sum((fingerprint, number) in told for number in repeated)
        unanswered += len(doubts) if not answers else 0
        lost += max(0, billed[hashlib.sha256(content).hexdigest()] - answers - len(doubts))
    return Books(
        images=len(contents),
        billed=billed.total(),
        resent=resent,
        named=named,
        unanswered=unanswered,
        lost=lost,
        billed_twice=billed.total() - len(billed),
    )


def table_of(dataset: Path) -> list[dict[Any, Any]]:
    """Return the table's rows as far as they do not depend on the run, sorted, with the images' bare names."""
    frame = read_dataset(str(dataset))
    rows = frame.assign(image=[os.path.basename(image) for image in frame["image"]])[SAME]  # noqa: PTH119
    return list(rows.sort_values(["image", "code"]).astype(object).where(rows.notna(), None).to_dict("records"))


def dead_letters_of(dataset: Path, run_id: str) -> list[dict[str, Any]]:
    """Return the dead letters of a run, by image."""
    folder = dataset.with_name(f"{dataset.name}_dead_letters")
    found = [row for file in folder.glob("*.parquet") for row in pq.read_table(file).to_pylist()]
    return sorted((row for row in found if row["run_id"] == run_id), key=lambda row: str(row["image"]))


def open_claims(ledger: Path) -> list[Path]:
    """Return the claims that have not ended."""
    ends = (".answer", ".rejected", ".released")
    return [
        claim for claim in ledger.rglob("*.claim") if not any(claim.with_suffix(ending).exists() for ending in ends)
    ]


def age(claims: Iterable[Path], seconds: float = 3600.0) -> None:
    """Make claims so old that their leases are over, which else takes minutes."""
    then = time.time() - seconds
    for claim in claims:
        os.utime(claim, (then, then))
