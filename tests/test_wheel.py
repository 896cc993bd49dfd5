"""An installed wheel opens the desk: nothing that it needs is left behind in the checkout."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import ROOT, DeskProcesses, asked_for, desk_processes, free_port
from tests.terminal import wait_for

PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel of this checkout was installed into."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    offline = ("--no-deps", "--no-index")
    subprocess.run(
        [*PIP, "wheel", *offline, "--no-build-isolation", "--wheel-dir", wheels, ROOT], check=True
    )
    (wheel,) = wheels.glob("makers_desk-*.whl")
    subprocess.run([*PIP, "install", *offline, "--target", target, wheel], check=True)
    return target


class InstalledDesk:
    """Runs the installed programs from a folder that has nothing to do with the checkout.

    Kernels stay uncompiled: to come up is all that is asked here, and compiling takes a minute.
    """

    def __init__(self, installed: Path, folder: Path, desk: DeskProcesses) -> None:
        self.desk = desk
        self._folder = folder
        self._environment = {
            **os.environ,
            **desk.environment,
            "PYTHONPATH": str(installed),
            "NUMBA_DISABLE_JIT": "1",
        }

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, *arguments, *self.desk.arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self._folder,
            env=self._environment,
        )

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *arguments, *self.desk.arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=self._folder,
            env=self._environment,
        )


@pytest.fixture
def desk(installed: Path, tmp_path: Path) -> Iterator[InstalledDesk]:
    with desk_processes() as processes:
        yield InstalledDesk(installed, tmp_path, processes)


def test_every_config_is_in_the_wheel(installed: Path) -> None:
    """A config that is added must not be forgotten by the build."""
    shipped = installed / "engine" / "config" / "shipped"
    names = [path.name for path in (ROOT / "configs").iterdir()]

    assert sorted(path.name for path in shipped.iterdir()) == sorted(names)


def test_every_style_sheet_is_in_the_wheel(installed: Path) -> None:
    """They are no Python files, which a build may leave out unnoticed."""
    sheets = sorted(path.relative_to(ROOT) for path in (ROOT / "tui").rglob("*.tcss"))

    assert sheets
    assert all((installed / sheet).is_file() for sheet in sheets)


def test_the_installed_engine_comes_up_on_its_own_config(
    desk: InstalledDesk, installed: Path
) -> None:
    """Without an argument, as one types it after ``pip install``; its exchange comes up too."""
    engine = desk.start("-m", "engine", "run")
    try:
        wait_for(
            lambda: engine.poll() is not None or desk.run("-m", "engine", "status").returncode == 0,
            lambda: "the installed engine does not come up",
        )
        record = json.loads(desk.desk.paths.record.read_text(encoding="utf-8"))
        stopped = desk.run("-m", "engine", "stop")
    finally:
        engine.kill()
        output, _ = engine.communicate()

    assert stopped.returncode == 0, stopped.stderr + output
    assert Path(record["config_path"]).is_relative_to(installed)


def test_the_installed_exchange_finds_the_configs_by_name(desk: InstalledDesk) -> None:
    """The example of the guide, from whatever folder."""
    admin_port = free_port()
    names = ("--config", "configs/study.toml", "--faults", "configs/faults.toml")
    exchange = desk.start("-m", "engine", "exchange", *names, "--admin-port", str(admin_port))
    try:
        lines = [exchange.stdout.readline() for _ in range(5)] if exchange.stdout else []
        faults = asked_for(admin_port, "/faults")
    finally:
        exchange.terminate()
        rest, _ = exchange.communicate()

    assert lines[-1].startswith("exchange: admin"), "".join(lines) + rest
    assert faults
