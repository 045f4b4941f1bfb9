"""The scenes that are photographed: VIN plates, door labels, containers and trailers, with the words that stand around.

All names are made up. Each scene gives its picture, the code a person would read off it, and how that runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageEnhance

from airflow_provider_platerec_ocr.sandbox import drawing
from airflow_provider_platerec_ocr.sandbox.ocr.codes import VIN_ALPHABET, made_up_container, made_up_vin
from airflow_provider_platerec_ocr.sandbox.ocr.reader import Orientation

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_MAKERS = ("NORTHFIELD MOTOR COMPANY", "HARBOR VEHICLE WORKS", "PINE RIVER TRUCKS INC", "ALDERMOOR AG", "KESTREL AUTO")
_CARRIERS = ("NORTHFIELD FREIGHT", "BLUE HERON LINES", "PINE RIVER CARGO", "ALDERMOOR", "KESTREL SHIPPING")
_PAINTS = ((38, 74, 122), (122, 48, 38), (46, 92, 66), (208, 208, 202), (176, 98, 36), (84, 88, 94))
_WHITE, _BLACK = (238, 238, 232), (24, 24, 26)


@dataclass(frozen=True, slots=True)
class Scene:
    """One photograph with its truth."""

    image: Image.Image
    """The photograph."""
    type: str
    """``vin`` or ``trailer_id``."""
    truth: str
    """The code, without blanks."""
    orientation: Orientation
    """How it runs."""


def _vin(rng: Random) -> str:
    """Give a North American VIN (with its check digit) two times in three, else a European one (without)."""
    if rng.random() < 0.67:  # noqa: PLR2004 - the share named above
        return made_up_vin(rng.randbytes(16))
    maker = rng.choice("SVWYZ") + "".join(rng.choices(VIN_ALPHABET[:23], k=2))
    model = "".join(rng.choices(VIN_ALPHABET, k=2))
    return f"{maker}ZZZ{model}Z{rng.choice('ABCDEFGH')}{rng.choice('ABCDEFGH')}{rng.randrange(10**6):06}"


def vin_plate(rng: Random) -> Scene:
    """Give a riveted metal plate with the VIN stamped or printed across it, under a windscreen or on a frame."""
    vin = _vin(rng)
    plate = drawing.brushed((900, 250), rng.choice(((178, 180, 182), (150, 154, 158), (198, 192, 176))), rng)
    drawing.outline(plate, (8, 8, 891, 241), (90, 92, 95), 4)
    for x in (36, 864):
        ImageDraw.Draw(plate).ellipse((x - 13, 112, x + 13, 138), fill=(120, 122, 125), outline=(60, 60, 62), width=3)
    ink = rng.choice((_BLACK, (36, 40, 60), (60, 52, 44)))
    drawing.paint(plate, drawing.text_mask(rng.choice(_MAKERS), 30, weight=1), (90, 30), ink, 0.9)
    code = drawing.text_mask(vin, 58, width=rng.uniform(0.82, 0.95), weight=rng.choice((1, 2, 3)), tracking=0.1)
    code = code.resize((min(code.width, 730), code.height))
    stamp = drawing.emboss if rng.random() < 0.5 else drawing.paint  # noqa: PLR2004 - an even chance
    stamp(plate, drawing.worn(code, rng, 60), ((900 - code.width) // 2, 92), ink)
    model, year = f"{rng.choice('ABCD')}{rng.randrange(100, 999)}", rng.randrange(2004, 2025)
    small = f"TYPE {model}   GVW {rng.randrange(1500, 4000)} KG   {year}"
    drawing.paint(plate, drawing.text_mask(small, 26, weight=0), (90, 184), ink, 0.85)
    drawing.dirt(plate, rng, 14)
    drawing.cast_shadow(plate, rng)
    photo = drawing.seen_by_camera(plate, (960, 400), rng, tilt=0.045, ground=rng.choice(((44, 44, 48), (70, 62, 52))))
    return Scene(photo, "vin", vin, Orientation.HORIZONTAL)


def door_label(rng: Random) -> Scene:
    """Give the certification label of a door jamb: weights, tyres, a statement, the VIN after its name, a bar code."""
    vin = _vin(rng)
    label = drawing.surface((820, 520), rng.choice((_WHITE, (226, 222, 206), (214, 218, 220))), rng, grain=3.0)
    drawing.outline(label, (6, 6, 813, 513), (120, 120, 120), 3)
    gross, front = rng.randrange(4500, 8000), rng.randrange(2300, 3900)
    tyre = f"P{rng.randrange(205, 265, 10)}/{rng.randrange(55, 75, 5)}R17"
    made = f"{rng.randrange(1, 13):02}/{rng.randrange(10, 25)}"
    rows = [
        (f"MFD BY {rng.choice(_MAKERS)}", 26),
        (f"DATE: {made}    GVWR: {gross} LB ({round(gross * 0.4536)} KG)", 24),
        (f"GAWR FRT: {front} LB     GAWR RR: {front + 240} LB", 24),
        (f"TIRES: {tyre}    RIMS: 17X7.5J   {rng.randrange(32, 38)} PSI", 22),
        ("THIS VEHICLE CONFORMS TO ALL APPLICABLE SAFETY AND", 20),
        ("BUMPER STANDARDS IN EFFECT ON THE DATE ABOVE.", 20),
    ]
    y = 26
    for text, height in rows:
        drawing.paint(label, drawing.text_mask(text, height, width=0.92, weight=1), (34, y), _BLACK, 0.92)
        y += height + 20
    named = rng.random() < 0.7  # noqa: PLR2004 - most labels name it
    code = drawing.text_mask(f"VIN: {vin}" if named else vin, 36, width=0.92, weight=2, tracking=0.08)
    drawing.paint(label, code.resize((min(code.width, 750), code.height)), (34, y + 6), _BLACK)
    drawing.paint(label, drawing.bars(640, 60, rng), (36, y + 62), _BLACK, 0.95)
    trim = f"{rng.randrange(10, 99)}{rng.choice('KLMP')}"
    small = f"TYPE: PASSENGER CAR     TRIM {trim}   PAINT {rng.choice('BGNW')}{rng.randrange(10, 99)}"
    drawing.paint(label, drawing.text_mask(small, 20, weight=1), (34, y + 138), _BLACK, 0.9)
    drawing.dirt(label, rng, 10)
    drawing.cast_shadow(label, rng)
    photo = drawing.seen_by_camera(label, (900, 620), rng, tilt=0.035, ground=rng.choice(_PAINTS))
    return Scene(photo, "vin", vin, Orientation.HORIZONTAL)


def _weights(wall: Image.Image, at: tuple[int, int], ink: drawing.Colour, rng: Random) -> None:
    """Write the block of weights and volumes that stands under every container code."""
    gross, tare = rng.choice((30_480, 32_500)), rng.randrange(2_180, 3_980, 10)
    rows = (("MAX. GROSS", gross), ("TARE", tare), ("NET", gross - tare))
    x, y = at
    for name, kilos in rows:
        pounds = round(kilos * 2.2046 / 10) * 10
        drawing.paint(wall, drawing.text_mask(name, 20, weight=1), (x, y), ink, 0.9)
        for offset, value, unit in ((0, kilos, "KG"), (26, pounds, "LB")):
            text = f"{value // 1000}.{value % 1000:03} {unit}"
            drawing.paint(wall, drawing.text_mask(text, 18, weight=1), (x + 190, y + offset), ink, 0.9)
        y += 62
    volume = f"CU.CAP.  {rng.choice(('33.2', '67.7', '76.4'))} CU.M"
    drawing.paint(wall, drawing.text_mask(volume, 18, weight=1), (x, y), ink, 0.9)


def _wall(size: tuple[int, int], rng: Random) -> tuple[Image.Image, drawing.Colour]:
    paint = rng.choice(_PAINTS)
    ink = _BLACK if sum(paint) > 480 else _WHITE  # noqa: PLR2004 - light paint gets dark letters
    return drawing.corrugated(size, paint, rng, pitch=rng.randrange(60, 110)), ink


def container_door(rng: Random) -> Scene:
    """Give a container's door: owner, serial number and boxed check digit, size and type below, then the weights."""
    code = made_up_container(rng.randbytes(16))
    wall, ink = _wall((860, 640), rng)
    for x in (150, 170, 780, 800):
        ImageDraw.Draw(wall).line((x, 0, x, 640), fill=(110, 112, 114), width=7)
    drawing.paint(wall, drawing.text_mask(rng.choice(_CARRIERS), 46, width=0.9, weight=4), (40, 36), ink, 0.85)
    height, weight = 58, rng.choice((2, 3, 4))
    x, y = 214, 150
    for text in (code[:4], code[4:10]):
        mask = drawing.worn(drawing.text_mask(text, height, width=0.86, weight=weight), rng, 40)
        drawing.paint(wall, mask, (x, y), ink)
        x += mask.width + 26
    check = drawing.text_mask(code[10], height - 8, width=0.86, weight=weight)
    drawing.paint(wall, check, (x + 6, y + 4), ink)
    drawing.outline(wall, (x - 6, y - 8, x + check.width + 18, y + height + 6), ink)
    size_type = drawing.text_mask(rng.choice(("22G1", "42G1", "45G1", "45R1")), height - 6, width=0.86, weight=weight)
    drawing.paint(wall, size_type, (420, y + 84), ink)
    _weights(wall, (230, y + 190), ink, rng)
    drawing.dirt(wall, rng, 40)
    drawing.cast_shadow(wall, rng)
    photo = drawing.seen_by_camera(wall, (900, 680), rng, tilt=0.05, ground=(150, 164, 176))
    return Scene(photo, "trailer_id", code, Orientation.HORIZONTAL)


