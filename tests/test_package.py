"""What importing the package does: it names the cache of compiled kernels, and nothing more."""

import fcntl
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.kernels.cache import WITHOUT_KERNELS
from tests.test_layers import IMPORTS, MODULES

PRINT_CACHE = "import os, pipelines; print(os.environ.get('NUMBA_CACHE_DIR'))"
UNSET = ("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR")


def import_with(variables, code=PRINT_CACHE):
    """Return what the code prints in a process with these variables."""
    clean = {key: value for key, value in os.environ.items() if key not in UNSET}
    done = subprocess.run(
        [sys.executable, "-c", code], env=clean | variables, capture_output=True, check=True, text=True
    )
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("given", "folder"),
    [
        ({"HOME": "/tmp/x"}, "/tmp/x/.cache/truyvet/numba-[0-9a-f]{16}"),
        ({"HOME": "/tmp/x", "XDG_CACHE_HOME": "/tmp/cache"}, "/tmp/cache/truyvet/numba-[0-9a-f]{16}"),
        ({"HOME": "/tmp/x", "NUMBA_CACHE_DIR": "/tmp/own"}, "/tmp/own"),
        ({"HOME": "/tmp/x", "XDG_CACHE_HOME": "relative"}, "/tmp/x/.cache/truyvet/numba-[0-9a-f]{16}"),
    ],
)
def test_compiled_kernels_are_kept_in_a_lasting_folder_of_the_user(given, folder):
    assert re.fullmatch(folder, import_with(given))


@pytest.mark.parametrize("variable", ["HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"])
def test_kernels_of_an_account_without_a_cache_go_to_a_private_folder_that_ends_with_the_process(variable):
    nowhere = {"HOME": "/tmp/x", variable: "/proc/nowhere"}
    code = (
        "import os, pipelines; folder = os.environ['NUMBA_CACHE_DIR']; info = os.stat(folder);"
        "print(folder, oct(info.st_mode & 0o777), info.st_uid == os.getuid())"
    )
    folder, mode, own = import_with(nowhere, code).split()
    assert Path(folder).name.startswith("truyvet-numba-")
    assert (mode, own) == ("0o700", "True")
    assert not os.path.exists(folder)


def test_kernels_are_kept_in_memory_where_no_disk_can_be_written():
    code = (
        "import os, tempfile\n"
        "def gettempdir(): raise FileNotFoundError\n"
        "tempfile.gettempdir = gettempdir\n"
        "import pipelines; print(os.environ['NUMBA_CACHE_DIR'])"
    )
    folder = Path(import_with({"HOME": "/proc/nowhere"}, code))
    assert folder.parent == Path("/dev/shm")
    assert not folder.exists()


def test_kernels_are_never_taken_from_a_folder_of_another_account(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can make a folder that belongs to another account")
    theirs = tmp_path / "truyvet"
    theirs.mkdir()
    code = "import os, pipelines; from pipelines.kernels.cache import refusal_of_cache;"
    code += "print(os.environ['NUMBA_CACHE_DIR'], refusal_of_cache(), sep=';')"
    given = {"HOME": "/tmp/x", "XDG_CACHE_HOME": str(tmp_path)}
    assert import_with(given, code).startswith(f"{theirs}/numba-")
    os.chown(theirs, 65534, 65534)
    folder, reason, remedy = import_with(given, code).split(";")
    assert Path(folder).name.startswith("truyvet-numba-")
    assert reason == f"{theirs} belongs to another account"
    assert remedy == " name a folder of your own with XDG_CACHE_HOME"
    (tmp_path / "own").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "own")
    os.chown(tmp_path / "link", 65534, 65534, follow_symlinks=False)
    reason = import_with(given | {"XDG_CACHE_HOME": str(tmp_path / "link")}, code).split(";")[1]
    assert reason == f"{tmp_path / 'link'} belongs to another account"
    (tmp_path / "own").rmdir()
    reason = import_with(given | {"XDG_CACHE_HOME": str(tmp_path / "link")}, code).split(";")[1]
    assert reason.endswith(" cannot be written")


def test_the_private_folders_of_killed_processes_are_removed_by_the_next(tmp_path):
    temporary = {"HOME": "/proc/nowhere", "TMPDIR": str(tmp_path)}
    killed = "import os, pipelines; folder = os.environ['NUMBA_CACHE_DIR']; print(folder, flush=True);"
    folder = Path(import_with(temporary, killed + "os._exit(0)"))
    assert folder.parent == tmp_path
    assert folder.exists()
    import_with(temporary)
    assert folder.exists()  # too young to be sure that it is not just being made
    os.utime(folder, (0, 0))
    with (folder / ".lock").open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        import_with(temporary)
        assert folder.exists()  # in use
    import_with(temporary)
    assert not folder.exists()


def test_a_process_started_from_another_keeps_its_temporary_cache():
    code = (
        "import os, subprocess, sys, pipelines; inner = subprocess.run([sys.executable, '-c', "
        f"{PRINT_CACHE!r}], capture_output=True, text=True, check=True).stdout.strip();"
        "folder = os.environ['NUMBA_CACHE_DIR']; print(inner == folder and os.path.isdir(folder))"
    )
    assert import_with({"HOME": "/proc/nowhere"}, code) == "True"


def test_kernels_are_made_of_nothing_that_the_name_of_their_cache_leaves_out():
    """Else a change there would go on with kernels of before: wrong rows without an error."""
    is_kernel = re.compile(r"^\s*(from|import) numba|kernels\.(compile|simd)", re.MULTILINE)
    found = {name for name, path in MODULES.items() if is_kernel.search(path.read_text(encoding="utf-8"))}
    reached, todo = set(), sorted(found)
    while todo:
        name = todo.pop()
        if name not in reached:
            reached.add(name)
            todo += IMPORTS[name]
    tops = {Path(*MODULES[name].parts[1:2]).name for name in reached if name != "pipelines"}
    assert found
    assert tops.isdisjoint(WITHOUT_KERNELS)
    assert all((Path("pipelines") / name).exists() for name in WITHOUT_KERNELS)
