"""What a user decides beforehand, and every task of a run is told. DAG files import it, so it stays small."""

from __future__ import annotations

from enum import StrEnum


class InDoubtPolicy(StrEnum):
    """What to do with a call that may have been billed and whose answer is not known."""

    RESEND = "resend"
    """Send once more, in a later try, at most once ever: may be billed twice."""
    HOLD = "hold"
    """Name it in the dead letters and wait for a person or a webhook: never billed twice."""
    FAIL = "fail"
    """As ``hold``, and the task fails so that somebody looks."""


class OnQuota(StrEnum):
    """What a read task does when the quota ends, or its reserve is reached, before its images do."""

    CARRY_OVER = "carry_over"
    """Succeed; the images that were not sent are named, and the next run plans them again."""
    FAIL = "fail"
    """Fail, so that somebody looks; what was read is published all the same."""


class WithoutStatistics(StrEnum):
    """What a run does where the statistics do not say how many calls are left."""

    STOP = "stop"
    """Start nothing where a reserve, a daily limit or a pace was asked for."""
    GO_ON = "go_on"
    """Read on: for accounts without a quota. A daily limit still binds the run; a reserve and a pace cannot."""


class OnEmpty(StrEnum):
    """What a plan does where its manifest has no rows at all; one whose images are all done is not empty."""

    SUCCEED = "succeed"
    """Succeed and say so: nothing is read."""
    SKIP = "skip"
    """Skip the plan, and with it what comes after."""
    FAIL = "fail"
    """Fail, so that somebody looks: a share may not be mounted."""
