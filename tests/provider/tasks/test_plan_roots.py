"""Where a manifest may name files by default: in its own folder, which is decided by what the manifest is."""

from __future__ import annotations

import glob
from typing import TYPE_CHECKING

import fsspec
import pytest

from airflow_provider_platerec_ocr.tasks.plan import manifest_folder

if TYPE_CHECKING:
    from pathlib import Path

ODD_NAMES = ["yard 1", "yard [1]", "yard *", "yard ?", "[", "a[b]/c*d"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_signs_of_a_glob_in_a_folders_name_open_nothing(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    (folder / "sub").mkdir(parents=True)
    (folder / "m.csv").write_text("image\n")

    assert manifest_folder(str(folder / "m.csv")) == str(folder)
    assert manifest_folder(str(folder)) == manifest_folder(f"{folder}/") == str(folder)


@pytest.mark.parametrize("ending", ["*.csv", "*.jpg", "**/*.jpg"])
@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_glob_that_says_such_a_name_opens_nothing_around_it(tmp_path: Path, name: str, ending: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name / "m.csv").write_text("image\n")

    assert manifest_folder(f"{tmp_path}/{glob.escape(name)}/{ending}") == f"{tmp_path}/{name}"


@pytest.mark.parametrize("name", ["[x]", "yard *", "a[b]/c*d"])
def test_signs_of_a_glob_in_a_prefix_open_nothing_of_a_bucket(name: str) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file(f"/signs_in_a_prefix/{name}/m.csv", b"image\n")

    found = [manifest_folder(f"memory://signs_in_a_prefix/{name}{end}") for end in ("/m.csv", "", "/")]
    fs.rm("/signs_in_a_prefix", recursive=True)

    assert found == [f"memory://signs_in_a_prefix/{name}"] * 3


@pytest.mark.parametrize("name", ["m [1].csv", "m*.csv", "what?.txt"])
def test_signs_of_a_glob_in_a_files_name_open_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("image\n")

    assert manifest_folder(str(tmp_path / name)) == str(tmp_path)


@pytest.mark.parametrize("pattern", ["*.jpg", "**/*.jpg", "in/*.jpg", "[ab].jpg"])
def test_a_glob_opens_its_fixed_part(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "in").mkdir()

    assert manifest_folder(f"{tmp_path}/{pattern}") in {str(tmp_path), str(tmp_path / "in")}


def test_a_table_in_parts_opens_what_a_file_would(tmp_path: Path) -> None:
    (tmp_path / "m.parquet").mkdir()

    assert manifest_folder(f"{tmp_path}/m.parquet/") == str(tmp_path)


@pytest.mark.parametrize("pattern", ["in/*.csv", "in/m.*"])
def test_a_glob_of_tables_opens_its_fixed_part(tmp_path: Path, pattern: str) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "m.csv").write_text("image\n")

    assert manifest_folder(f"{tmp_path}/{pattern}") == f"{tmp_path}/in"


def test_a_root_holds_no_signature() -> None:
    assert manifest_folder("https://x.example/yard/m.csv?sig=geheim/77") == "https://x.example/yard"


@pytest.mark.parametrize("name", ["m.csv", "yard [1]/m.csv", "gone"])
def test_a_manifest_that_is_gone_since_it_was_planned_opens_no_more_than_its_folder(tmp_path: Path, name: str) -> None:
    assert manifest_folder(str(tmp_path / name)) == str((tmp_path / name).parent)


def test_a_bucket_that_is_not_there_is_its_own_folder_so_that_it_is_missed_and_not_called_a_path() -> None:
    assert manifest_folder("memory://no_such_bucket/") == "memory://no_such_bucket"
