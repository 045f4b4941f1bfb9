"""How long the bytes of images stay in memory."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRImageError
from airflow_provider_platerec_ocr.engine.reading.content import Content
from support.clock import FakeClock
from support.reading import Setup, context, images, read_async, sandbox_here
from support.sandbox import sandbox_process

if TYPE_CHECKING:
    from airflow_provider_platerec_ocr.engine.images.loader import ImageLoader, LoadedImage


def test_bytes_hold_a_place_until_they_are_dropped_and_a_second_drop_changes_nothing(tmp_path: Path) -> None:
    async def main() -> list[bool]:
        async with context(Setup(tmp_path, "http://127.0.0.1:9"), 1) as tools:
            places = asyncio.Semaphore(1)
            content = Content(tools, places, images(tmp_path, 1)[0])
            seen = [places.locked()]
            first, bytes_ = await content.fingerprint(), content.upload
            assert await content.fingerprint() == first
            assert content.upload is bytes_ is not None
            seen.append(places.locked())
            content.drop()
            content.drop()
            await places.acquire()
            seen.append(places.locked())
            assert (content.upload, content.upload_bytes) == (None, None)
            return seen

    assert asyncio.run(main()) == [False, True, True]


def test_what_the_ledger_knows_comes_with_the_bytes_in_one_turn_of_a_thread_and_serves_once(tmp_path: Path) -> None:
    rows = images(tmp_path, 1)

    async def main() -> list[object]:
        async with context(Setup(tmp_path, "http://127.0.0.1:9"), 1) as tools:
            content = Content(tools, asyncio.Semaphore(1), rows[0])
            fingerprint = await content.fingerprint()
            seen: list[object] = [content.take_history(fingerprint), content.take_history(fingerprint)]
            dropped = Content(tools, asyncio.Semaphore(1), rows[0])
            await dropped.fingerprint()
            dropped.drop()  # as before a wait, after which somebody else may have paid
            other = Content(tools, asyncio.Semaphore(1), rows[0])
            await other.fingerprint()
            return [*seen, dropped.take_history(fingerprint), other.take_history("0" * 64)]

    assert asyncio.run(main()) == [(), None, None, None]


def test_a_ledger_that_cannot_be_asked_beside_the_bytes_is_asked_again(tmp_path: Path) -> None:
    rows = images(tmp_path, 1)

    async def main() -> object:
        async with context(Setup(tmp_path, "http://127.0.0.1:9"), 1) as tools:
            torn = Content(tools, asyncio.Semaphore(1), rows[0])
            fingerprint = await torn.fingerprint()
            (Path(tools.ledger.root.path) / "vin" / fingerprint[:2] / f"{fingerprint}.1.claim").mkdir(parents=True)
            again = Content(tools, asyncio.Semaphore(1), rows[0])
            await again.fingerprint()
            return again.take_history(fingerprint)

    assert asyncio.run(main()) is None


def test_a_load_that_fails_or_is_cancelled_gives_its_place_back(tmp_path: Path) -> None:
    rows = images(tmp_path, 1)

    async def main() -> bool:
        async with context(Setup(tmp_path, "http://127.0.0.1:9"), 1) as tools:
            places = asyncio.Semaphore(1)
            (tmp_path / "photos" / "00001.jpg").unlink()
            with pytest.raises(OCRImageError):
                await Content(tools, places, rows[0]).fingerprint()
            loading = asyncio.ensure_future(Content(tools, places, rows[0]).fingerprint())
            await asyncio.sleep(0)
            loading.cancel()
            with pytest.raises((asyncio.CancelledError, OCRImageError)):
                await loading
            return places.locked()

    assert asyncio.run(main()) is False


class Counting:
    """A loader that knows how many images were ever loaded."""

    def __init__(self, loader: ImageLoader) -> None:
        self.loads = 0
        self._loader = loader

    def load(self, uri: str) -> LoadedImage:
        self.loads += 1
        return self._loader.load(uri)


def test_all_images_are_loaded_once_although_only_a_few_are_in_memory(tmp_path: Path) -> None:
    clock, rows = FakeClock(), images(tmp_path, 60)

    async def main() -> tuple[int, int]:
        async with sandbox_here(clock, latency="20-30") as box:
            async with context(Setup(tmp_path, box.url), 1, clock) as tools:
                counting = Counting(tools.loader)
            done = await read_async(Setup(tmp_path, box.url, more={"loader": counting}), rows, clock)
            return counting.loads, done.reads

    assert clock.run(main()) == (60, 60)


MEASURE = """
import json, pathlib, resource, sys, threading, time
sys.path[:0] = [{tests!r}]
from support.reading import Setup, images, read
folder = pathlib.Path({folder!r})
pages = resource.getpagesize()
def rss():
    return int(open("/proc/self/statm").read().split()[1]) * pages
setup = Setup(folder, {url!r}, settings=dict(max_in_flight=500, rate_per_s=1000.0), threads=16)
read(setup, images(folder, 10))  # whatever is imported and allocated once
many = images(folder, {count}, first=100, size_bytes=200_000)
print("warm", flush=True)
sys.stdin.readline()
before, peak, over = rss(), 0, threading.Event()
def watch():
    global peak
    while not over.wait(0.01):
        peak = max(peak, rss())
threading.Thread(target=watch, daemon=True).start()
done = read(setup, many)
over.set()
print(json.dumps(dict(reads=done.reads, growth=peak - before)))
"""


@pytest.mark.no_cover
@pytest.mark.slow
def test_hundreds_of_calls_in_flight_hold_no_images(tmp_path: Path) -> None:
    tests, count = str(Path(__file__).parents[2]), 400
    with sandbox_process() as box:
        program = textwrap.dedent(MEASURE).format(tests=tests, folder=str(tmp_path), url=box.url, count=count)
        command = [sys.executable, "-c", program]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:  # noqa: S603
            assert running.stdin is not None
            assert running.stdout is not None
            assert running.stdout.readline() == "warm\n"
            box.control(faults=["always:hold"])
            print("go", file=running.stdin, flush=True)
            box.wait_held(count)
            box.let_go()
            found = json.loads(running.stdout.read())
        books = box.books()

    assert (found["reads"], books["billed"]) == (count, count + 10)
    assert books["peak_in_flight"] == count  # which would be 80 MB of images, twice over: as read and as sent
    assert found["growth"] < 60_000_000
