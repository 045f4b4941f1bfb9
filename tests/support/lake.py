"""A dataset as our export leaves it, for readers that are not ours, and how the recipes of the docs are run over it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider_platerec_ocr.dataset.layout.lines import to_line
from airflow_provider_platerec_ocr.dataset.plan.plan import RunRef, load_shard
from support.older_tables import as_version_1, files_of
from support.table_stage import VIN, TableStage, manifest, read_outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_platerec_ocr.core.models import Outcome, PlannedImage

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "tests" / "readers" / "recipes"
READERS = ROOT / ".cache" / "readers"
"""Where `make readers` installs what is too large for everybody's environment."""
TYPES = ("trailer_id", "vin")
SPARK = {
    "PYSPARK_SUBMIT_ARGS": "--master local[1] --conf spark.ui.enabled=false --conf spark.driver.host=127.0.0.1 "
    "--conf spark.driver.bindAddress=127.0.0.1 --conf spark.sql.shuffle.partitions=1 pyspark-shell",
    "PYSPARK_PYTHON": sys.executable,
}
"""One core, no web page, and no port but on loopback."""


def needs(*modules: str) -> pytest.MarkDecorator:
    """Mark what needs libraries that `make readers` installs, and Java for PySpark."""
    missing = [name for name in modules if not (READERS / name).is_dir() and importlib.util.find_spec(name) is None]
    why = f"{', '.join(missing)} not installed: make readers" if missing else ""
    if "pyspark" in modules and not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        why = "PySpark needs Java 17, which is not here"
    return pytest.mark.skipif(bool(why), reason=why)


def night(stage: TableStage, day: int, *, images: int = 2) -> None:
    """Plan, read and publish one night of each type, whose images have a unit each: ``U-<day>-<row>``."""
    for number, kind in enumerate(TYPES):
        run = RunRef("nightly", f"scheduled__2026-03-{day:02}T22:00:00+00:00", f"2026-03-{day:02}", group=kind)
        names = manifest(Path(stage.root.path) / f"{kind}-{day}.csv", images, 1000 * number + 10 * day)
        plan = stage.plan(names, run, default_type=kind)
        for shard in plan.shards:
            place = stage.workspace(run) / shard.path
            lines = [to_line(with_unit(image, day)) for image in load_shard(place)]
            place.fs.pipe_file(place.path, "".join(lines).encode())
        stage.read(plan, run, how=read)
        stage.publish(plan, run)


def with_unit(image: PlannedImage, day: int) -> PlannedImage:
    """Give the image a column of the manifest's own."""
    return replace(image, manifest_columns=json.dumps({"unit": f"U-{day}-{image.row}", "gate": image.row}))


def read(image: PlannedImage) -> Outcome:
    """The image shows a VIN."""
    return read_outcome(image, VIN, fingerprint=sha256(f"{image.type} {image.image}".encode()).hexdigest())


def make_lake(path: Path, nights: int = 3, *, version_1: Iterable[int] = ()) -> TableStage:
    """Return a dataset of so many nights, two images of each of two types a night.

    :param version_1: days of March whose files are such as version 1 wrote.
    """
    stage = TableStage.local(path)
    for day in range(1, nights + 1):
        night(stage, day)
    for day in version_1:
        for file in files_of(stage.dataset):
            if f"/date=2026-03-{day:02}/" in str(file):
                as_version_1(file)
    return stage


def ran(code: str, question: str, *, timeout_s: float = 900) -> Any:
    """Run code and return what ``question``, an expression in its terms, is then; in a process of its own.

    The readers bring threads, a JVM and warnings of their own, and some of them end badly with their process.
    """
    program = f"{code}\nimport json, os, sys\nanswer = json.dumps({question}, default=str)\nprint('\\n' + answer)\n"
    program += "sys.stdout.flush()\nos._exit(0)\n"
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", program],
        env={**os.environ, **SPARK, "PYTHONPATH": str(READERS)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def recipe(name: str, root: Path, *, times: int = 1) -> str:
    """Return the code of a recipe over the stage at ``root``, to be run so many times."""
    code = (RECIPES / f"{name}.py").read_text()
    return "\n".join([code.replace("/data/ocr/reads", f"{root}/table").replace("/data/ocr", str(root))] * times)