def container_side(rng: Random) -> Scene:
    """Give a container's long side: the carrier's name in large letters, the code in one line at the upper right."""
    code = made_up_container(rng.randbytes(16))
    wall, ink = _wall((1200, 560), rng)
    drawing.paint(wall, drawing.text_mask(rng.choice(_CARRIERS), 110, width=0.8, weight=6), (50, 250), ink, 0.85)
    text = f"{code[:4]} {code[4:10]} {code[10]}"
    mask = drawing.worn(drawing.text_mask(text, 52, width=0.9, weight=3), rng, 50)
    drawing.paint(wall, mask, (1150 - mask.width, 50), ink)
    size_type = drawing.text_mask(rng.choice(("22G1", "42G1", "45G1")), 46, width=0.9, weight=3)
    drawing.paint(wall, size_type, (1150 - size_type.width, 124), ink)
    drawing.dirt(wall, rng, 50)
    drawing.cast_shadow(wall, rng)
    photo = drawing.seen_by_camera(wall, (1100, 600), rng, tilt=0.045, ground=(128, 132, 130))
    return Scene(photo, "trailer_id", code, Orientation.HORIZONTAL)


def container_post(rng: Random) -> Scene:
    """Give a container's corner post: the code letter under letter, beside the wall."""
    code = made_up_container(rng.randbytes(16))
    wall, ink = _wall((520, 900), rng)
    post = wall.crop((330, 0, 460, 900)).resize((1, 900)).resize((130, 900))
    wall.paste(ImageEnhance.Brightness(post).enhance(0.85), (330, 0))
    letters = drawing.stacked_mask(code, 52, weight=3)
    drawing.paint(wall, drawing.worn(letters, rng, 60), (395 - letters.width // 2, 70), ink)
    drawing.paint(wall, drawing.text_mask("45G1", 40, weight=2), (90, 90), ink)
    drawing.paint(wall, drawing.text_mask("CAUTION 9'6\" HIGH", 26, weight=1, width=0.85), (40, 420), ink, 0.9)
    drawing.dirt(wall, rng, 30)
    photo = drawing.seen_by_camera(wall, (560, 940), rng, tilt=0.03, ground=(150, 164, 176))
    return Scene(photo, "trailer_id", code, Orientation.VERTICAL)


def trailer_turned(rng: Random) -> Scene:
    """Give a trailer's front edge: the code turned by a quarter, to be read from top to bottom or the other way."""
    code = made_up_container(rng.randbytes(16))
    wall, ink = _wall((560, 900), rng)
    mask = drawing.worn(drawing.text_mask(f"{code[:4]} {code[4:]}", 64, weight=3), rng, 50)
    turned = mask.transpose(rng.choice((Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_90)))
    drawing.paint(wall, turned, (350, 110), ink)
    drawing.paint(wall, drawing.text_mask(rng.choice(_CARRIERS), 26, weight=1, width=0.8), (50, 60), ink, 0.9)
    drawing.dirt(wall, rng, 30)
    drawing.cast_shadow(wall, rng)
    photo = drawing.seen_by_camera(wall, (600, 940), rng, tilt=0.03, ground=(128, 132, 130))
    return Scene(photo, "trailer_id", code, Orientation.VERTICAL)


def fleet_trailer(rng: Random) -> Scene:
    """Give a van trailer of a carrier with its fleet number, its DOT number, a telephone number and reflective tape."""
    letters = "".join(rng.choices("ABCDEFHKLMNPRT", k=rng.choice((0, 0, 2, 3, 4))))
    number = f"53 {rng.randrange(1000, 9999)}" if not letters else f"{letters} {rng.randrange(10_000, 999_999)}"
    wall = drawing.surface((1100, 640), rng.choice((_WHITE, (222, 224, 228), (206, 200, 188))), rng, grain=4.0)
    draw = ImageDraw.Draw(wall)
    for x in range(40, 1100, 130):
        draw.line((x, 0, x, 560), fill=(186, 188, 190), width=2)
    ink = rng.choice((_BLACK, (24, 44, 96), (130, 26, 26)))
    drawing.paint(wall, drawing.text_mask(rng.choice(_CARRIERS), 84, width=0.85, weight=5), (70, 210), ink, 0.9)
    code = drawing.worn(drawing.text_mask(number, 76, width=0.9, weight=4), rng, 60)
    drawing.paint(wall, code, (1040 - code.width, 50), ink)
    small = (
        f"USDOT {rng.randrange(10**5, 10**7)}",
        f"1-800-555-{rng.randrange(100, 199):04}",
        "AIR RIDE   102 IN WIDE",
    )
    for index, text in enumerate(small):
        drawing.paint(wall, drawing.text_mask(text, 26, weight=1), (74, 350 + 50 * index), ink, 0.85)
    for x in range(0, 1100, 110):
        draw.rectangle((x, 570, x + 55, 596), fill=(176, 28, 30))
        draw.rectangle((x + 55, 570, x + 110, 596), fill=(236, 236, 236))
    drawing.dirt(wall, rng, 45)
    drawing.cast_shadow(wall, rng)
    photo = drawing.seen_by_camera(wall, (1100, 680), rng, tilt=0.04, ground=(112, 112, 110))
    return Scene(photo, "trailer_id", number.replace(" ", ""), Orientation.HORIZONTAL)


SCENES: tuple[tuple[str, Callable[[Random], Scene]], ...] = (
    ("vin_plate", vin_plate),
    ("container_door", container_door),
    ("door_label", door_label),
    ("fleet_trailer", fleet_trailer),
    ("vin_plate", vin_plate),
    ("container_post", container_post),
    ("door_label", door_label),
    ("container_side", container_side),
    ("vin_plate", vin_plate),
    ("container_door", container_door),
    ("door_label", door_label),
    ("trailer_turned", trailer_turned),
)
"""The mix, repeated: as many VINs as trailers, one trailer in three vertical."""
