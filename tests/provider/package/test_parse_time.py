"""What Airflow's DAG processor loads because of us, for each module that a DAG file imports."""

from __future__ import annotations

import pytest

from support.forks import loaded

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
MODULES = ("compat", "sensors.statistics", "operators.read", "retry_policy", "links")


@pytest.fixture(scope="module")
def ours() -> dict[str, set[str]]:
    """Modules that each of ours loads, beyond those of a DAG file without us."""
    alone = "import airflow.sdk\nfrom airflow.sdk import BaseOperator, BaseSensorOperator"
    sets = loaded(alone, [f"import airflow_provider_platerec_ocr.{module}" for module in MODULES])
    return dict(zip(MODULES, sets, strict=True))


@pytest.mark.slow
@pytest.mark.xdist_group("parse")
@pytest.mark.parametrize("module", MODULES)
def test_a_dag_file_loads_nothing_heavy_through_us(module: str, ours: dict[str, set[str]]) -> None:
    assert f"airflow_provider_platerec_ocr.{module}" in ours[module]
    assert sorted(name for name in ours[module] if name.startswith(HEAVY)) == []
