from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.contract import Api
from support.sandbox import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sandbox import Sandbox


@pytest.fixture(scope="session")
def contract_sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture(params=["sandbox", "recorded"])
def api(request: pytest.FixtureRequest) -> Api:
    return Api(request.getfixturevalue("contract_sandbox") if request.param == "sandbox" else None)
