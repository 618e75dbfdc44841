"""The protobuf message that Corona-Warn-App and CrowdNotifier share: a place, its key and vendor data.

    QRCodePayload  {1 version, 2 location, 3 crowd notifier data, 4 vendor data}
    location       {1 version, 2 description, 3 address, start, end}
    crowd notifier {1 version, 2 public key, 3 seed}

`start` and `end` are fields 5 and 6 in Corona-Warn-App and in CrowdNotifier's
specification, but fields 4 and 5 in CrowdNotifier's SDKs.
"""

from dataclasses import dataclass
from typing import Final

from pipelines.codes.decoded import CodeError
from pipelines.codes.protobuf import Message, data, number, read_message, text
from pipelines.codes.texts import one_line
from pipelines.times import SECOND_US

_SEED: Final = 16
_LAST_SECOND: Final = 253_402_300_799  # the year 9999


@dataclass(frozen=True)
class TraceLocation:
    """A place, as the message describes it.

    Attributes:
        description: one line.
        address: one line.
        start: seconds since 1970, 0 without one.
        end: seconds since 1970, 0 without one.
        vendor: the vendor's data, undecoded.
    """

    description: str
    address: str
    start: int
    end: int
    vendor: bytes

    @property
    def start_us(self) -> int | None:
        """Start of the validity, None without one."""
        return self.start * SECOND_US or None

    @property
    def end_us(self) -> int | None:
        """End of the validity, exclusive, None without one."""
        return self.end * SECOND_US or None


def read_location(payload: bytes, versions: tuple[int, ...], *, sdk_numbers: bool) -> TraceLocation:
    """Read and check a message.

    Args:
        payload: the bytes as they were received.
        versions: accepted versions of the message.
        sdk_numbers: whether start and end may be fields 4 and 5.

    Raises:
        CodeError: the bytes are not such a message.
    """
    message = read_message(payload)
    location, notifier = read_message(data(message, 2)), read_message(data(message, 3))
    known = number(message, 1) in versions and number(location, 1) in versions
    if not known or len(data(notifier, 3)) != _SEED or not data(notifier, 2):
        raise CodeError("malformed")
    start, end = _times(location, sdk_numbers)
    description, address = one_line(text(location, 2)), one_line(text(location, 3))
    # Python has no date past the year 9999.
    if not description or max(start, end) > _LAST_SECOND:
        raise CodeError("malformed")
    return TraceLocation(description, address, start, end, data(message, 4))


def _times(location: Message, sdk_numbers: bool) -> tuple[int, int]:
    """Return start and end; a field 6 occurs in one numbering only, a field 4 in the other only."""
    if sdk_numbers and 6 not in location:
        return number(location, 4), number(location, 5)
    if 4 in location:
        raise CodeError("malformed")
    return number(location, 5), number(location, 6)
