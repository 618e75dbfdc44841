"""Reading the QR codes in a picture."""

from pathlib import Path
from typing import Final

import zxingcpp
from PIL import Image, UnidentifiedImageError

from pipelines.errors import DataError

MOST_PIXELS: Final = 100_000_000
"""A larger picture is refused before it is unpacked."""

_FORMATS: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


def read_picture(path: Path) -> list[bytes]:
    """The raw contents of all QR codes in a picture, in the order in which they were found.

    Raises:
        DataError: it is no picture, or too large.
    """
    try:
        with Image.open(path) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise DataError(f"{path} is too large", "scale it down to 100 million pixels")
            return read_codes(picture.convert("L"))
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is no picture that can be read", "name a PNG or JPEG") from error


def read_codes(picture: Image.Image) -> list[bytes]:
    """The raw contents of all QR codes in a grey picture."""
    return [found.bytes for found in zxingcpp.read_barcodes(picture, formats=_FORMATS)]
