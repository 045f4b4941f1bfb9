"""The real OCR engine on some of the committed images, through the server and beside it; the demo's test reads all."""

from __future__ import annotations

import asyncio
import csv
from io import BytesIO
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import pytest
import requests
from PIL import Image

from airflow_provider_platerec_ocr.sandbox.ocr.engine import EngineReader, cut_out, decode, with_border
from airflow_provider_platerec_ocr.sandbox.ocr.reader import NotAnImageError
from airflow_provider_platerec_ocr.sandbox.scenes import container_door
from airflow_provider_platerec_ocr.sandbox.state.options import ReaderKind
from support.sandbox import running_sandbox
from support.waiting import PATIENCE_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.sandbox import Sandbox

pytestmark = [pytest.mark.ocr, pytest.mark.xdist_group("ocr")]

IMAGES = Path(__file__).parents[3] / "dags" / "sample_images"


def truths() -> list[dict[str, str]]:
    with (IMAGES / "truth.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def reading() -> Iterator[Sandbox]:
    """A sandbox that really reads; loads its models once."""
    with running_sandbox(reader=ReaderKind.OCR) as sandbox:
        yield sandbox


def post(sandbox: Sandbox, name: str, image: bytes, type_: str) -> requests.Response:
    return requests.post(
        f"{sandbox.url}/v1/ocr/reader/",
        data={"type": type_},
        files={"upload": (name, image)},
        headers={"Authorization": f"Token {sandbox.token}"},
        timeout=PATIENCE_S,
    )


def encoded(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("scene", ["vin_plate", "fleet_trailer", "container_post", "trailer_turned"])
def test_one_image_of_a_scene_is_read(reading: Sandbox, scene: str) -> None:
    row = next(row for row in truths() if row["image"].startswith(scene))
    props = post(reading, row["image"], (IMAGES / row["image"]).read_bytes(), row["type"]).json()["results"][0]
    assert props["identifier"]["props"]["code"] == [{"value": row["truth"]}]
    assert props["identifier"]["props"]["orientation"] == [{"value": row["orientation"]}]
    assert 0.3 <= props["identifier"]["props"]["confidence"] <= 1


def test_an_empty_wall_gives_no_results_and_is_billed(reading: Sandbox) -> None:
    response = post(reading, "wall.jpg", encoded(Image.new("RGB", (400, 300), (90, 90, 90))), "trailer_id")
    assert (response.status_code, response.json()["results"]) == (200, [])
    assert reading.calls()[-1]["billed"]


def test_a_cut_off_image_gets_400_and_is_not_billed(reading: Sandbox) -> None:
    image = (IMAGES / truths()[0]["image"]).read_bytes()
    response = post(reading, "half.jpg", image[: len(image) // 2], "vin")
    assert response.status_code == 400
    assert not reading.calls()[-1]["billed"]


@pytest.mark.parametrize("data", [b"", b"text", b"\xff\xd8\xff" + 50 * b"x", b"\x89PNG\r\n\x1a\n1234"])
def test_what_pillow_cannot_decode_is_no_image(data: bytes) -> None:
    with pytest.raises(NotAnImageError):
        decode(data)


def test_exif_turns_the_image_and_other_modes_become_colour() -> None:
    exif = Image.Exif()
    exif[274] = 6
    assert decode(encoded(Image.new("RGB", (40, 20)), exif=exif)).shape == (40, 20, 3)
    assert decode(encoded(Image.new("L", (40, 20)), "PNG")).shape == (20, 40, 3)
    assert decode(encoded(Image.new("RGBA", (40, 20)), "PNG")).shape == (20, 40, 3)
    assert decode(encoded(Image.new("RGB", (1, 1), (255, 0, 0)), "PNG")).tolist() == [[[0, 0, 255]]]


def test_a_thin_strip_gets_a_border_and_another_image_does_not() -> None:
    assert with_border(np.zeros((50, 400, 3), np.uint8)).shape[0] >= 160
    assert with_border(np.zeros((200, 400, 3), np.uint8)).shape == (200, 400, 3)


def test_a_part_cut_out_is_straightened_to_a_fixed_height() -> None:
    pixels = np.zeros((100, 200, 3), np.uint8)
    pixels[20:40, 50:150] = 255
    cut = cut_out(pixels, ((50, 20), (150, 20), (150, 40), (50, 40)))
    assert cut.shape == (96, 480, 3)
    assert cut.mean() > 240


def test_a_check_digit_in_a_frame_is_found_by_the_second_look() -> None:
    # On these doors the detector passes over the framed digit; the strip read again has it.
    scenes = [container_door(Random(seed)) for seed in (200, 204)]  # noqa: S311 - drawings, not secrets

    async def read() -> list[str]:
        reader = EngineReader()
        found = [await reader.read(encoded(scene.image, quality=70), "trailer_id") for scene in scenes]
        await reader.close()
        return [identifiers[0].code for identifiers in found]

    assert asyncio.run(read()) == [scene.truth for scene in scenes]
