"""A line on standard error before kernels are compiled, which takes half a minute and happens once."""

import importlib.util
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, Final

from pipelines.kernels.cache import refusal_of_cache

_EVENTS: Final = "numba.core.event"
_COMPILE: Final = "numba:compile"  # not sent for a kernel that comes from the cache

COMPILING_ONCE: Final = "compiling kernels, once (about 30 s)\n"

_announced = False


def announce_compiling() -> None:
    """Print the line when numba first compiles something; numba itself is not imported."""
    # numba may be there already, or come much later, or never.
    if _EVENTS in sys.modules:
        _listen(sys.modules[_EVENTS])
    else:
        sys.meta_path.insert(0, _AfterImport())


class _AfterImport:
    """Calls `_listen` once numba's module of events has been imported."""

    def find_spec(self, fullname: str, *_: Any) -> ModuleSpec | None:
        if fullname != _EVENTS:
            return None
        # Removed before the real finder is asked, which would else ask this one again.
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        if spec is not None and spec.loader is not None:
            # The loader's own work first: `Listener` exists only after it.
            execute = spec.loader.exec_module

            def execute_and_listen(module: ModuleType) -> None:
                execute(module)
                _listen(module)

            spec.loader.exec_module = execute_and_listen  # type: ignore[method-assign]
        return spec


def _listen(events: Any) -> None:
    # Defined here, for its base class is numba's.
    class Announcer(events.Listener):  # type: ignore[misc]
        def on_start(self, _event: Any) -> None:
            _announce()

        def on_end(self, _event: Any) -> None:
            pass

    events.register(_COMPILE, Announcer())


def _announce() -> None:
    global _announced
    if _announced:
        return
    _announced = True
    # A cache that cannot be used compiles again each time; that is worth another line.
    refusal = refusal_of_cache()
    line = f"compiling kernels (about 30 s), each time: {refusal}\n" if refusal else COMPILING_ONCE
    print(line, end="", file=sys.stderr, flush=True)
