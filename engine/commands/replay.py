"""``engine replay``: play recordings back to the desk, and print what became of it."""

import json
from contextlib import nullcontext
from pathlib import Path

from engine.config.desk import Config, load_config
from engine.process.progress import reading_bar
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

    with reading_bar("replaying") as report:
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

    with reading_bar("replaying") as report:
        result = TutorialReplay(config, files, report).run()
    if as_json:
        print(json.dumps(as_dict(result, config), indent=2))
    else:
        print_report(result, config)
    if fills is not None:
        fills.write(fill_rows(result, config))
