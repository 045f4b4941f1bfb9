"""A night on S3 under a real scheduler and LocalExecutor: every place through an Airflow connection."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.remote_night import remote_night, run_night

if TYPE_CHECKING:
    from support.fleet import Fleet
    from support.stores import S3Stand

pytestmark = [pytest.mark.airflow, pytest.mark.slow, pytest.mark.scheduler, pytest.mark.xdist_group("one_airflow")]


def test_a_night_on_s3_through_a_connection_is_paid_once_and_ends_in_the_table(
    airflow: Fleet, s3: S3Stand, tmp_path: Path
) -> None:
    with remote_night(s3.place("yard"), tmp_path / "images") as night:
        run_night(airflow, night, s3, Path(airflow.environment["AIRFLOW__CORE__DAGS_FOLDER"]))

        night.hold()
