"""The key that signs lists: Ed25519, one a lake, beside its other keys."""

import os
from pathlib import Path
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pipelines.errors import DataError

LIST_KEY: Final = "list.key"


def new_list_key() -> bytes:
    """A new key as the PEM of its file."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def load_list_key(folder: Path) -> Ed25519PrivateKey:
    """The key that signs the lists of a lake.

    Args:
        folder: of the lake's keys.

    Raises:
        DataError: the file is missing, unreadable or not an Ed25519 key.
    """
    path = folder / LIST_KEY
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing", "name the folder of the keys with --keys") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read", error.strerror or os.strerror(error.errno or 0)) from error
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key has a password
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise DataError(f"{path} must hold an Ed25519 private key", "restore the file from a backup")
    return key
