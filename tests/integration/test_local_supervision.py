"""The parts of the local run on small processes of their own: locks, ports, restarts, orphans, sentences."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.endpoint import LOOPBACK
from deploy.local.child import Child, Program
from deploy.local.lock import lock_cluster, lock_data_directory
from deploy.local.logs import MAX_LOG_BYTES, log_file
from deploy.local.ports import free_block, require_free
from deploy.local.problem import CannotRun, disk_errors, require_free_disk
from deploy.local.settings import LocalSettings
from deploy.local.supervisor import Supervised
from deploy.local.valkey import Valkey

LIMIT_SECONDS = 20.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + LIMIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"not within {LIMIT_SECONDS} s: {what}"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def python(code: str, log: Path, inherit: tuple[int, ...] = ()) -> Program:
    return Program("small", (sys.executable, "-c", code), os.environ, log, inherit)


def test_a_process_that_dies_is_started_again_and_the_person_is_told_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def scenario() -> None:
        program = python("import time; print('I am tired', flush=True); time.sleep(60)", tmp_path / "log")
        supervised = Supervised(program)
        watch = asyncio.create_task(supervised.watch())
        first = supervised.child
        while not first.last_line():
            await asyncio.sleep(0.01)
        os.kill(first.pid, signal.SIGKILL)
        while supervised.child is first:
            await asyncio.sleep(0.01)
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)
        assert supervised.child.exit_code is None
        supervised.child.kill()

    asyncio.run(asyncio.wait_for(scenario(), LIMIT_SECONDS))
    assert (
        capsys.readouterr().out
        == "small ended (signal SIGKILL), starting it again in 0.2 s; its last words: I am tired\n"
    )


def test_the_last_words_of_a_service_are_put_in_words(tmp_path: Path) -> None:
    line = """{"event":"failed","error":"SettingsError","detail":"OUTCRY_X is wrong","level":"error"}"""
    child = Child(python(f"print('''{line}''')", tmp_path / "log"))
    assert asyncio.run(child.ended(LIMIT_SECONDS))
    assert child.last_line() == "failed: SettingsError: OUTCRY_X is wrong"
    assert child.how_it_ended == "exit code 0"


def test_a_process_that_ignores_the_stop_signal_is_killed(tmp_path: Path) -> None:
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    child = Child(python(code, tmp_path / "log"))
    until(child.last_line, "the process to start")
    assert asyncio.run(child.stop(0.2)) is False
    assert not is_alive(child.pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of their parent's death")
def test_children_do_not_outlive_a_runner_that_is_killed(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
from pathlib import Path
from deploy.local.child import Child, Program
sleeper = (sys.executable, "-c", "import time; time.sleep(600)")
child = Child(Program("sleeper", sleeper, os.environ, Path({str(tmp_path / "log")!r})))
Path({str(tmp_path / "pid")!r}).write_text(f"{{child.pid}} ")
time.sleep(600)
"""
    runner = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2])
    until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith(" "), "the child's pid")
    child = int((tmp_path / "pid").read_text())
    assert is_alive(child)
    runner.kill()
    runner.wait()
    until(lambda: not is_alive(child), "the orphan to end")


def test_a_data_directory_serves_one_run(tmp_path: Path) -> None:
    held = lock_data_directory(tmp_path)
    with pytest.raises(CannotRun, match=f"is in use by the run with process id {os.getpid()}"):
        lock_data_directory(tmp_path)
    os.close(held)
    os.close(lock_data_directory(tmp_path))


def test_a_run_waits_for_the_children_of_one_that_was_killed(tmp_path: Path) -> None:
    held = lock_data_directory(tmp_path)
    child = Child(python("import time; time.sleep(0.5)", tmp_path / "log", (held,)))
    (tmp_path / "lock").write_text("999999999\n")  # the pid of a runner that is gone
    os.close(held)
    os.close(lock_data_directory(tmp_path))
    assert child.exit_code == 0


def test_a_cluster_on_a_shared_kafka_is_served_by_one_run() -> None:
    held = lock_cluster(f"kafka.invalid:{os.getpid()}", "outcry")
    os.close(lock_cluster(f"kafka.invalid:{os.getpid()}", "another"))
    with pytest.raises(CannotRun, match="Another run serves the cluster 'outcry'"):
        lock_cluster(f"kafka.invalid:{os.getpid()}", "outcry")
    os.close(held)


def test_a_port_in_use_is_named() -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(CannotRun, match=f"Port {port} of 127.0.0.1 is in use: .* set OUTCRY_PORT"):
            require_free(port)


def test_a_block_of_ports_is_stable_and_avoids_what_is_taken(tmp_path: Path) -> None:
    first = free_block(tmp_path, 4)
    assert free_block(tmp_path, 4) == first
    with socket.create_server((LOOPBACK, first[2])):
        assert not set(free_block(tmp_path, 4)) & set(first)


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        valkey = Valkey(tmp_path / "data", tmp_path / "log", server.getsockname()[1])
        with pytest.raises(CannotRun, match=r"Valkey ended at its start \(exit code 1\): .*"):
            asyncio.run(valkey.start(LIMIT_SECONDS))


def test_a_disk_that_is_too_full_is_named(tmp_path: Path) -> None:
    with pytest.raises(CannotRun, match="MB free and 1000000000 MB are needed"):
        require_free_disk(tmp_path, 1_000_000_000)
    with pytest.raises(CannotRun, match=f"The disk that holds {tmp_path} is full"), disk_errors(tmp_path):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("variable", "value"),
    [("OUTCRY_PORT", "http"), ("OUTCRY_PORT", "70000"), ("OUTCRY_WORKERS", "0"), ("OUTCRY_PARTITIONS", "257")],
)
def test_a_setting_that_does_not_fit_is_named(variable: str, value: str) -> None:
    with pytest.raises(CannotRun, match=f"{variable} is '{value}' and must be a whole number from"):
        LocalSettings.read({variable: value})


def test_a_log_that_has_grown_is_moved_aside(tmp_path: Path) -> None:
    (tmp_path / "small.log").write_bytes(b"x" * (MAX_LOG_BYTES + 1))
    log = log_file(tmp_path, "small")
    assert log.stat().st_size == 0
    assert (tmp_path / "small.log.1").stat().st_size == MAX_LOG_BYTES + 1
