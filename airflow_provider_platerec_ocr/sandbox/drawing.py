"""Drawing and ageing: text in the one font that ships inside Pillow, surfaces, dirt, and the camera's view of them.

Everything is drawn from a given ``Random``, so that a seed gives the same picture each time. Knows no codes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

if TYPE_CHECKING:
    from random import Random

Colour = tuple[int, int, int]
Point = tuple[float, float]
_DRAWN_AT = 96
"""Height in pixels at which text is drawn before it is scaled."""


def text_mask(text: str, height: int, *, width: float = 1.0, weight: int = 2, tracking: float = 0.06) -> Image.Image:
    """Draw a line of text as a mask of the given height.

    :param width: stretches (above 1) or condenses (below 1) the letters.
    :param weight: thickness added to the strokes, at the size of drawing.
    :param tracking: room between letters, in letter heights.
    """
    font = ImageFont.load_default(_DRAWN_AT)
    room = round(tracking * _DRAWN_AT)
    advances = [font.getlength(char) + room for char in text]
    mask = Image.new("L", (round(sum(advances)) + 4 * weight, round(_DRAWN_AT * 1.25)))
    draw = ImageDraw.Draw(mask)
    x = 2.0 * weight
    for char, advance in zip(text, advances, strict=True):
        draw.text((x, 0), char, fill=255, font=font, stroke_width=weight)
        x += advance
    box = mask.getbbox() or (0, 0, 1, 1)
    mask = mask.crop(box)
    return mask.resize((max(1, round(mask.width * height / mask.height * width)), height), Image.Resampling.LANCZOS)


def stacked_mask(text: str, height: int, *, weight: int = 2, gap: float = 0.28) -> Image.Image:
    """Draw upright letters one below the other; ``height`` and ``gap`` are those of one letter."""
    letters = [text_mask(char, height, weight=weight) for char in text]
    step = round(height * (1 + gap))
    mask = Image.new("L", (max(letter.width for letter in letters), step * len(letters)))
    for index, letter in enumerate(letters):
        mask.paste(letter, ((mask.width - letter.width) // 2, index * step))
    return mask


def paint(image: Image.Image, mask: Image.Image, at: tuple[int, int], colour: Colour, opacity: float = 1.0) -> None:
    """Put a mask on an image in one colour."""
    faded = mask.point([round(value * opacity) for value in range(256)])
    image.paste(colour, (at[0], at[1], at[0] + mask.width, at[1] + mask.height), faded)


def emboss(image: Image.Image, mask: Image.Image, at: tuple[int, int], colour: Colour) -> None:
    """Stamp a mask into metal: a light edge above, a dark one below, the colour between."""
    paint(image, mask, (at[0] - 1, at[1] - 1), (250, 250, 245), 0.8)
    paint(image, mask, (at[0] + 2, at[1] + 2), (40, 40, 42), 0.6)
    paint(image, mask, at, colour)


def outline(image: Image.Image, box: tuple[int, int, int, int], colour: Colour, line: int = 3) -> None:
    """Draw a frame, such as that of a check digit."""
    ImageDraw.Draw(image).rectangle(box, outline=colour, width=line)


def surface(size: tuple[int, int], colour: Colour, rng: Random, *, grain: float = 6.0) -> Image.Image:
    """Give a plain surface with a slow change of light over it."""
    noise = _noise(size, rng, grain)
    x = np.linspace(rng.uniform(-18, 0), rng.uniform(0, 18), size[0])[None, :, None]
    y = np.linspace(rng.uniform(0, 18), rng.uniform(-18, 0), size[1])[:, None, None]
    return _image(np.array(colour, float)[None, None, :] + noise[:, :, None] + x + y)


def brushed(size: tuple[int, int], colour: Colour, rng: Random) -> Image.Image:
    """Give brushed metal: grain along the length."""
    rows = _noise((1, size[1]), rng, 9.0)
    return _image(np.asarray(surface(size, colour, rng, grain=3.0), float) + rows[:, :, None])


def corrugated(size: tuple[int, int], colour: Colour, rng: Random, *, pitch: int) -> Image.Image:
    """Give a container's wall: ribs from top to bottom, ``pitch`` pixels apart."""
    x = np.arange(size[0]) + rng.randrange(pitch)
    ribs = np.clip(np.sin(2 * np.pi * x / pitch) * 3.0, -1, 1) * 11.0
    return _image(np.asarray(surface(size, colour, rng), float) + ribs[None, :, None])


