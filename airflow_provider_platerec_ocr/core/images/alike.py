"""Whether rejections are about the images: what they say, who else of the run was told so, and what follows.

A rejection in the ledger is for good. A wrong ``type``, or a gateway that speaks the API's JSON, rejects every image in
the same words, and nothing in the answer tells the two apart. What does is something else: an image that was read with
the same settings, or a rejection in other words. So nobody believes rejections beside which there is neither.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.claims import End
from airflow_provider_platerec_ocr.core.models import Reason

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.core.claims import History
    from airflow_provider_platerec_ocr.core.models import Outcome, Owner

TELLING = 3
"""Rejections alike of one run, and nothing read in it, that are more than a bad image or two: the run fails."""
LOOK_EVERY = 5
"""Rejections alike in a row after which a shard tells the others of its run, and looks what they say."""
RUNS_BEFORE = 2
"""Earlier runs that put an image off after which one more rejection is believed, whatever else the run read."""
_URL = re.compile(r"[a-z][a-z0-9+.-]+://\S+")
_NUMBER = re.compile(r"\b[0-9a-f_-]*[0-9][0-9a-f_-]*\b")


def words(outcome: Outcome) -> str:
    """Return what a rejection says, without what is of this image or this moment: names, URLs, numbers."""
    text = outcome.message or ""
    for own in (outcome.fingerprint, outcome.image, outcome.image.rstrip("/").rpartition("/")[2]):
        text = text.replace(own, "*") if own else text
    return f"{outcome.http_status}: {_NUMBER.sub('#', _URL.sub('*', text.lower()))}"


class Belief(StrEnum):
    """What becomes of a rejection at the end of a batch."""

    REJECT = "reject"
    """It is about the image: kept for good."""
    PUT_OFF = "put off"
    """Nobody can tell: the next run sends the image again."""
    STOP = "stop"
    """It is hardly about the images: the run fails, and nothing is kept."""


def belief(alike: int, *, spoken: bool, runs_before: int) -> Belief:
    """Return what becomes of a rejection when its batch is over.

    :param alike: rejections in the same words in the run since something was read in it.
    :param spoken: whether an image was read in the run, or rejected in other words.
    :param runs_before: earlier runs that put the same image off.
    """
    if spoken:
        return Belief.REJECT
    if alike >= TELLING:
        return Belief.STOP
    return Belief.REJECT if runs_before >= RUNS_BEFORE else Belief.PUT_OFF


def runs_before(history: History, owner: Owner) -> int:
    """Return how many runs before ``owner``'s put off an image that the API had rejected."""
    runs = set()
    for attempt in history:
        facts = (attempt.payload or {}).get("facts") if attempt.end is End.RELEASED else None
        if isinstance(facts, dict) and facts.get("reason") == Reason.API_REJECTED:
            runs.add((attempt.owner.dag_id, attempt.owner.run_id))
    return len(runs - {(owner.dag_id, owner.run_id)})


class Fellows:
    """The other shards of a run, and its earlier tries, as far as rejections go; here there are none.

    What they say may be some seconds old. Each method may block and may raise.
    """

    def tell(self, said: str, count: int) -> None:
        """Tell them of ``count`` rejections in a row in the same words; 0 takes back what was told."""

    def alike(self, said: str, *, own: bool = True) -> int:
        """Return how many in the same words they met, with nothing read since.

        :param own: whether earlier tries of the same shard count; what they left, this one may have met again.
        """
        del said, own
        return 0

    def have_read(self) -> bool:
        """Return whether one of them had an image read by the API."""
        return False


class ByItself(Fellows):
    """A read by itself, at whose answer somebody looks: the API's word is taken for it."""

    def have_read(self) -> bool:
        """Return that nothing more is waited for."""
        return True
