"""What ten thousand malformed bodies do to the receiver of webhooks: nothing.

``python -m benchmarks.webhook_hostile [COUNT]`` posts them with a right secret, one after the other, to a receiver of
its own process: first payloads that were spoiled in all three forms, then what schemathesis makes of the receiver's
schema by breaking its rules. *odd files* are those outside of the inbox and those in it that have no name of ours, *odd
lines* what it logged that is no line of ours. To reach: no 5xx, no odd files, memory flat.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.measure import machine
from support.siege import besieged, generated, spoiled

SERVER_ERRORS = 5


def main(count: int = 10_000) -> None:
    """Attack, and print a line for each kind."""
    print(machine())
    print(
        f"{'bodies':<14}{'sent':>8}{'200':>8}{'400':>8}{'413':>6}{'5xx':>6}{'odd files':>11}{'odd lines':>11}"
        f"{'MB before':>11}{'after 1/10':>12}{'at the end':>12}"
    )
    for attack in (spoiled, generated):
        with tempfile.TemporaryDirectory() as name:
            siege = besieged(Path(name), count, attack)
            errors = sum(times for status, times in siege.statuses.items() if status // 100 == SERVER_ERRORS)
            before, warm, end = (siege.memory_kb[index] / 1024 for index in (0, 1, -1))
            print(
                f"{attack.__name__:<14}{siege.statuses.total():>8,}{siege.statuses[200]:>8,}{siege.statuses[400]:>8,}"
                f"{siege.statuses[413]:>6}{errors:>6}{len(siege.odd_files()):>11}{len(siege.odd_lines()):>11}"
                f"{before:>11.1f}{warm:>12.1f}{end:>12.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main(*(int(word.replace(",", "")) for word in sys.argv[1:]))
