from __future__ import annotations

from airflow_provider_platerec_ocr.core.storage import Place


def test_a_place_on_the_disk_is_written_as_a_path() -> None:
    place = Place(None, "/data/ledger") / "vin/ab"

    assert place.is_local
    assert (place.path, place.name, place.uri) == ("/data/ledger/vin/ab", "ab", "/data/ledger/vin/ab")
    assert place.parent == Place(None, "/data/ledger/vin")


def test_a_place_in_a_bucket_is_written_as_a_uri() -> None:
    place = Place(None, "bucket/ledger", "s3")

    assert not place.is_local
    assert str(place / "x.json") == "s3://bucket/ledger/x.json"
    assert (place / "x.json").parent == place