def dirt(image: Image.Image, rng: Random, amount: int) -> None:
    """Add streaks of rain and rust, scratches and specks."""
    layer = Image.new("L", image.size)
    draw = ImageDraw.Draw(layer)
    for _ in range(amount):
        x, y = rng.randrange(image.width), rng.randrange(image.height)
        length = rng.randrange(10, max(11, image.height // 3))
        draw.line((x, y, x + rng.randrange(-4, 5), y + length), fill=rng.randrange(15, 70), width=rng.randrange(1, 4))
    for _ in range(amount * 3):
        x, y, radius = rng.randrange(image.width), rng.randrange(image.height), rng.uniform(0.5, 2.5)
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=rng.randrange(30, 130))
    image.paste((88, 74, 58), (0, 0), layer.filter(ImageFilter.GaussianBlur(1.2)))


def cast_shadow(image: Image.Image, rng: Random) -> None:
    """Darken one side of the picture along a slanted edge."""
    edge = rng.randrange(image.width // 4, image.width)
    slant = rng.randrange(-image.width // 4, image.width // 4)
    shade = Image.new("L", image.size)
    corners = [(edge, 0), (image.width, 0), (image.width, image.height), (edge + slant, image.height)]
    ImageDraw.Draw(shade).polygon(corners, fill=rng.randrange(40, 95))
    image.paste((18, 20, 28), (0, 0), shade.filter(ImageFilter.GaussianBlur(14)))


def seen_by_camera(
    image: Image.Image, size: tuple[int, int], rng: Random, *, tilt: float, ground: Colour
) -> Image.Image:
    """Give the photograph: the scene in slight perspective and rotation, blur, sensor noise.

    :param tilt: how far the corners may move, as a share of the picture.
    """
    width, height = size
    margin = 0.06
    corners: list[Point] = []
    for x, y in ((0, 0), (1, 0), (1, 1), (0, 1)):
        inset_x, inset_y = margin + rng.uniform(-tilt, tilt), margin + rng.uniform(-tilt, tilt)
        corners.append((width * abs(x - inset_x), height * abs(y - inset_y)))
    source: list[Point] = [(0, 0), (image.width, 0), (image.width, image.height), (0, image.height)]
    coefficients = _perspective(corners, source)
    transform, resample = Image.Transform.PERSPECTIVE, Image.Resampling.BICUBIC
    view = image.transform(size, transform, coefficients, resample)
    inside = Image.new("L", image.size, 255).transform(size, transform, coefficients, resample)
    photo = surface(size, ground, rng, grain=10.0).filter(ImageFilter.GaussianBlur(2))
    photo.paste(view, (0, 0), inside)
    photo = photo.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 0.9)))
    return _image(np.asarray(photo, float) + _noise(size, rng, rng.uniform(3.0, 7.0))[:, :, None])


def bars(width: int, height: int, rng: Random) -> Image.Image:
    """Draw a bar code as a mask."""
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    x = 0
    while x < width:
        bar = rng.choice((2, 2, 3, 5))
        draw.rectangle((x, 0, x + bar - 1, height), fill=255)
        x += bar + rng.choice((2, 3, 3, 5))
    return mask


def worn(mask: Image.Image, rng: Random, amount: int) -> Image.Image:
    """Take specks and scratches out of paint."""
    wear = Image.new("L", mask.size, 255)
    draw = ImageDraw.Draw(wear)
    for _ in range(amount):
        x, y = rng.randrange(mask.width), rng.randrange(mask.height)
        draw.line((x, y, x + rng.randrange(-9, 10), y + rng.randrange(-3, 4)), fill=90, width=1)
    return ImageChops.multiply(mask, wear)


def _noise(size: tuple[int, int], rng: Random, strength: float) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    generator = np.random.default_rng(rng.randrange(2**32))
    return generator.normal(0.0, strength, (size[1], size[0]))


def _image(pixels: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGB")


def _perspective(target: list[Point], source: list[Point]) -> list[float]:
    """Solve for the eight coefficients Pillow wants: from points of the result to points of the source."""
    rows, values = [], []
    for (x, y), (u, v) in zip(target, source, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return [float(value) for value in np.linalg.solve(np.array(rows, float), np.array(values, float))]
