"""Lakes in memory, as the end-to-end tests have them."""

from tests.end_to_end.conftest import folder, shared_folder

__all__ = ["folder", "shared_folder"]
