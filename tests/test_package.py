import os
import re
import subprocess
import sys

import pytest

PRINT_CACHE = "import os, pipelines; print(os.environ.get('NUMBA_CACHE_DIR'))"


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"HOME": "/home/x"}, "/home/x/.cache/truyvet/numba-[0-9a-f]{16}"),
        ({"HOME": "/home/x", "XDG_CACHE_HOME": "/cache"}, "/cache/truyvet/numba-[0-9a-f]{16}"),
        ({"HOME": "/home/x", "NUMBA_CACHE_DIR": "/own"}, "/own"),
        ({"HOME": "/home/x", "XDG_CACHE_HOME": "relative"}, "None"),
    ],
)
def test_compiled_kernels_are_kept_in_a_lasting_folder_of_the_user(given, folder):
    unset = ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR")
    clean = {key: value for key, value in os.environ.items() if key not in unset}
    done = subprocess.run(
        [sys.executable, "-c", PRINT_CACHE], env=clean | given, capture_output=True, check=True, text=True
    )
    assert re.fullmatch(folder, done.stdout.strip())
