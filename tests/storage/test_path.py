from __future__ import annotations

from airflow_provider_platerec_ocr.storage.path import StoragePath


def test_a_place_on_the_disk_is_written_as_a_path() -> None:
    place = StoragePath(None, "/data/ledger") / "vin/ab"

    assert place.is_local
    assert (place.path, place.name, place.uri) == ("/data/ledger/vin/ab", "ab", "/data/ledger/vin/ab")
    assert place.parent == StoragePath(None, "/data/ledger/vin")


def test_a_place_in_a_bucket_is_written_as_a_uri() -> None:
    place = StoragePath(None, "bucket/ledger", "s3")

    assert not place.is_local
    assert str(place / "x.json") == "s3://bucket/ledger/x.json"
    assert (place / "x.json").parent == place
