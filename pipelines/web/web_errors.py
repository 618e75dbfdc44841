"""What a page answers instead of its content, and with which status."""

from pipelines.errors import DataError, RefusedError, ServiceError, TruyVetError, UsageError


class PageError(Exception):
    """A request that is answered with a page of its own.

    Example:
        >>> PageError(422, "no_purpose").status
        422

    Attributes:
        status: of HTTP.
        key: of the words in section `problem`.
        detail: an error of the command line, in English; empty if the words say all.
    """

    def __init__(self, status: int, key: str, detail: str = "") -> None:
        super().__init__(status, key)
        self.status, self.key, self.detail = status, key, detail


class LedgerClosedError(PageError):
    """The ledger cannot be written, so nothing is answered."""

    def __init__(self, detail: str) -> None:
        super().__init__(503, "ledger", detail)


def page_error_of(error: TruyVetError) -> PageError:
    """The page that says what the command line would say."""
    if isinstance(error, UsageError):
        return PageError(422, "wrong", str(error))
    if isinstance(error, RefusedError):
        return PageError(409, "refused", str(error))
    if isinstance(error, ServiceError):
        return PageError(503, "service", str(error))
    assert isinstance(error, DataError)
    return PageError(503, "data", str(error))
