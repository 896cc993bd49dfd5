"""``engine replay``: play recordings back to the desk, and print what became of it."""

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from engine.config.desk import Config, load_config
from engine.process.warm_up import warm_up
from engine.replay.fills_file import FillsFile
from engine.replay.recorded_files import check_recording


def replay_files(
    files: list[Path],
    config_path: Path,
    overrides: list[str],
    *,
    as_json: bool,
    fills_path: Path | None,
) -> None:
    """Play recordings and print what became of the strategy.

    Raises:
        EngineError: When the config or a recording is wrong; one line.
    """
    config = load_config(config_path, overrides)
    for path in files:
        check_recording(path)
    play = _replay_tutorial if config.strategy.name == "tutorial" else _replay_desk
    with nullcontext() if fills_path is None else FillsFile(fills_path, files) as fills:
        play(config, files, as_json=as_json, fills=fills)


def _replay_desk(
    config: Config, files: list[Path], *, as_json: bool, fills: FillsFile | None
) -> None:
    warm_up("desk replay")
    from engine.replay.desk_report import as_dict, fill_rows, print_report
    from engine.replay.driver import Replay

    with _progress() as report:
        result = Replay(config, files, report).run()
    if as_json:
        print(json.dumps(as_dict(result, config), indent=2))
    else:
        print_report(result, config)
    if fills is not None:
        fills.write(fill_rows(result, config))


def _replay_tutorial(
    config: Config, files: list[Path], *, as_json: bool, fills: FillsFile | None
) -> None:
    warm_up("tutorial")
    from engine.replay.tutorial_replay import TutorialReplay
    from engine.replay.tutorial_report import as_dict, fill_rows, print_report

    with _progress() as report:
        result = TutorialReplay(config, files, report).run()
    if as_json:
        print(json.dumps(as_dict(result, config), indent=2))
    else:
        print_report(result, config)
    if fills is not None:
        fills.write(fill_rows(result, config))


def _progress() -> AbstractContextManager[Callable[[int, int], None]]:
    if not sys.stderr.isatty():
        return nullcontext(lambda _done, _total: None)
    return _Bar()


class _Bar(AbstractContextManager[Callable[[int, int], None]]):
    """A progress bar over both passes."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("replaying"),
            BarColumn(),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Callable[[int, int], None]:
        self._progress.start()
        return lambda done, total: self._progress.update(self._task, completed=done, total=total)

    def __exit__(self, *_details: object) -> None:
        self._progress.stop()
