"""Controls: every fixture that watches the house is seen failing, and passing its clean twin."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

CLEAN = """
import asyncio, subprocess, sys, threading, socket, time
from multiprocessing import shared_memory

def test_thread():
    thread = threading.Thread(target=lambda: None); thread.start(); thread.join()

def test_process():
    subprocess.run([sys.executable, "-c", ""], check=True)

def test_shared_memory():
    block = shared_memory.SharedMemory(create=True, size=8); block.close(); block.unlink()

def test_socket():
    with socket.create_server(("127.0.0.1", 0)): pass

async def test_task():
    await asyncio.create_task(asyncio.sleep(0))

async def test_block():
    await asyncio.sleep(0)
"""

LEAKY = """
import asyncio, os, pathlib, signal, socket, subprocess, sys, threading, time
from multiprocessing import shared_memory
import pytest
import edgechain

KEPT = []
SLEEP = [sys.executable, "-c", "import signal; signal.pause()"]

def test_thread():
    thread = threading.Thread(target=threading.Event().wait, name="forgotten", daemon=True)
    thread.start()

def test_process():
    KEPT.append(subprocess.Popen(SLEEP))

def test_grandchild():
    code = f"import subprocess; subprocess.Popen({SLEEP!r}, start_new_session=True)"
    subprocess.run([sys.executable, "-c", code], check=True)

def test_fork():
    if os.fork() == 0:
        signal.pause()

def test_held_memory():
    KEPT.append(shared_memory.SharedMemory(name="edgechain-held", create=True, size=8))

def test_orphaned_memory():
    pathlib.Path("/dev/shm/edgechain-orphan").write_bytes(b"x")

def test_socket():
    KEPT.append(socket.create_server(("127.0.0.1", 0)))

async def test_task():
    KEPT.append(asyncio.create_task(asyncio.Event().wait(), name="forgotten"))

async def test_block():
    code = compile("import time; time.sleep(0.001)", edgechain.__file__, "exec")
    exec(code)

@pytest.mark.may_block
async def test_allowed_block():
    code = compile("import time; time.sleep(0.001)", edgechain.__file__, "exec")
    exec(code)
"""

ONCE = ("-p", "no:rerunfailures")
"""No second tries."""

SESSION = """
import subprocess, sys, pytest

@pytest.fixture(scope="module")
def chain():
    return subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])

def test_uses(chain):
    pass
"""

SETTINGS = """
import pathlib

def pytest_configure():
    from tests.watch import house, needs
    house.GRACE = 0.3
    needs.SHARED = pathlib.Path(%r)
"""

DATA = """
import pytest

def test_fixture(models):
    pass

@pytest.mark.models
def test_mark():
    pass
"""

FLEET = """
import pytest

@pytest.mark.fleet
def test_boots():
    pass
"""

CHANCE = """
import pathlib, pytest

@pytest.mark.parametrize("number", range(%d))
def test_late(number, request):
    seen = pathlib.Path(request.config.rootpath, f"seen-{number}")
    late, _ = not seen.exists(), seen.write_text("")
    assert not late
"""

WRONG = """
def test_wrong():
    raise AssertionError
"""

REPORTS = {
    "test_thread": "*the test left threads running: forgotten",
    "test_process": "*the test left processes running: *signal.pause()",
    "test_grandchild": "*the test left processes running: *signal.pause()",
    "test_fork": "*the test left processes running: *pytest*",
    "test_held_memory": "*shared memory was left behind: edgechain-held*",
    "test_orphaned_memory": "*shared memory was left behind: edgechain-orphan*",
    "test_socket": "*the test left 1 sockets open: tcp 0100007F:* 0A",
    "test_task": "*the test left tasks running: forgotten in Event.wait",
}


@pytest.fixture
def watched(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A test folder of its own that is watched as ours is."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    absent = str(pytester.path / "shared")
    pytester.makeconftest(ROOT.joinpath("tests", "conftest.py").read_text() + SETTINGS % absent)
    pytester.makeini(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
        "markers =\n    may_block\n    fleet\n    netns\n    tflite\n    models\n    images\n"
    )
    return pytester


def run(pytester: pytest.Pytester, source: str, *more: str) -> pytest.RunResult:
    pytester.makepyfile(source)
    options = ("-p", "no:xdist", "-p", "no:cacheprovider", "-rs", "-v", *(more or ONCE))
    return pytester.runpytest_subprocess(*options)


def test_a_clean_test_passes(watched: pytest.Pytester) -> None:
    run(watched, CLEAN).assert_outcomes(passed=6)


def test_every_leak_fails_its_test(watched: pytest.Pytester) -> None:
    result = run(watched, LEAKY)
    result.assert_outcomes(passed=9, errors=8, failed=1)
    for name, report in REPORTS.items():
        result.stdout.fnmatch_lines([f"*ERROR at teardown of {name} *", report])
    result.stdout.fnmatch_lines(["*BlockingError: Blocking call to time.sleep"])
    result.stdout.fnmatch_lines(["*::test_allowed_block PASSED*"])


def test_a_process_that_outlives_the_session_fails_it(watched: pytest.Pytester) -> None:
    result = run(watched, SESSION)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*the session left processes running: *signal.pause()"])


def test_what_waits_gets_a_second_try_and_says_so(watched: pytest.Pytester) -> None:
    result = run(watched, CHANCE % 8, "-rR")
    result.assert_outcomes(passed=8, errors=0, failed=0)
    assert result.ret == 0
    result.stdout.fnmatch_lines(["RERUN *::test_late?0?*", "*8 passed, 8 rerun*"])


def test_many_second_tries_fail_the_run(watched: pytest.Pytester) -> None:
    result = run(watched, CHANCE % 9, "-rR")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["9 tests passed or failed at a second try, 8 may need one"])


def test_what_is_wrong_fails_twice(watched: pytest.Pytester) -> None:
    run(watched, WRONG, "-rR").assert_outcomes(failed=1)


def test_what_only_computes_gets_no_second_try(watched: pytest.Pytester) -> None:
    watched.mkdir("plan").joinpath("test_pure.py").write_text(CHANCE % 1)
    result = watched.runpytest_subprocess("-p", "no:xdist", "-p", "no:cacheprovider", "plan")
    result.assert_outcomes(failed=1)


def test_what_a_machine_lacks_is_named(
    watched: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = run(watched, DATA)
    result.assert_outcomes(skipped=2)
    result.stdout.fnmatch_lines(["*no test data at shared/models beside the repository"])


def test_what_boots_machines_is_left_out_and_says_so(watched: pytest.Pytester) -> None:
    result = run(watched, FLEET)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["*left out: it takes a whole machine, or long; `make fleet`*"])
    run(watched, FLEET, "--fleet").assert_outcomes(passed=1)


def test_nothing_passes_in_ci_because_it_was_not_tried(
    watched: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", "true")
    result = run(watched, DATA)
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines(["*no test data at shared/models beside the repository"])


def test_tests_of_one_group_share_a_worker(pytester: pytest.Pytester) -> None:
    """Some versions of pytest and its distribution plugin lose groups without a word."""
    pytester.makepyfile(
        "import pytest\n"
        "@pytest.mark.xdist_group('together')\n"
        "@pytest.mark.parametrize('number', range(8))\n"
        "def test_each(number, worker_id): print('ran on', worker_id)\n"
    )
    result = pytester.runpytest_subprocess("-n2", "--dist=loadgroup", "-rP", "-p", "no:asyncio")
    result.assert_outcomes(passed=8)
    assert len({line for line in result.outlines if line.startswith("ran on")}) == 1
