"""Settings for the whole suite: no test ever touches the Airflow of whoever runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from support import airflow_home

if TYPE_CHECKING:
    import pytest

airflow_home.claim()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave what takes minutes out unless it is asked for."""
    if "long" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
