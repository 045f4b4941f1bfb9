"""Small pictures of images below allowed roots: made when they are asked for, in bounded time, and kept on disk.

A picture is never worth more than a moment: a store that hangs, a file that is gone or huge, a hundred people who ask
at once give a reason why there is none, and never an error. What is kept is bounded in size and age, and nothing else
is lost with it.
"""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import threading
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTimeError
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from airflow_provider_platerec_ocr.core.clock import SystemClock
from airflow_provider_platerec_ocr.core.errors import OCRImageError
from airflow_provider_platerec_ocr.core.models import Reason
from airflow_provider_platerec_ocr.engine.images.file import read_file
from airflow_provider_platerec_ocr.engine.images.preview import NoPreviewError, make_preview
from airflow_provider_platerec_ocr.engine.images.roots import AllowedRoots
from airflow_provider_platerec_ocr.storage.local_disk import put_whole
from airflow_provider_platerec_ocr.storage.local_folder import trim
from airflow_provider_platerec_ocr.storage.path import place_below

if TYPE_CHECKING:
    from pathlib import Path

    from airflow_provider_platerec_ocr.core.clock import Clock
    from airflow_provider_platerec_ocr.storage.path import StoragePath

MAX_BYTES = 30_000_000
"""Of an image; a larger one is not read for a picture."""
SECONDS = 3.0
"""For which a page waits for one picture; it is kept all the same, should it come later."""
SLOW, REST_S = 3, 30.0
"""After so many pictures of one store that came too late, nobody waits for it for so long: a page has many."""
WAITING = 100
"""Pictures that may wait to be made; who comes then gets none."""
THREADS = 4
KEPT_BYTES = 200_000_000
"""Of all pictures on disk."""
KEPT_S = 7 * 86_400.0
"""For which a picture is kept: what was deleted elsewhere is not shown for longer."""
TIDY_S = 3_600.0
"""After which the folder is looked at again, once somebody asks for a picture."""
_LOOK_EVERY = 100
"""Pictures between two looks at what the folder holds."""
_WHY: dict[str, str] = {
    Reason.IMAGE_MISSING: "the file is not there any more",
    Reason.IMAGE_OUTSIDE_ROOTS: "the file lies outside of the folders that the manifest may name",
    Reason.IMAGE_UNREADABLE: "the storage did not hand it out",
    Reason.IMAGE_NOT_AN_IMAGE: "this is no file",
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WantedPicture:
    """A picture that somebody wants to see."""

    image: str
    """Its name as the table has it."""
    version: str
    """What tells its contents apart: fingerprint, or version; empty where there is neither."""
    roots: tuple[StoragePath, ...]
    """Folders that it may lie in, opened."""
    side: int
    """Pixels of its longer side, at most."""

    @property
    def key(self) -> str:
        """What it is kept under."""
        text = "\0".join((self.image, self.version, str(self.side)))
        return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Gallery:
    """Makes and keeps small pictures; any thread may ask.

    :param folder: on this machine, for what is kept; ``None`` keeps nothing.
    :param seconds: for which somebody waits for a picture.
    :param kept_bytes: most bytes of the folder.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        seconds: float = SECONDS,
        kept_bytes: int = KEPT_BYTES,
        clock: Clock | None = None,
    ) -> None:
        self._folder, self._seconds, self._kept_bytes = folder, seconds, kept_bytes
        self._clock = clock or SystemClock()
        self._jobs: queue.Queue[tuple[WantedPicture, Future[bytes]]] = queue.Queue(WAITING)
        self._under_way: dict[str, Future[bytes]] = {}
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._made = 0
        self._tidied_s = -math.inf
        self._late: dict[str, tuple[int, float]] = {}

    def picture(self, wanted: WantedPicture) -> bytes:
        """Return a picture as a JPEG.

        :raises NoPreviewError: there is none to show, or not in time.
        """
        self._tidy_when_due()
        if reason := why_not(wanted.image):
            raise NoPreviewError(reason)
        if not wanted.roots:
            message = "no folder is known that it may lie in"
            raise NoPreviewError(message)
        kept = self._kept(wanted.key)
        if kept is not None:
            return kept
        store = wanted.roots[0].protocol
        future = self._future(wanted)
        try:
            picture = future.result(0.0 if self._rests(store) else self._seconds)
        except NotInTimeError:
            self._note(store, late=True)
            message = "it takes too long to load; try again later"
            raise NoPreviewError(message) from None
        self._note(store, late=False)
        return picture

    def _rests(self, store: str) -> bool:
        """Return whether nobody waits for a store just now."""
        with self._lock:
            times, since = self._late.get(store, (0, 0.0))
        return times >= SLOW and self._clock.monotonic() - since < REST_S

    def _note(self, store: str, *, late: bool) -> None:
        with self._lock:
            times, since = self._late.pop(store, (0, 0.0))
            if late:
                began = since if times >= SLOW and self._clock.monotonic() - since < REST_S else self._clock.monotonic()
                self._late[store] = (times + 1, began)

    def _future(self, wanted: WantedPicture) -> Future[bytes]:
        """Return what will be the picture, one for all who want the same."""
        with self._lock:
            found = self._under_way.get(wanted.key)
            if found is not None:
                return found
            future: Future[bytes] = Future()
            try:
                self._jobs.put_nowait((wanted, future))
            except queue.Full:
                message = "too many pictures are being made; try again later"
                raise NoPreviewError(message) from None
            self._under_way[wanted.key] = future
            if len(self._threads) < THREADS:
                # Daemons: a store that hangs must not keep the server from ending.
                thread = threading.Thread(target=self._work, daemon=True, name="ocr-pictures")
                self._threads.append(thread)
                thread.start()
            return future

    def _work(self) -> None:
        while True:
            wanted, future = self._jobs.get()
            try:
                picture = self._make(wanted)
            except NoPreviewError as error:
                future.set_exception(error)
            except BaseException:  # noqa: BLE001  # the thread must live, and somebody waits for an end
                _log.exception("A small picture could not be made.")
                future.set_exception(NoPreviewError("it could not be made"))
            else:
                future.set_result(picture)
            finally:
                with self._lock:
                    self._under_way.pop(wanted.key, None)

    def _make(self, wanted: WantedPicture) -> bytes:
        try:
            place = AllowedRoots(wanted.roots).admit(place_below(wanted.roots, wanted.image))
            content = read_file(place, MAX_BYTES + 1, self._clock)
        except OCRImageError as error:
            raise NoPreviewError(_WHY.get(error.reason, "it cannot be read")) from None
        if len(content) > MAX_BYTES:
            message = "the file is too large to show"
            raise NoPreviewError(message)
        picture = make_preview(content, wanted.side)
        self._keep(wanted.key, picture)
        return picture

    def _kept(self, key: str) -> bytes | None:
        if self._folder is None:
            return None
        path = self._folder / f"{key}.jpg"
        try:
            if self._clock.now().timestamp() - path.stat().st_mtime > KEPT_S:
                return None
            return path.read_bytes()
        except OSError:
            return None

    def _keep(self, key: str, picture: bytes) -> None:
        """Keep a picture; where the disk takes none, it is made anew the next time."""
        if self._folder is None:
            return
        try:
            put_whole(self._folder / f"{key}.jpg", picture, mode=0o700)
            with self._lock:
                self._made += 1
                is_due = self._made % _LOOK_EVERY == 1
            if is_due:
                self.tidy()
        except OSError as error:
            _log.warning("Small pictures cannot be kept in %s: %s", self._folder, error)

    def _tidy_when_due(self) -> None:
        """Remove what is old, now and then, though no picture is made any more."""
        with self._lock:
            now_s = self._clock.monotonic()
            if now_s - self._tidied_s < TIDY_S:
                return
            self._tidied_s = now_s
        with contextlib.suppress(OSError):  # the folder need not be there
            self.tidy()

    def tidy(self) -> None:
        """Remove what is old, and then the oldest of what is too much."""
        if self._folder is None:
            return
        trim(self._folder, before_s=self._clock.now().timestamp() - KEPT_S, most_bytes=self._kept_bytes)


def why_not(image: str) -> str:
    """Return why an image is not looked for at all, by its name; empty where it is."""
    scheme, found, _ = image.partition("://")
    if found and scheme.lower() in {"http", "https"}:
        return "the API fetched it by its URL; it is not fetched again"
    if not found and not image.startswith("/"):
        return "the table does not say where the file is"
    return ""
