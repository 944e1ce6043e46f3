"""Pixels of an image file, on white."""

from __future__ import annotations

import warnings
from io import BytesIO

import numpy as np

from hccmeta.errors import DataError
from hccmeta.km.figure_paths import figure_path, read_bytes

MOST_PIXELS = 60_000_000
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")


def read_image(path) -> np.ndarray:
    """Rows x columns x RGB (0-255, whole numbers) of a PNG, JPEG, TIFF, BMP, GIF or WebP file; transparent is white."""
    from PIL import Image

    path = figure_path(path)
    if path.suffix.lower() in (".pdf", ".svg"):
        raise DataError(f"{path.name} is a vector figure: pass it to digitise_vector.")
    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=FORMATS)
        if image.width * image.height > MOST_PIXELS:
            size = f"{image.width} x {image.height}"
            raise DataError(f"{path.name} has {size} pixels, more than {MOST_PIXELS:,}: cut out the figure.")
        return np.asarray(_on_white(image))
    except DataError:
        raise
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{path.name} cannot be read as an image ({error}).") from None


def _on_white(image):
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        grey = np.asarray(image, np.float32)
        image = Image.fromarray(np.uint8(grey * (255 / (65535 if grey.max() > 255 else 255))))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert("RGB")


def is_jpeg(path) -> bool:
    """Whether the file is a JPEG, by its first bytes."""
    return read_bytes(path)[:3] == b"\xff\xd8\xff"
