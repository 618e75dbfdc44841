"""Parcels: values that a job's description names and does not hold.

A step is pickled into the description of its job, which a runner keeps, shows
and limits to a few megabytes. What is large, or speaks of persons, is left in
the run's scratch folder instead, and a worker fetches it from there.
"""

import copy
import os
import pickle
from dataclasses import fields
from typing import Any, Self
from weakref import WeakValueDictionary

from pipelines.lake import storage

_here: WeakValueDictionary[str, "SidePayload"] = WeakValueDictionary()


class SidePayload:
    """A frozen dataclass of this kind is pickled as a path once it has been left somewhere."""

    def store_in(self, folder: str) -> Self:
        """An equal value that is pickled as the path of a file in `folder`.

        Args:
            folder: private to the lake's owner, and reachable by all workers.

        Raises:
            OSError: the disk does not take it.
        """
        path = f"{folder}/parcel-{type(self).__name__.lower()}-{os.urandom(8).hex()}"
        storage.put(path, pickle.dumps(_fields(self), protocol=5))
        twin = copy.copy(self)
        object.__setattr__(twin, "_left", path)
        _here[path] = twin
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        path = self.__dict__.get("_left")
        return super().__reduce_ex__(protocol) if path is None else (_fetched, (type(self), path))


def _fields(value: SidePayload) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(value)}  # type: ignore[arg-type]


def _fetched(kind: type[SidePayload], path: str) -> SidePayload:
    """The value that was left at a path, read once by each process that uses it."""
    held = _here.get(path)
    if held is None:
        held = kind(**pickle.loads(storage.read(path)))  # noqa: S301 - the folder is the lake owner's own
        object.__setattr__(held, "_left", path)
        _here[path] = held
    return held
