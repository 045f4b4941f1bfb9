from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.airflow_home import AirflowHome

DAG = """
from airflow.sdk import dag, task

@dag(schedule=None)
def home_probe():
    @task
    def double(number: int) -> int:
        return number * 2

    @task
    def total(numbers) -> int:
        return sum(numbers)

    total(double.expand(number=[1, 2, 3]))

home_probe()
"""


@pytest.mark.airflow
def test_a_dag_runs_in_this_process_and_its_results_can_be_read(airflow_home: AirflowHome) -> None:
    airflow_home.add_dag("home_probe.py", DAG)

    run = airflow_home.run_dag("home_probe")

    assert run.state == "success"
    assert run.tasks == {
        ("double", 0): "success",
        ("double", 1): "success",
        ("double", 2): "success",
        ("total", -1): "success",
    }
    assert run.xcom("total") == 12
    assert run.xcom("double", map_index=2) == 6
    assert run.xcom("total", key="nothing") is None
