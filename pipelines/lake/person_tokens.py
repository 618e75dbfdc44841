"""Who is asked about: an identifier and its token."""

from pathlib import Path

from pipelines.errors import RefusedError
from pipelines.lake import Lake, LakeLike, is_lake, open_lake
from pipelines.privacy import keys as key_files
from pipelines.privacy.identifiers import canonical_person
from pipelines.privacy.keys import Keys, create_keys, load_keys
from pipelines.terminal.options import keys_folder


def token(person: str, *, keys: str | Path | None = None, lake: LakeLike | None = None) -> int:
    """The token of an identifier, signed, as the lake's tables hold it.

    Keys are made where their folder does not exist, but never beside a lake
    that exists: what they would make tokens of is not in it.

    Example:
        >>> token("phone:0905123456", lake=lake) == token("phone:+84905123456", lake=lake)
        True

    Args:
        person: `kind:value`, such as `phone:0905…`.
        keys: the folder of the keys; by default `LAKE.keys` beside the lake.
        lake: the lake whose keys are meant; its fingerprint is compared.

    Raises:
        UsageError: the identifier is malformed, or neither keys nor lake are named.
        RefusedError: the lake was made with other keys, or its keys are gone.
    """
    canonical = canonical_person(person)
    url = None if lake is None else lake.url if isinstance(lake, Lake) else str(lake)
    folder = keys_folder(None if keys is None else str(keys), url)
    return key_files.token(_keys(folder, url), canonical)


def _keys(folder: Path, lake_url: str | None) -> Keys:
    """The keys of a folder, made when it may be.

    Raises:
        RefusedError: a lake needs others, or they are gone.
    """
    if lake_url is not None and is_lake(lake_url):
        open_lake(lake_url, folder)
    if folder.is_dir():
        return load_keys(folder)
    if folder.name.endswith(".keys") and is_lake(str(folder)[: -len(".keys")]):
        raise RefusedError(
            f"{folder} is gone and its lake is there",
            "restore the folder; new keys would fit no row of the lake",
        )
    return create_keys(folder)
