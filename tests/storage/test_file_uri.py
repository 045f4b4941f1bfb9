"""Every program that is given the URI of a file opens the same one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.cli.shared.places import any_place
from airflow_provider_platerec_ocr.cli.shared.places import open_place as place_of_the_ledger_command
from airflow_provider_platerec_ocr.core.errors import OCRConfigError
from airflow_provider_platerec_ocr.dataset.table.reading import open_folder
from airflow_provider_platerec_ocr.runtime.places import open_place as place_of_a_task
from airflow_provider_platerec_ocr.storage.file_uri import file_uri_path, is_file_uri, uri_of_path
from airflow_provider_platerec_ocr.webhook.__main__ import open_place as place_of_the_receiver

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from airflow_provider_platerec_ocr.storage.path import StoragePath


def place_of_a_reader(uri: str) -> StoragePath:
    return open_folder(uri, {})


EVERYBODY = [any_place, place_of_the_ledger_command, place_of_a_task, place_of_a_reader, place_of_the_receiver]


@pytest.mark.parametrize("opened", EVERYBODY)
@pytest.mark.parametrize(
    "uri",
    ["file:///data/ocr%20reads", "file:/data/ocr%20reads", "FILE://localhost/data/./ocr%20reads/", "/data/ocr reads"],
)
def test_everybody_opens_a_file_uri_as_the_same_folder(opened: Callable[[str], StoragePath], uri: str) -> None:
    """A receiver that keeps answers in another inbox than the tasks look in would have them paid for again."""
    place = opened(uri)

    assert (place.path, place.protocol) == ("/data/ocr reads", "file")


@pytest.mark.parametrize("opened", EVERYBODY)
def test_nobody_opens_a_file_of_another_machine(opened: Callable[[str], StoragePath]) -> None:
    with pytest.raises(ValueError, match="names a file of another machine"):
        opened("file://nas/data/reads")


@pytest.mark.parametrize("path", ["/data/reads", "/data/ocr reads", "/data/100%20", "/data/ü#?1"])
def test_the_uri_of_a_path_leads_back_to_it(path: str) -> None:
    assert is_file_uri(uri_of_path(path))
    assert file_uri_path(uri_of_path(path)) == path


@pytest.mark.parametrize("place", ["/file:/a", "local", "localhost://a", "s3://bucket/file:", "file", "a/b"])
def test_what_is_no_file_uri_is_not_taken_for_one(place: str) -> None:
    assert not is_file_uri(place)


def test_a_folder_that_older_versions_took_a_uri_for_is_not_left_behind_in_silence(tmp_path: Path) -> None:
    """They did not undo escapes: with a ledger that is empty all at once, everything would be paid for again."""
    (tmp_path / "ocr%20ledger").mkdir()

    with pytest.raises(OCRConfigError, match="which older versions took it for"):
        place_of_a_task(f"file://{tmp_path}/ocr%20ledger")

    (tmp_path / "ocr%20ledger").rename(tmp_path / "ocr ledger")
    assert place_of_a_task(f"file://{tmp_path}/ocr%20ledger").path == f"{tmp_path}/ocr ledger"
