from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "aiohttp",
    "pyarrow",
    "pandas",
    "fsspec",
    "requests",
    "airflow.providers.http",
    "airflow_provider_platerec_ocr.hooks",
    "airflow_provider_platerec_ocr.engine",
    "airflow_provider_platerec_ocr.dataset",
)


def loaded_by(*imports: str) -> set[str]:
    code = "\n".join([*imports, "import sys", "print('\\n'.join(sys.modules))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    return set(done.stdout.split())


@pytest.fixture(scope="module")
def airflow_alone() -> set[str]:
    return loaded_by("import airflow.sdk", "from airflow.sdk import BaseOperator, BaseSensorOperator")


@pytest.mark.slow
@pytest.mark.parametrize("module", ["compat", "sensors.statistics", "operators.read", "retry_policy", "links"])
def test_a_dag_file_loads_nothing_heavy_through_us(module: str, airflow_alone: set[str]) -> None:
    ours = loaded_by(f"import airflow_provider_platerec_ocr.{module}") - airflow_alone

    assert sorted(name for name in ours if name.startswith(HEAVY)) == []
