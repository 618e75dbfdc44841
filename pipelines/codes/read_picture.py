"""Read the QR codes in a picture."""

import warnings
from pathlib import Path
from typing import Final

import zxingcpp
from PIL import Image

from pipelines.errors import DataError

_FORMATS: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


def read_picture(path: Path) -> list[bytes]:
    """Return the raw contents of all QR codes in a picture, in the order in which they are found.

    Raises:
        DataError: the file is not a picture, or holds more than 89 million pixels.
    """
    try:
        with warnings.catch_warnings():
            # Pillow only warns from 89 million pixels on, and fails at twice as many.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return read_codes(picture.convert("L"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is too large", "scale it down to 80 million pixels or less") from error
    # Pillow's reader of PNG raises SyntaxError for a broken file.
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} is not a readable picture", "name a PNG or JPEG") from error


def read_codes(picture: Image.Image) -> list[bytes]:
    """Return the raw contents of all QR codes in a greyscale picture."""
    return [found.bytes for found in zxingcpp.read_barcodes(picture, formats=_FORMATS)]
