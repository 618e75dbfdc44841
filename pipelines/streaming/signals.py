"""Stop on signals: what `land` and `watch` do until they are told to end."""

import signal
import threading
from collections.abc import Callable


def stop_on_signals(stopped: threading.Event) -> Callable[[], None]:
    """Set an event on SIGTERM and SIGINT; call the returned function to restore the signals."""
    before = {
        number: signal.signal(number, lambda *_: stopped.set()) for number in (signal.SIGTERM, signal.SIGINT)
    }

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
