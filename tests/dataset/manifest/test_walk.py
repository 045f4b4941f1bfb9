"""Walking a local folder: links are followed once, no circle is endless, and nothing is left aside without a word."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from airflow_provider_platerec_ocr.core.images.patterns import Glob
from airflow_provider_platerec_ocr.core.images.sieve import Sieve
from airflow_provider_platerec_ocr.dataset.manifest.left_aside import LeftAside
from airflow_provider_platerec_ocr.dataset.manifest.walk import Walk, identity_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@pytest.fixture
def top(tmp_path: Path) -> Path:
    put(tmp_path / "yard", "a.jpg", "day/b.jpg")
    return tmp_path / "yard"


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")


def walked(
    top: Path,
    exclude: Iterable[str] = (),
    *,
    roots: Iterable[Path] | None = None,
    glob: str | None = None,
    recursive: bool = True,
) -> tuple[list[str], dict[str, int]]:
    left = LeftAside()
    links = None if roots is None else map(str, roots)
    walk = Walk(
        str(top),
        Sieve(exclude=exclude),
        left,
        roots=links,
        recursive=recursive,
        glob=None if glob is None else Glob(glob),
    )
    return [path.removeprefix(f"{top}/") for path, _ in walk.files()], dict(left.counts)


def test_a_linked_folder_is_walked_under_the_name_of_the_link(top: Path, tmp_path: Path) -> None:
    put(tmp_path / "nas", "c.jpg", "deep/d.jpg")
    (top / "gate1").symlink_to(tmp_path / "nas")

    assert walked(top) == (["a.jpg", "day/b.jpg", "gate1/c.jpg", "gate1/deep/d.jpg"], {})


def test_two_links_to_one_folder_are_followed_once(top: Path, tmp_path: Path) -> None:
    put(tmp_path / "nas", "c.jpg")
    for name in ("gate1", "gate2"):
        (top / name).symlink_to(tmp_path / "nas")

    assert walked(top) == (["a.jpg", "day/b.jpg", "gate1/c.jpg"], {"linked_folders": 1})


@pytest.mark.parametrize("names", [("outer", "inner"), ("b_inner", "a_outer")])
def test_a_folder_within_a_linked_one_is_walked_once_in_either_order(
    top: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    put(tmp_path / "nas", "gate/c.jpg", "d.jpg")
    (top / names[0]).symlink_to(tmp_path / "nas")
    (top / names[1]).symlink_to(tmp_path / "nas" / "gate")

    found, left = walked(top)

    assert len([path for path in found if path.endswith("c.jpg")]) == 1
    assert len(found) == 4
    assert left == {"linked_folders": 1}


@pytest.mark.parametrize("target", [".", "..", "day", "../yard/day"])
def test_a_link_back_into_the_folder_gives_no_image_a_second_name(top: Path, target: str) -> None:
    (top / "zz").symlink_to(target)
    (top / "aa").symlink_to(target)

    found, left = walked(top, roots=[top])

    assert found == ["a.jpg", "day/b.jpg"]
    assert sum(left.values()) == 2


def test_a_circle_through_a_folder_outside_ends(top: Path, tmp_path: Path) -> None:
    put(tmp_path / "nas", "c.jpg")
    (top / "gate").symlink_to(tmp_path / "nas")
    (tmp_path / "nas" / "back").symlink_to(top)
    (tmp_path / "nas" / "self").symlink_to(tmp_path / "nas")
    (tmp_path / "nas" / "up").symlink_to(tmp_path)

    found, left = walked(top)

    assert found == ["a.jpg", "day/b.jpg", "gate/c.jpg"]
    assert left == {"linked_folders": 4}  # below up, both folders have been walked


def test_a_link_to_what_the_walk_leaves_out_is_followed(top: Path) -> None:
    put(top, ".store/c.jpg")
    (top / "current").symlink_to(".store")

    assert walked(top) == (["a.jpg", "current/c.jpg", "day/b.jpg"], {"hidden": 1})


def test_a_folder_that_is_itself_a_link_is_walked(top: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(top)

    assert walked(tmp_path / "link") == (["a.jpg", "day/b.jpg"], {})


def test_a_link_out_of_the_allowed_roots_is_left_aside(top: Path, tmp_path: Path) -> None:
    put(tmp_path / "nas", "c.jpg")
    (top / "gate1").symlink_to(tmp_path / "nas")

    assert walked(top, roots=[top]) == (["a.jpg", "day/b.jpg"], {"links_outside_roots": 1})
    assert walked(top, roots=[top, tmp_path / "nas"])[0] == ["a.jpg", "day/b.jpg", "gate1/c.jpg"]
    assert walked(top, roots=[tmp_path / "na"])[1] == {"links_outside_roots": 1}
    assert walked(top, roots=[])[1] == {"links_outside_roots": 1}


def test_a_link_to_nowhere_is_named_and_one_called_as_an_image_is_left_to_the_read_task(top: Path) -> None:
    for name in ("gate1", "b.jpg", "loop", "loop.jpg", ".gone"):
        (top / name).symlink_to(name if "loop" in name else top / "gone")
    left = LeftAside()

    found = dict(Walk(str(top), Sieve(), left).files())

    assert {path.rpartition("/")[2]: found[path] for path in found if found[path] is None} == {
        "b.jpg": None,
        "loop.jpg": None,
    }
    assert left.counts["links_to_nowhere"] == 2
    assert left.describe().startswith("2 links that lead nowhere: gate1, loop")


def test_a_link_to_an_image_is_the_image(top: Path, tmp_path: Path) -> None:
    put(tmp_path, "c.jpg")
    (top / "c.jpg").symlink_to(tmp_path / "c.jpg")
    (top / "c.txt").symlink_to(tmp_path / "c.jpg")

    assert walked(top) == (["a.jpg", "c.jpg", "day/b.jpg"], {"no_image": 1})


def test_a_folder_that_is_left_out_is_not_looked_into_and_counts_once(top: Path) -> None:
    put(top, "@eaDir/a.jpg/SYNOFILE_THUMB_M.jpg", ".thumbs/x.jpg", ".thumbs/y.jpg", "~$a.jpg", "old/z.jpg", "n.txt")
    (top / "@eaDir").chmod(0)

    try:
        found, left = walked(top, ["old"])
    finally:
        (top / "@eaDir").chmod(0o755)

    assert found == ["a.jpg", "day/b.jpg"]
    assert left == {"excluded": 3, "hidden": 1, "no_image": 1}


def test_subfolders_that_do_not_count_are_counted(top: Path) -> None:
    put(top, ".old/x.jpg")

    assert walked(top, recursive=False) == (["a.jpg"], {"subfolders": 1, "hidden": 1})


def test_a_folder_that_goes_while_it_is_walked_is_gone(top: Path) -> None:
    put(top, "zz/c.jpg")
    walk = Walk(str(top), Sieve(), LeftAside()).files()
    first = next(walk)
    (top / "zz" / "c.jpg").unlink()
    (top / "zz").rmdir()
    (top / "day" / "b.jpg").unlink()

    assert [path for path, _ in [first, *walk]] == [f"{top}/a.jpg"]


def test_an_image_that_goes_while_the_folder_is_walked_has_no_version(top: Path) -> None:
    put(top, "b.jpg")
    walk = Walk(str(top), Sieve(), LeftAside()).files()
    next(walk)
    (top / "b.jpg").unlink()

    assert next(walk) == (f"{top}/b.jpg", None)


def test_a_glob_goes_into_no_folder_in_which_nothing_can_match(top: Path) -> None:
    put(top, "2026-03-01/c.jpg", "2026-03-01/c.txt", "2025-01-01/d.jpg")
    (top / "2025-01-01").chmod(0)

    try:
        found, left = walked(top, glob="2026-*/*.*")
    finally:
        (top / "2025-01-01").chmod(0o755)

    assert found == ["2026-03-01/c.jpg"]
    assert left == {"no_image": 1}


def test_a_glob_follows_links_once_and_counts_folders_that_it_names(top: Path, tmp_path: Path) -> None:
    put(tmp_path / "nas", "c.jpg")
    (top / "gate1").symlink_to(tmp_path / "nas")
    (top / "today").symlink_to("day")
    (top / "gone").symlink_to("nowhere")
    (top / "gone.jpg").symlink_to("nowhere")

    assert walked(top, glob="**/*.jpg") == (
        ["a.jpg", "day/b.jpg", "gate1/c.jpg", "gone.jpg"],
        {"linked_folders": 1, "links_to_nowhere": 1},
    )
    assert walked(top, glob="t*/*.jpg") == (["today/b.jpg"], {})
    assert walked(top, glob="*") == (["a.jpg", "gone.jpg"], {"folders": 3})


@pytest.mark.parametrize("name", ["gone", "a.jpg"])
def test_what_is_no_folder_is_not_walked(top: Path, name: str) -> None:
    with pytest.raises((FileNotFoundError, NotADirectoryError)):
        Walk(str(top / name), Sieve(), LeftAside())


def test_a_disk_that_numbers_nothing_is_known_by_its_paths(top: Path) -> None:
    stat = os.stat(top)  # noqa: PTH116
    without = os.stat_result((*stat[:1], 0, *stat[2:]))

    assert identity_of(stat, "x") != identity_of(without, "x")
    assert identity_of(without, "x") != identity_of(without, "y")
