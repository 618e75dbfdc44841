"""Reading the QR codes in a picture."""

import warnings
from pathlib import Path
from typing import Final

import zxingcpp
from PIL import Image

from pipelines.errors import DataError

_FORMATS: Final = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode])


def read_picture(path: Path) -> list[bytes]:
    """The raw contents of all QR codes in a picture, in the order in which they were found.

    Raises:
        DataError: it is no picture, or would unpack to more than 89 million pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as picture:
                return read_codes(picture.convert("L"))
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is too large", "scale it down to 80 million pixels") from error
    except (OSError, ValueError, SyntaxError) as error:
        raise DataError(f"{path} is no picture that can be read", "name a PNG or JPEG") from error


def read_codes(picture: Image.Image) -> list[bytes]:
    """The raw contents of all QR codes in a grey picture."""
    return [found.bytes for found in zxingcpp.read_barcodes(picture, formats=_FORMATS)]
