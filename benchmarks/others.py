"""What people would write instead, on the same Airflow and against the same API: how long it takes.

``python -m benchmarks.others [N RATE LATENCY SERIAL]`` reads N images with one mapped task per image, once with
``HttpOperator`` (which sends URLs) and once with ``@task`` and requests (uploads of 50 KB), and SERIAL images one after
the other, as the vendor's script does. The default is ``60 80 2-3 10``, a tenth of the API's latency; the API's own
pace, ``200 8 20-30 16``, takes ten minutes. Each run has a sandbox of its own. Airflow runs 32 tasks at once,
its default. Each figure says what part of the images a second it reaches that the account allows.
"""

from __future__ import annotations

import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests

from benchmarks.figures import billed_once, for_show, table
from benchmarks.measure import machine
from benchmarks.read import Load
from benchmarks.stage import moment, stage
from support.sandbox import sandbox_process

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.figures import Figure
    from benchmarks.stage import Stage
    from support.sandbox import Sandbox

WAYS = {"benchmark_http_operator": "HttpOperator", "benchmark_requests": "@task with requests"}
TIMEOUT_S = 180


@dataclass(frozen=True)
class Others:
    """What is read in which ways."""

    load: Load
    """With one mapped task per image."""
    serial: int
    """Images that are read one after the other."""


SHORT = Others(Load(60, 80, "2-3"), 10)
FULL = Others(Load(200, 8, "20-30"), 16)


def figures(on: Stage, others: Others) -> Iterator[Figure]:
    """Yield the lines; the serial way, which takes no processor time, runs beside the others."""
    load = others.load
    with _serial(on, others) as serial:
        for dag_id, name in WAYS.items():
            yield from _mapped(on, load, dag_id, f"one mapped task per image, {name}")
    seconds = serial[0]
    what = f"one after the other, {others.serial} images"
    yield for_show(f"{what}: run / limit of {_limit(others):.1f} s", seconds / _limit(others))
    yield _pace(what, others.serial / seconds, load)


def _limit(others: Others) -> float:
    return Load(others.serial, others.load.rate_per_s, others.load.latency).limit_s


def _pace(what: str, per_s: float, load: Load) -> Figure:
    hours = 2_000 / per_s / 3_600
    remark = f"{per_s / load.rate_per_s:.1%} of {load.rate_per_s:g}/s; 2,000 images would take {hours:.2f} h"
    return for_show(f"{what}: images a second", per_s, "", remark)


def _options(load: Load) -> list[str]:
    return ["--latency", load.latency, "--rate", str(load.rate_per_s), "--quota", "10000000", "--seed", "1"]


def _mapped(on: Stage, load: Load, dag_id: str, name: str) -> Iterator[Figure]:
    manifest = on.manifest(load.images)
    with sandbox_process(*_options(load)) as sandbox:
        conf: dict[str, Any] = {"images": load.images}
        if dag_id == "benchmark_requests":
            conf |= {"folder": str(manifest.parent), "url": sandbox.url, "token": sandbox.token}
        else:
            conf |= {"conn_id": on.connect_http(sandbox)}
        before = on.cpu()
        run_id = on.run(dag_id, conf, within_s=20 * load.limit_s + 300)
        after, books = on.cpu(), sandbox.books()
    tasks = on.airflow.tasks(dag_id, run_id)
    assert len(tasks) > load.images, f"{len(tasks)} tasks for {load.images} images"
    seconds = max(moment(ti["end_date"]) for ti in tasks) - min(moment(ti["start_date"]) for ti in tasks)
    what = f"{name}, {load.images} images"
    yield for_show(f"{what}: run / limit of {load.limit_s:.1f} s", seconds / load.limit_s, "", f"{seconds:.0f} s")
    yield _pace(what, load.images / seconds, load)
    workers, whole = (1000 * (now - then) / load.images for now, then in zip(after, before, strict=True))
    yield for_show(f"{what}: CPU of the tasks per image", workers, " ms", f"all of Airflow {whole:.0f} ms")
    sent = f"{books['posts']} calls sent, {books['peak_in_flight']} at once"
    yield billed_once(f"{what}: calls billed per image, {sent}", books["billed"], books["unique_billed"], load.images)


@contextmanager
def _serial(on: Stage, others: Others) -> Iterator[list[float]]:
    """Read images one after the other while the block runs, and until they are read; give the seconds it took."""
    took: list[float] = []
    images = sorted(on.manifest(others.load.images).parent.glob("*.jpg"))[: others.serial]
    with sandbox_process(*_options(others.load)) as sandbox:
        thread = threading.Thread(target=lambda: took.append(_one_by_one(sandbox, images)), daemon=True)
        thread.start()
        yield took
        thread.join()
    assert took, "the serial way failed; its error is above"


def _one_by_one(sandbox: Sandbox, images: list[Path]) -> float:
    """Do what the script in the API's document does; return the seconds."""
    began = time.monotonic()
    for path in images:
        with path.open("rb") as file:
            response = requests.post(
                f"{sandbox.url}/v1/ocr/reader/",
                data={"type": "vin"},
                files={"upload": file},
                headers={"Authorization": f"Token {sandbox.token}"},
                timeout=TIMEOUT_S,
            )
        response.raise_for_status()
    return time.monotonic() - began


def main(arguments: list[str]) -> None:
    """Measure all ways and print the table."""
    others = SHORT
    if arguments:
        images, rate, latency, serial = arguments
        others = Others(Load(int(images), float(rate), latency), int(serial))
    print(machine())
    with stage() as on:
        print(table(figures(on, others)))


if __name__ == "__main__":
    main(sys.argv[1:])
