"""The object store of the explored world: each request is a point, and may be struck by a fault."""

from __future__ import annotations

import errno
import re
from typing import TYPE_CHECKING, Any

from airflow_provider_platerec_ocr.engine.ledger import records
from support.explorer.clocks import WorkerClock
from support.simulated_store import SimulatedStore

if TYPE_CHECKING:
    from datetime import datetime

    from support.explorer.world import World

_NONCE = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
READ_FAULTS = ("down",)
CREATE_FAULTS = ("down", "full", "late", "torn", "empty")
CREATED_FAULTS = ("lost reply", "met itself")
"""Of a create that has landed: its reply gets lost, or a layer below repeats it and meets its own file."""


class WorldStore(SimulatedStore):
    """Exclusive creation is one step; all else may be slow, fail for a while, or show a write late.

    Probes of the store's clock have names of their own and are no points.
    """

    def __init__(self, world: World, *, exclusive: bool) -> None:
        super().__init__(WorkerClock(world, 0.0), exclusive=exclusive)
        self.hidden: dict[str, float] = {}
        """Until when a write does not show."""
        self.down_until = 0.0
        self.full_until = 0.0
        """Until when no answer fits in; claims are small."""
        self._world = world
        self._content: dict[str, int] = {}

    def cat_file(self, path: str, **_: Any) -> bytes:
        self._request("read", path)
        data = self.objects[path][0] if self._shows(path) else None
        self._saw(path, None if data is None else self._content.get(path, 0))
        if data is None:
            raise FileNotFoundError(path)
        return data

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:  # noqa: FBT001, FBT002  # fsspec's signature
        self._request("read", path)
        prefix = f"{path}/"
        found = [name for name in self.objects if name.startswith(prefix) and self._shows(name)]
        self._saw(path, tuple(found))
        return [each for each in super().ls(path, detail=detail) if detail or each in found]

    def modified(self, path: str) -> datetime:
        self._request("date", path)
        when = self.objects[path][1] if self._shows(path) else None
        self._saw(path, when)
        if when is None:
            raise FileNotFoundError(path)
        return when

    def create(self, path: str, value: bytes) -> None:
        fault = self._request("create", path)
        if fault == "full":
            self.full_until = self._world.now_s + self._world.scenario.down_s
            self._world.books.delayed("no answer fitted in", self._world.scenario.down_s)
        if path.endswith(".answer") and self._world.now_s < self.full_until:
            self._saw(path, "full")
            raise OSError(errno.ENOSPC, "no space left")
        taken = path in self.objects
        if taken and self._exclusive:
            self._saw(path, "taken")
            raise FileExistsError(path)
        if fault in {"torn", "empty"}:
            self._keep(path, b"" if fault == "empty" else value[: len(value) // 2])
            self._world.crash_now(f"while it wrote {short(path)}")
        self._keep(path, value)
        if fault == "late":
            self.hidden[path] = self._world.now_s + self._world.scenario.late_s
            if self._world.acting is not None and self._world.scenario.late_s >= self._world.acting.promise_s:
                self._world.books.hidden(path)
        self._world.books.created(path, value)
        lost = self._world.point("created", path) if not is_probe(path) else ""
        if lost and not self._shows(path):
            self._world.books.delayed("the reply was lost, and the store hid the write", 0.0)
        if lost == "lost reply":
            raise ConnectionError(lost)
        if lost == "met itself":
            raise FileExistsError(path)

    def pipe_file(self, path: str, value: bytes, **_: Any) -> None:
        self._request("overwrite", path)
        if not is_probe(path):
            self._append_only(path)
        self._keep(path, value)
        self._world.books.created(path, value)

    def rm_file(self, path: str) -> None:
        if not is_probe(path):
            self._append_only(path)
        self.objects.pop(path, None)

    def known(self, fingerprint: str) -> list[str]:
        """Return the paths of a fingerprint's answers and rejections that anybody can see and read now."""
        return [
            path
            for path in self.paths(fingerprint)
            if path.endswith((".answer", ".rejected", ".healed"))
            and self._shows(path)
            and records.unpack_end(self.objects[path][0], None) is not None
        ]

    def lowest_answer(self, fingerprint: str) -> str | None:
        """Return the call whose answer has the lowest number and can be read."""
        found: dict[int, str] = {}
        for path in self.paths(fingerprint):
            number, kind = path.rsplit(".", 2)[1:]
            record = records.unpack_end(self.objects[path][0], None) if kind in {"answer", "healed"} else None
            if record is not None and "answer" in record:
                found[int(number)] = record["answer"]["call"]
        return found[min(found)] if found else None

    def shows_claim(self, fingerprint: str, number: str) -> bool:
        """Return whether anybody can see a claim now."""
        return any(self._shows(path) for path in self.paths(fingerprint) if path.endswith(f".{number}.claim"))

    def paths(self, fingerprint: str) -> list[str]:
        """Return the paths of all of a fingerprint's files."""
        return [path for path in self.objects if f"/{fingerprint}." in path]

    @property
    def key(self) -> tuple[Any, ...]:
        files = sorted(
            (path, self._content[path], when, self.hidden.get(path, 0.0))
            for path, (_, when) in self.objects.items()
            if not is_probe(path)
        )
        return (*files, max(self.down_until, self._world.now_s), max(self.full_until, self._world.now_s))

    def _request(self, operation: str, path: str) -> str:
        fault = "" if is_probe(path) else self._world.point(operation, path)
        if fault == "down":
            self.down_until = self._world.now_s + self._world.scenario.down_s
            self._world.books.delayed("the store was down", self._world.scenario.down_s)
        if self._world.now_s < self.down_until:
            self._saw(path, "down")
            raise OSError(errno.EIO, "the store is down")
        return fault

    def _keep(self, path: str, value: bytes) -> None:
        self.objects[path] = (value, self._world.now())
        self._content[path] = hash(_NONCE.sub(self._world.books.label_of, value))

    def _shows(self, path: str) -> bool:
        return path in self.objects and self._world.now_s >= self.hidden.get(path, 0.0)

    def _saw(self, path: str, what: object) -> None:
        if not is_probe(path):
            self._world.saw(what)

    def _append_only(self, path: str) -> None:
        if path in self.objects:
            self._world.books.breaks("append-only", f"{short(path)} was there and is overwritten or removed")


def is_probe(path: str) -> bool:
    """Return whether a file is a probe of the store."""
    return "/store-probe/" in path


def short(path: str) -> str:
    """Return a file's name as a trace shows it: the fingerprint's first digits, the attempt, the kind."""
    name = path.rpartition("/")[2]
    head, _, tail = name.partition(".")
    return f"{head[:4]}.{tail}" if tail else name
