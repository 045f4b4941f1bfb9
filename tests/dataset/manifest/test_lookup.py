"""Presigned URLs are found again by what their images are known by, wherever the manifest has them now."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.local import LocalFileSystem

from airflow_provider_platerec_ocr.core.models import PlannedImage
from airflow_provider_platerec_ocr.dataset.manifest.lookup import signed_urls
from airflow_provider_platerec_ocr.dataset.manifest.manifest import BadRow, read_manifest
from airflow_provider_platerec_ocr.storage.path import StoragePath
from support.stores import local_place

if TYPE_CHECKING:
    from pathlib import Path


def url(name: str, signature: str) -> str:
    return f"https://b.s3.amazonaws.com/{name}.jpg?X-Amz-Signature={signature}"


def planned(manifest: Path, **more: Any) -> list[PlannedImage]:
    found = list(read_manifest(str(manifest), opener=local_place, default_type="vin", **more))
    return [item for item in found if isinstance(item, PlannedImage)]


def by_name(found: dict[tuple[str, str | None], str]) -> dict[str, str]:
    return {image.rpartition("/")[2]: url for (image, _), url in found.items()}


def test_a_manifest_written_anew_gives_the_planned_images_their_own_urls(tmp_path: Path) -> None:
    """Rows moved, signatures are fresh, one image is new and one is gone: nobody's code lands on another image."""
    manifest = tmp_path / "m.csv"
    manifest.write_text("upload_url\n" + "".join(f" {url(name, 'old')} \n" for name in ("A", "B", "C")))
    images = planned(manifest)
    manifest.write_text("upload_url\n" + "".join(url(name, "new") + "\n" for name in ("NEWCOMER", "A", "C")))

    found = signed_urls(str(manifest), images, local_place)

    assert by_name(found) == {"A.jpg": url("A", "new"), "C.jpg": url("C", "new")}


def test_a_row_that_says_another_version_is_another_image(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"upload_url,image_version\n{url('A', 'x')},1\n{url('B', 'x')},1\n")
    images = planned(manifest)
    manifest.write_text(f"upload_url,image_version\n{url('A', 'y')},2\n{url('B', 'y')},1\n")

    assert by_name(signed_urls(str(manifest), images, local_place)) == {"B.jpg": url("B", "y")}


def test_an_image_id_finds_its_url_however_that_is_called_now(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"upload_url,image_id\n{url('tmp/1', 'x')},gate-7\n{url('tmp/2', 'x')},gate-8\n")
    images = planned(manifest)
    manifest.write_text(f"upload_url,image_id\n{url('tmp/1', 'y')},gate-9\n{url('tmp/3', 'y')},gate-7\n")

    assert by_name(signed_urls(str(manifest), images, local_place)) == {"gate-7": url("tmp/3", "y")}


def test_of_two_rows_that_say_the_same_the_first_counts(tmp_path: Path) -> None:
    manifest = tmp_path / "m.txt"
    manifest.write_text(f"{url('A', '1')}\n{url('A', '2')}\n")

    assert list(signed_urls(str(manifest), planned(manifest)[:1], local_place).values()) == [url("A", "1")]


def test_named_parameters_are_part_of_what_is_looked_up(tmp_path: Path) -> None:
    manifest = tmp_path / "m.txt"
    manifest.write_text("https://x.example/get?id=1&token=a\nhttps://x.example/get?id=2&token=a\n")
    images = planned(manifest, identity_params=["id"])
    manifest.write_text("https://x.example/get?token=b&id=2\n")

    assert signed_urls(str(manifest), images, local_place, identity_params=["id"]) == {
        ("https://x.example/get?id=2", None): "https://x.example/get?token=b&id=2"
    }


def test_a_plan_of_an_older_version_finds_its_urls(tmp_path: Path) -> None:
    old = "https://x.example/a.jpg?w=8"
    manifest = tmp_path / "m.txt"
    manifest.write_text(f"{old}&X-Amz-Signature=t\n")
    image = PlannedImage(1, old, "vin", upload_url=old, signed=True)

    assert signed_urls(str(manifest), [image], local_place) == {image.identity: f"{old}&X-Amz-Signature=t"}


def test_other_rows_are_no_urls_and_nothing_asks_for_nothing(tmp_path: Path) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_text(f"upload_url,image\n,a.jpg\nftp://x,\nbroken\n{url('A', '1')},\n")

    assert len(signed_urls(str(manifest), planned(manifest)[1:], local_place)) == 1
    assert signed_urls(str(manifest), [], local_place) == {}


class Counted(LocalFileSystem):  # type: ignore[misc]  # fsspec publishes no types
    """A disk that counts what is read from it."""

    read_bytes = 0

    def open(self, *given: Any, **how: Any) -> Any:
        file = super().open(*given, **how)
        real = file.read

        def read(size: int = -1) -> Any:
            data = real(size)
            type(self).read_bytes += len(data)
            return data

        file.read = read
        return file


URLS = [url(f"yard/{number:06}", f"{number:064x}") for number in range(30_000)]


PLANNED = [
    PlannedImage(row, each.partition("?")[0], "vin", upload_url=each.partition("?")[0], signed=True)
    for row, each in enumerate(URLS, start=1)
]


