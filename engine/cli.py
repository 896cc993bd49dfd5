"""Command line of the engine: the ``engine`` command and its subcommands."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from engine.config.shipped_files import DEFAULT_CONFIG, meant_file
from engine.errors import EngineError
from engine.process.heap import no_collections
from exchange.errors import ExchangeError


def _config(default: str) -> Any:
    return typer.Option(
        "--config",
        help="The desk's TOML file.",
        show_default=default,
        callback=lambda given: given and meant_file(given),
    )


ConfigOption = Annotated[Path, _config("configs/paper.toml")]
TutorialOption = Annotated[Path, _config("configs/tutorial.toml")]
DeskConfigOption = Annotated[Path | None, _config("configs/paper.toml")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="section.key=value", help="Goes over the file; repeatable."),
]
DeskOption = Annotated[
    str | None,
    typer.Option("--desk", metavar="NAME", help="The desk of this name (engine list), as it runs."),
]
TUTORIAL = DEFAULT_CONFIG.with_name("tutorial.toml")
PAPER = DEFAULT_CONFIG

app = typer.Typer(
    help="Decides, trades and replays. The screen is `tui`; this is what it watches.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
bench = typer.Typer(help="Measure the desk against what it promises.", no_args_is_help=True)
app.add_typer(bench, name="bench")


@app.command(
    epilog="Example: engine run --config configs/paper.toml --set strategy.gamma=0.02",
)
def run(config: ConfigOption = PAPER, set_: SetOption = None) -> None:
    """Run the engine alone, headless, until it is told to stop."""
    with no_collections():
        from engine.commands.run import run_engine

    run_engine(config, set_ or [])


@app.command("list", epilog="Example: engine list")
def list_desks() -> None:
    """Show the desks that run on this machine, and those whose engine died."""
    from engine.commands.list_desks import show_list

    show_list()


@app.command(epilog="Example: engine status --desk paper-btcusdt-8611 --json")
def status(
    desk: DeskOption = None,
    config: DeskConfigOption = None,
    set_: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The whole view, as JSON.")] = False,
) -> None:
    """Say what the running engine is doing. Exit code 3 when none runs."""
    from engine.commands.status_stop import show_status

    show_status(desk, config, set_ or [], as_json=as_json)


@app.command(epilog="Example: engine stop --desk paper-btcusdt-8611 --flatten")
def stop(
    desk: DeskOption = None,
    config: DeskConfigOption = None,
    set_: SetOption = None,
    flatten: Annotated[
        bool, typer.Option("--flatten", help="Close the position at market first.")
    ] = False,
) -> None:
    """Cancel our orders, prove that none is left, end the engine and the paper exchange.

    Also where the engine is dead. Exit code 4 when it is not proven, 5 when a position that was
    to be closed remains.
    """
    from engine.commands.status_stop import stop_desk

    stop_desk(desk, config, set_ or [], flatten=flatten)


@app.command(epilog="Example: engine exchange --seed 42 --port 9000")
def exchange(
    config: ConfigOption = PAPER,
    set_: SetOption = None,
    market: Annotated[
        str | None, typer.Option(help="'synthetic' or a recording. Over the config's paper.market.")
    ] = None,
    speed: Annotated[
        float | None, typer.Option(help="Of a recording. Over the config's paper.speed.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1024, max=65535, help="Over the config's paper.port.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Over the config's paper.seed.")] = None,
    strict: Annotated[
        bool | None, typer.Option("--strict/--lenient", help="Streams by path, as mainnet.")
    ] = None,
    faults: Annotated[
        Path | None, typer.Option(help="A file of what goes wrong, and when (docs/exchange.md).")
    ] = None,
    admin_port: Annotated[
        int | None,
        typer.Option(
            min=1024, max=65535, help="Where faults can be seen, armed and disarmed as it runs."
        ),
    ] = None,
) -> None:
    """Run the paper exchange alone, on this machine's loopback."""
    from engine.commands.exchange import run_exchange

    given = {
        "paper.market": market,
        "paper.speed": speed,
        "paper.port": port,
        "paper.seed": seed,
        "paper.faults": faults,
        "paper.admin_port": admin_port,
        "paper.strict": None if strict is None else str(strict).lower(),
    }
    over = [f"{key}={value}" for key, value in given.items() if value is not None]
    run_exchange(config, (set_ or []) + over)


@app.command(
    epilog="Example: engine replay btcusdt_20240808.gz --config configs/paper.toml --fills out.csv",
)
def replay(
    files: Annotated[list[Path], typer.Argument(help="Recordings (.dat, .gz, .zst).")],
    config: ConfigOption = PAPER,
    set_: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
    fills: Annotated[
        Path | None, typer.Option(help="Write each fill: exch_ns,side,price,qty,maker.")
    ] = None,
    dump: Annotated[
        Path | None, typer.Option(help="Write the desk's whole memory each so often.")
    ] = None,
    dump_every: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="Of the recordings' time.")
    ] = 60.0,
    compare: Annotated[
        Path | None,
        typer.Option(
            help="Hold this replay against what an earlier one dumped; exit code 1 "
            "and the first number that differs when it is another."
        ),
    ] = None,
) -> None:
    """Play recordings back to the desk, with latency and queue positions, and count the money."""
    with no_collections():
        from engine.commands.replay import ReplayOutputs, replay_files

    outputs = ReplayOutputs(as_json, fills, dump, dump_every, compare)
    replay_files(files, config, set_ or [], outputs)


