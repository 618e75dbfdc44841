"""From the identifier of a person to the token that the lake's tables hold."""

from pathlib import Path

from pipelines.errors import RefusedError
from pipelines.lake import Lake, LakeLike, is_lake, open_lake
from pipelines.lake.lake_root import readable_keys
from pipelines.privacy import keys as key_files
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import Keys, create_keys
from pipelines.terminal.options import keys_folder


def token(person: str, *, keys: str | Path | None = None, lake: LakeLike | None = None) -> int:
    """Return the token of an identifier, signed, as the lake's tables hold it.

    Keys are made where their folder does not exist, but never beside an
    existing lake: tokens made with new keys are not in its tables.

    Example:
        >>> token("phone:0905123456", lake=lake) == token("phone:+84905123456", lake=lake)
        True

    Args:
        person: `kind:value`, such as `phone:0905…`.
        keys: the folder of the keys; by default `LAKE.keys` beside the lake.
        lake: the lake whose keys are meant; its fingerprint is compared.

    Raises:
        UsageError: the identifier is malformed, or neither keys nor lake are named.
        RefusedError: the lake was made with other keys, or its keys are gone or may not be read.
    """
    canonical = canonical_person(person)
    url = None if lake is None else lake.url if isinstance(lake, Lake) else str(lake)
    folder = keys_folder(None if keys is None else str(keys), url)
    return key_files.token(_keys(folder, url), canonical)


def _keys(folder: Path, lake_url: str | None) -> Keys:
    """Return the keys of a folder; make them if that is allowed.

    Raises:
        RefusedError: the lake has other keys, or they are gone or may not be read.
    """
    if lake_url is not None and is_lake(lake_url):
        open_lake(lake_url, folder)  # raises where these are not the keys of the lake
    if folder.is_dir():
        return readable_keys(folder)
    if folder.name.endswith(".keys") and is_lake(str(folder)[: -len(".keys")]):
        raise RefusedError(
            f"{folder} is missing, and its lake exists",
            "restore the folder; tokens made with new keys would match no row of the lake",
        )
    return create_keys(folder)
