"""``engine replay``: play recordings back to the desk, and print what became of it."""

import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from engine.config.desk import Config, load_config
from engine.errors import StartError
from engine.process.progress import reading_bar
from engine.process.warm_up import compile_first, warm_up
from engine.replay.fills_file import FillsFile
from engine.replay.recorded_files import check_recording
from engine.replay.whole_file import WholeFile


@dataclass(frozen=True, slots=True)
class ReplayOutputs:
    """What a replay leaves, beside its report on the terminal."""

    as_json: bool = False
    """Is that report JSON?"""
    fills: Path | None = None
    dump: Path | None = None
    """Takes a copy of the desk's memory each so often."""
    dump_every_s: float = 60.0
    compare: Path | None = None
    """An earlier replay's dump, to be held against this one."""


def replay_files(
    files: list[Path], config_path: Path, overrides: list[str], outputs: ReplayOutputs
) -> None:
    """Play recordings and print what became of the strategy.

    Raises:
        ReplayDiffers: When this replay is not the one that it was compared with.
        EngineError: When the config or a recording is wrong; one line.
    """
    config = load_config(config_path, overrides)
    for path in files:
        check_recording(path)
    with ExitStack() as stack:
        fills = None
        if outputs.fills is not None:
            fills = FillsFile(outputs.fills, files)
            stack.enter_context(fills)
        if config.strategy.name == "tutorial":
            if outputs.dump or outputs.compare:
                raise StartError("--dump and --compare are of the desk's own strategy only")
            _replay_tutorial(config, files, outputs, fills)
        else:
            _replay_desk(config, files, outputs, fills, stack)


def _replay_desk(
    config: Config,
    files: list[Path],
    outputs: ReplayOutputs,
    fills: FillsFile | None,
    stack: ExitStack,
) -> None:
    compile_first("desk replay")
    from engine.replay.checkpoint_file import CheckpointComparison, CheckpointWriter
    from engine.replay.desk_report import as_dict, fill_rows, print_report
    from engine.replay.driver import Replay

    watchers: list[CheckpointWriter | CheckpointComparison] = []
    if outputs.dump is not None:
        file = stack.enter_context(WholeFile(outputs.dump, files, "--dump"))
        watchers.append(CheckpointWriter(file, round(outputs.dump_every_s * 1e9)))
    if outputs.compare is not None:
        watchers.append(CheckpointComparison(outputs.compare))
    with reading_bar("replaying") as report:
        result = Replay(config, files, report, watchers).run()
    if outputs.as_json:
        print(json.dumps(as_dict(result, config), indent=2))
    else:
        print_report(result, config)
    if fills is not None:
        fills.write(fill_rows(result, config))
    for watcher in watchers:
        print(watcher.finish(), file=sys.stderr)


def _replay_tutorial(
    config: Config, files: list[Path], outputs: ReplayOutputs, fills: FillsFile | None
) -> None:
    warm_up("tutorial")
    from engine.replay.tutorial_replay import TutorialReplay
    from engine.replay.tutorial_report import as_dict, fill_rows, print_report

    with reading_bar("replaying") as report:
        result = TutorialReplay(config, files, report).run()
    if outputs.as_json:
        print(json.dumps(as_dict(result, config), indent=2))
    else:
        print_report(result, config)
    if fills is not None:
        fills.write(fill_rows(result, config))
