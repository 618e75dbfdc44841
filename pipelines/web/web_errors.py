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
        what: an error of the command line, in English; empty if the words say all.
        remedy: likewise.
    """

    def __init__(self, status: int, key: str, what: str = "", remedy: str = "") -> None:
        super().__init__(status, key)
        self.status, self.key, self.what, self.remedy = status, key, what, remedy


class LedgerClosedError(PageError):
    """The ledger cannot be written, so nothing is answered."""

    def __init__(self, error: TruyVetError) -> None:
        super().__init__(503, "ledger", error.what, error.remedy)


def page_error_of(error: TruyVetError) -> PageError:
    """The page that says what the command line would say."""
    # From the most specific: every kind of the command line has its status.
    if isinstance(error, UsageError):
        return PageError(422, "wrong", error.what, error.remedy)
    if isinstance(error, RefusedError):
        return PageError(409, "refused", error.what, error.remedy)
    if isinstance(error, ServiceError):
        return PageError(503, "service", error.what, error.remedy)
    assert isinstance(error, DataError)
    return PageError(503, "data", error.what, error.remedy)
