"""Values that travel beside a job instead of inside its description.

A step is pickled into the description of its job, which a runner stores, shows
on its pages and limits to a few megabytes (10 MB on Dataflow). A value that is
large, or tells something about people, is written to the run's scratch folder
instead; the description holds its path and each worker reads it once.
"""

import copy
import os
import pickle
from dataclasses import dataclass, fields
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

from pipelines.lake import storage

Payload = TypeVar("Payload", bound="SidePayload")

_held: WeakValueDictionary[str, "SidePayload"] = WeakValueDictionary()
"""Stored values that this process holds, by path: several steps share one copy in memory."""


@dataclass(frozen=True)
class SidePayload:
    """Base of a frozen dataclass that is pickled as a path once `store_in` has stored it."""

    def store_in(self, folder: str) -> Self:
        """Return an equal value that is pickled as the path of a file in `folder`.

        Args:
            folder: reachable by all workers, and private to the owner of the lake.

        Raises:
            OSError: the disk does not take it.
        """
        path = f"{folder}/payload-{type(self).__name__.lower()}-{os.urandom(8).hex()}"
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        storage.put(path, pickle.dumps(values, protocol=5))
        return _hold(copy.copy(self), path)  # a copy: the original is still pickled whole

    def __reduce_ex__(self, protocol: Any) -> Any:
        path = self.__dict__.get("_path")
        return super().__reduce_ex__(protocol) if path is None else (_load, (type(self), path))


def _hold(value: Payload, path: str) -> Payload:
    """Mark a value as stored at a path."""
    object.__setattr__(value, "_path", path)  # not a field: the value stays equal to the one before
    _held[path] = value
    return value


def _load(kind: type[Payload], path: str) -> Payload:
    """Return the value stored at a path, read once per process."""
    held = _held.get(path)
    if isinstance(held, kind):
        return held
    values: dict[str, Any] = pickle.loads(storage.read(path))  # noqa: S301 - the owner's private folder
    return _hold(kind(**values), path)