@bench.command(epilog="Example: engine bench theory --paths 10000 --json")
def theory(
    paths: Annotated[int, typer.Option(min=100, help="Simulated paths a market.")] = 40_000,
    seed: Annotated[
        int, typer.Option(min=0, max=2**32, help="Of the first market; the others count on.")
    ] = 42,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
) -> None:
    """Simulate the models' own markets, beside the exact values. Exit code 1 when one is off."""
    from engine.bench.theory import show_theory

    if not show_theory(paths=paths, seed=seed, as_json=as_json):
        raise typer.Exit(1)


@bench.command(epilog="Example: engine bench models --config configs/study.toml --json")
def models(
    config: ConfigOption = PAPER,
    set_: SetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
) -> None:
    """Time a quote and a recalibration, beside what is promised. Exit code 1 when far slower."""
    from engine.bench.models import show_costs
    from engine.config.desk import load_config

    settings = load_config(config, set_ or []).desk_settings()
    if not show_costs(settings, as_json=as_json):
        raise typer.Exit(1)


@bench.command("exchange", epilog="Example: engine bench exchange --seconds 10 --json")
def bench_exchange(
    config: ConfigOption = PAPER,
    set_: SetOption = None,
    seconds: Annotated[
        float, typer.Option(min=0.2, max=600, help="Of reading, and again of trading.")
    ] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
) -> None:
    """Time the exchange's streams and answers. Exit code 1 when slower than is promised."""
    from engine.bench.exchange import show_speed
    from engine.config.desk import load_config

    settings = load_config(config, set_ or []).paper_settings()
    if not show_speed(settings, seconds=seconds, as_json=as_json):
        raise typer.Exit(1)


@bench.command(
    "replay", epilog="Example: engine bench replay day.gz --peer ~/hft/bin/python --rounds 5"
)
def bench_replay(
    file: Annotated[Path, typer.Argument(help="A recording (.gz, which hftbacktest needs).")],
    config: TutorialOption = TUTORIAL,
    set_: SetOption = None,
    peer: Annotated[
        str, typer.Option(metavar="PYTHON", help="An interpreter that has hftbacktest.")
    ] = sys.executable,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="The best of them counts.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="The table as JSON.")] = False,
) -> None:
    """Time the tutorial's replay, beside hftbacktest. Exit code 1 when slower than is promised."""
    from engine.bench.replay import show_replay
    from engine.config.desk import load_config

    settings, texts = load_config(config, set_ or []), set_ or []
    if not show_replay(settings, texts, file, peer_python=peer, rounds=rounds, as_json=as_json):
        raise typer.Exit(1)


@bench.command("latency", epilog="Example: engine bench latency day.gz --pairs 3 --json")
def bench_latency(
    file: Annotated[Path, typer.Argument(help="A recording.")],
    config: ConfigOption = PAPER,
    set_: SetOption = None,
    pairs: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="Turns of a live desk and of a bare echo on loopback; 0: none."
        ),
    ] = 10,
    steps: Annotated[
        int, typer.Option(min=20, max=200, help="Of the touch in a turn; each leads to an order.")
    ] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="The tables as JSON.")] = False,
) -> None:
    """Time a market message until its orders are there. Exit code 1 when slower than promised.

    First inside the engine, over a recording; then from socket to socket: a live desk on a paper
    exchange of its own beside a bare echo, in turns. Ten pairs take a minute and a half.
    """
    from engine.bench.latency import show_latency
    from engine.bench.tick_to_order import SETTINGS
    from engine.config.desk import load_config

    over = set_ or []
    settings = load_config(config, over)
    live = load_config(config, [*over, *SETTINGS]) if pairs else settings
    if not show_latency(settings, live, file, pairs=pairs, steps=steps, as_json=as_json):
        raise typer.Exit(1)


def main() -> NoReturn:
    """Run the command line; every known error is one line and a non-zero exit."""
    sys.exit(guarded(app))


def guarded(command: Callable[..., Any], name: str = "engine") -> int:
    """Run a typer app; the exit code, with known errors reported in one line.

    The line starts with the program's name, so that a launcher finds it in a log.
    """
    try:
        command(standalone_mode=True)
        sys.stdout.flush()
    except (EngineError, ExchangeError) as error:
        _complain(f"{name}: {error}")
        return getattr(error, "exit_code", 1)
    except OSError as error:  # a pipe that closed, a disk that is full
        _complain(f"{name}: {error.strerror or error}")
        sys.stdout = open(os.devnull, "w", encoding="ascii")  # noqa: SIM115  # for the exit's flush
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _complain(text: str) -> None:
    """Say it, where it can be said; the exit code says it in any case."""
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        sys.stderr = open(os.devnull, "w", encoding="ascii")  # noqa: SIM115  # for the exit's flush
