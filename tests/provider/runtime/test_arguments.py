"""Arguments as templates leave them, and places beside a dataset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.runtime import arguments, task


@pytest.mark.parametrize(
    ("dataset", "place"),
    [
        ("/data/reads", "/data/reads_workspace"),
        ("/data/reads/", "/data/reads_workspace"),
        (Path("/data/reads"), "/data/reads_workspace"),
        ("/", "/_platerec_workspace"),
        ("file:///data/reads", "file:///data/reads_workspace"),
        ("file:///data", "file:///data_workspace"),
        ("file:///", "file:///_platerec_workspace"),
        ("s3://lake", "s3://lake/_platerec_workspace"),
        ("s3://lake/", "s3://lake/_platerec_workspace"),
        ("s3://conn@lake", "s3://conn@lake/_platerec_workspace"),
        ("s3://conn@lake//", "s3://conn@lake/_platerec_workspace"),
        ("s3://conn@lake/reads/", "s3://conn@lake/reads_workspace"),
        ("gs://lake", "gs://lake/_platerec_workspace"),
        ("gs://lake/a/b", "gs://lake/a/b_workspace"),
        ("abfs://box@account.dfs.core.windows.net/", "abfs://box@account.dfs.core.windows.net/_platerec_workspace"),
        ("hdfs:///data", "hdfs:///data_workspace"),
    ],
)
def test_a_place_beside_a_dataset_is_in_the_same_bucket(dataset: str | Path, place: str) -> None:
    assert task.beside(dataset, "workspace") == place
    assert task.workspace_of(None, dataset) == place
    assert task.workspace_of("s3://other/w/", dataset) == "s3://other/w"


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        (None, []),
        ("", []),
        ("None", []),
        ("[]", []),
        ("id", ["id"]),
        ("id, key ,", ["id", "key"]),
        (["id", " key ", ""], ["id", "key"]),
        ("['id', 'key']", ["id", "key"]),
        ('["id", "a,b"]', ["id", "a,b"]),
        ("('id',)", ["id"]),
        ("[id", ["[id"]),
        (Path("/a,b"), ["/a,b"]),
        ([Path("/a,b"), "c"], ["/a,b", "c"]),
    ],
)
def test_a_list_of_texts_may_be_a_list_or_any_text_that_a_template_makes_of_one(value: Any, parts: list[str]) -> None:
    assert task.texts(value) == parts


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("", []),
        ("None", []),
        ("/a, b", ["/a, b"]),
        ("/a, b,/c", ["/a, b", "/c"]),
        ("/a , s3://x/y,z, ~/d", ["/a", "s3://x/y,z", "~/d"]),
        ("/a, ", ["/a"]),
        ('["/a, b", "/c,d"]', ["/a, b", "/c,d"]),
        (["/a, b"], ["/a, b"]),
        (Path("/a, b"), ["/a, b"]),
    ],
)
def test_a_comma_divides_folders_only_where_another_place_follows(value: Any, parts: list[str]) -> None:
    assert task.roots(value) == parts


def test_a_text_that_is_a_folder_as_a_whole_is_that_folder(tmp_path: Path) -> None:
    odd = tmp_path / "a,"
    (odd / "b").mkdir(parents=True)
    text = f"{odd}/b"

    assert task.roots(f"{tmp_path}/a,/b") == [text]
    assert task.roots(f"{tmp_path}/x,/b") == [f"{tmp_path}/x", "/b"]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (None, {}),
        (" ", {}),
        ("None", {}),
        ("{}", {}),
        ({"gate": "vin"}, {"gate": "vin"}),
        ('{"gate": "vin"}', {"gate": "vin"}),
        ("{'gate': 'vin'}", {"gate": "vin"}),
    ],
)
def test_an_object_may_be_text_that_a_template_makes_of_one(value: Any, found: dict[str, str]) -> None:
    assert arguments.mapping(value, "type_by_camera") == found


@pytest.mark.parametrize("value", ["gate", "[1]", "{'gate': 1}", "{1: 'vin'}", {"gate": None}, ["vin"], "__import__()"])
def test_what_is_no_object_of_texts_is_refused_by_name(value: Any) -> None:
    with pytest.raises(OCRConfigError, match="type_by_camera must be an object of texts"):
        arguments.mapping(value, "type_by_camera")


@pytest.mark.parametrize(
    ("value", "day"),
    [
        (None, None),
        ("", None),
        (" None ", None),
        ("2026-03-01", "2026-03-01"),
        (" 2026-03-01\n", "2026-03-01"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 23, 30), "2026-03-01"),  # noqa: DTZ001  # whatever zone it is in, its own day counts
    ],
)
def test_a_day_is_a_day(value: Any, day: str | None) -> None:
    assert arguments.day(value, "partition_date") == day


@pytest.mark.parametrize("value", ["2026-02-30", "20260301", "01.03.2026", "2026-03-01T00:00:00+00:00", "today", 7])
def test_what_is_no_day_is_refused_with_how_to_get_one(value: Any) -> None:
    with pytest.raises(OCRConfigError, match=r"partition_date must be a day such as 2026-03-01 .*\| ds"):
        arguments.day(value, "partition_date")


@dataclass(frozen=True)
class Told:
    """Arguments of each kind."""

    dataset: str
    ledger: str | None
    image: Any
    pace: bool | str
    reserve: int | str


@pytest.mark.parametrize("nothing", ["None", " None "])
def test_a_template_that_gives_nothing_is_as_if_nothing_was_given(nothing: str) -> None:
    operator = SimpleNamespace(dataset="/srv/reads", ledger=nothing, image=nothing, pace=nothing, reserve=nothing)

    told = task.given(Told, operator)

    assert (told.ledger, told.image) == (None, None)
    assert task.truth(told.pace, "pace") is False
    assert task.whole_number(told.reserve, "reserve", empty=0) == 0
    with pytest.raises(OCRConfigError, match="dataset is the text 'None': its template gave nothing"):
        task.given(Told, SimpleNamespace(**vars(operator) | {"dataset": nothing}))