def write_big(path: Path) -> None:
    """Write a manifest of 4 MB, in which each line is about as long as the next."""
    kind = path.suffix
    if kind == ".parquet":
        pq.write_table(pa.table({"upload_url": URLS}), path, row_group_size=5_000)
        return
    lines = [json.dumps({"upload_url": each}) for each in URLS] if kind == ".jsonl" else URLS
    path.write_text(("upload_url\n" if kind == ".csv" else "") + "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", ["m.csv", "m.jsonl", "m.txt"])
@pytest.mark.parametrize("first", [0, 15_000, 29_000])
def test_a_shard_reads_its_own_part_of_the_manifest(tmp_path: Path, name: str, first: int) -> None:
    write_big(tmp_path / name)
    images = PLANNED[first : first + 1000]
    disk = Counted()
    Counted.read_bytes = 0

    found = signed_urls(str(tmp_path / name), images, lambda path: StoragePath(disk, path, "file"), rows=len(URLS))

    assert sorted(found.values()) == URLS[first : first + 1000]
    assert Counted.read_bytes < (tmp_path / name).stat().st_size * 0.4


def test_a_shard_reads_its_own_row_groups(tmp_path: Path) -> None:
    write_big(tmp_path / "m.parquet")
    images = PLANNED[15_000:16_000]

    found = signed_urls(str(tmp_path / "m.parquet"), images, local_place, rows=len(URLS))

    assert sorted(found.values()) == URLS[15_000:16_000]


@pytest.mark.parametrize("name", ["m.csv", "m.txt", "m.jsonl", "m.parquet", "m.txt.gz"])
def test_what_is_elsewhere_by_now_is_found_all_the_same(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress("\n".join(URLS).encode()))
    else:
        write_big(path)
    images = PLANNED[:10]

    found = signed_urls(str(path), [*images[:5], *moved(images[5:], 29_000)], local_place, rows=len(URLS))

    assert sorted(found.values()) == URLS[:10]


def moved(images: list[PlannedImage], row: int) -> list[PlannedImage]:
    """The images as if they had stood far down when they were planned."""
    return [PlannedImage.from_json(image.to_json() | {"row": row}) for image in images]


@pytest.mark.parametrize("suffix", [".csv", ".txt", ".jsonl"])
def test_a_line_that_the_part_cuts_is_never_taken_for_a_whole_one(tmp_path: Path, suffix: str) -> None:
    """A URL without the end of its signature would be sent, and refused."""
    path = tmp_path / f"m{suffix}"
    write_big(path)
    images = PLANNED

    for first in range(10_000, 10_012, 3):
        some = signed_urls(str(path), images[first : first + 10], local_place, rows=len(URLS))
        assert set(some.values()) <= set(URLS)


def test_two_images_that_differ_in_a_signed_query_alone_are_not_one(tmp_path: Path) -> None:
    manifest = tmp_path / "m.txt"
    manifest.write_text("".join(f"https://x.example/a.jpg?page={page}&token=t{page}\n" for page in (1, 1, 2)))

    found = list(read_manifest(str(manifest), opener=local_place, default_type="vin"))

    assert [type(item) for item in found] == [PlannedImage, PlannedImage, BadRow]
    assert "page" in getattr(found[2], "message", "")
    assert "identity_params" in getattr(found[2], "message", "")


def write_as(folder: Path, kind: str, names: list[str], signature: str) -> str:
    """Write URLs in one of the ways that people have manifests in; return what the manifest is called."""
    urls = [url(name, signature) for name in names]
    if kind in {"folder", "glob"}:
        (folder / "m").mkdir(exist_ok=True)
        for number, each in enumerate(urls):
            (folder / "m" / f"{number}.csv").write_text(f"UPLOAD_URL\n{each}\n")
        return str(folder / "m") + "/*.csv" * (kind == "glob")
    path = folder / kind
    lines = {
        "cr.csv": ("upload_url\r" + "\r".join(urls)).encode(),
        "excel.csv": ("sep=;\r\nnote;Upload_URL;\r\n" + "".join(f"n;{each}\r\n" for each in urls)).encode(),
        "array.json": json.dumps([{"upload_url": each} for each in urls]).encode(),
        "array.jsonl": json.dumps([{"upload_url": each} for each in urls], indent=1).encode(),
        "lines.json": "\n".join(json.dumps({"Upload_URL": each}) for each in urls).encode(),
        "packed.csv": gzip.compress(("upload_url\n" + "\n".join(urls)).encode()),
        "m.csv.zst": pa.compress(("upload_url\n" + "\n".join(urls)).encode(), "zstd", asbytes=True),
    }
    path.write_bytes(lines[kind])
    return str(path)


@pytest.mark.parametrize(
    "kind",
    [
        *("folder", "glob", "cr.csv", "excel.csv", "array.json", "array.jsonl", "lines.json"),
        *("packed.csv", "m.csv.zst"),
    ],
)
@pytest.mark.parametrize("many", [3, pytest.param(12_000, marks=pytest.mark.slow)])
def test_urls_are_found_again_in_manifests_of_every_kind(tmp_path: Path, kind: str, many: int) -> None:
    if kind in {"folder", "glob"}:
        many = 3
    names = [f"{number:05}" for number in range(many)]
    manifest = write_as(tmp_path, kind, names, "0" * 64)
    found = list(read_manifest(manifest, opener=local_place, default_type="vin"))
    images = [item for item in found if isinstance(item, PlannedImage)][-2:]
    write_as(tmp_path, kind, names, "1" * 64)

    again = signed_urls(manifest, images, local_place, rows=len(found))

    assert sorted(again.values()) == [url(name, "1" * 64) for name in names[-2:]]
