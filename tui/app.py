"""Terminal app: holds the newest view, hands it to the desk screen, sends the trader's commands.

It trades nothing. Closing it stops nothing.
"""

import asyncio
import os
import time
from pathlib import Path, PurePath
from typing import Any, ClassVar

from rich.console import RenderableType
from textual.app import App
from textual.binding import Binding, BindingType
from textual.screen import Screen

from engine.console.protocol import (
    RISK_REDUCING,
    Answer,
    Goodbye,
    RecordsMessage,
    Role,
    ViewMessage,
    Welcome,
)
from engine.core.actions import Action
from engine.core.log import Record
from engine.core.states import SideReason
from engine.errors import EngineError, NotFlat, NotVerified
from engine.process.hints import DeskCommands
from engine.view.desk_view import DeskView
from tui.client import EngineLine, Heard, LineLost
from tui.render.draw.glyphs import ASCII, Glyphs, glyphs_for
from tui.render.frame import EngineLink, Frame
from tui.screens.change import ChangeDialog, ParameterChange
from tui.screens.desk import DeskScreen
from tui.screens.dialog import Dialog
from tui.screens.flatten import FlattenDialog
from tui.screens.help import HelpDialog
from tui.screens.keys import key_table
from tui.screens.stop import StopDialog
from tui.terminal.diff_update import diff_update
from tui.terminal.plain import plain
from tui.themes import DAYLIGHT, DESK

FRAMES_PER_S = 4
"""Views come faster; the eye and a slow line need no more."""
ANSWER_S = 2.0
"""An engine that has not answered by then is not well."""

_LIMITS = {
    Role.WRITER: "",
    Role.REDUCER: "may only reduce risk",
    Role.WATCHER: "watch only",
}


class DeskApp(App[None]):
    """Textual app of one desk.

    Args:
        socket: Where the engine listens; its folder bears the desk's name.
        read_only: Watch, and refuse every key that commands.
        retry_s: Pause before attaching again to an engine that is gone.
        glyphs: Signs to draw with; by default those of the locale.
    """

    TITLE = "makers desk"
    CSS_PATH: ClassVar[list[str | PurePath]] = [
        "theme.tcss",
        "screens/desk.tcss",
        "screens/dialogs.tcss",
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+x",
            "panic",
            "PANIC",
            priority=True,
            tooltip="cancel all of ours and halt, at once, from anywhere",
        ),
        Binding("ctrl+q", "detach", "detach", show=False, priority=True),
    ]

    def __init__(
        self,
        socket: Path,
        *,
        read_only: bool = False,
        retry_s: float = 1.0,
        glyphs: Glyphs | None = None,
    ) -> None:
        super().__init__()
        self._glyphs = glyphs or glyphs_for(os.environ)
        self.set_class(self._glyphs is ASCII, "-ascii")
        self.register_theme(DESK)
        self.register_theme(DAYLIGHT)
        self.theme = "desk"
        self._desk = DeskScreen(self._glyphs)
        self._role = Role.WATCHER if read_only else Role.WRITER
        self.farewell = ""
        """What to say below the closed screen; printed by the caller, who does not fold it."""
        self._commands = DeskCommands.of(socket.parent.name)
        self._engine = EngineLine(socket, self._role, self._hear, retry_s)
        self._view: DeskView | None = None
        self._view_mono_s = 0.0
        self._line = EngineLink.WAITING
        self._line_text = ""
        self._verified = False
        self._pid: int | None = None
        self._stopping = False

    def get_default_screen(self) -> Screen[None]:
        return self._desk

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DESK.variables

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        # Textual has no public API for this; a test of bytes guards it.
        update = diff_update(renderable)
        super()._display(screen, plain(update) if self._glyphs is ASCII else update)

    def on_mount(self) -> None:
        self.run_worker(self._engine.run(), name="engine line", group="line")
        self.set_interval(1 / FRAMES_PER_S, self._show)

    # ------------------------------------------------------------ what the engine says

    def _hear(self, heard: Heard) -> None:
        match heard:
            case ViewMessage():
                first = self._view is None
                if self._view is not None and heard.view.halts != self._view.halts:
                    self._drop_question()
                self._view, self._view_mono_s = heard.view, time.monotonic()
                if first:
                    self._show()
            case RecordsMessage():
                self._take_records(heard.records)
            case Welcome():
                self._attached(heard)
            case Goodbye():
                self._end(heard)
            case LineLost():
                self._lose(heard.reason)

    def _attached(self, welcome: Welcome) -> None:
        again = self._pid is not None  # a line that was never there does not come again
        self._line, self._line_text = EngineLink.ATTACHED, ""
        self._pid = welcome.pid
        self._role = welcome.role
        if welcome.note:
            self._tell(welcome.note, "warning")
        if again:
            self._tell(f"attached again, engine {welcome.pid}")

    def _end(self, goodbye: Goodbye) -> None:
        self._line, self._line_text = EngineLink.ENDED, goodbye.text
        self._verified = goodbye.verified
        if self._stopping:
            proof = "zero open orders verified" if goodbye.verified else "NOT VERIFIED"
            text = f"the engine stopped, {proof}: {goodbye.text}"
            if not goodbye.verified:
                self._leave(text, "cancel and verify", NotVerified.exit_code)
            else:
                self._leave(text, return_code=0 if goodbye.flat else NotFlat.exit_code)

    def _lose(self, reason: str) -> None:
        if self._stopping and self._line is EngineLink.ATTACHED:
            text = "the engine left without a last word, NOT VERIFIED"
            self._leave(text, "cancel and verify", NotVerified.exit_code)
        if self._line is not EngineLink.ENDED:
            self._line, self._line_text = EngineLink.LOST, reason
        if self._view is None:
            self._desk.wait_for(f"no engine on the line: {reason}")

    def _take_records(self, records: list[Record]) -> None:
        self._desk.add_records(records)
        for record in records[-3:]:
            if record.severity == "alarm" and self._view is not None:
                self._tell(record.text, "error")

    def _frame(self, view: DeskView) -> Frame:
        return Frame(
            view=view,
            silent_s=round(time.monotonic() - self._view_mono_s, 1),
            line=self._line,
            line_text=self._line_text,
            verified=self._verified,
            limits=_LIMITS[self._role],
            frozen=self._desk.frozen,
            commands=self._commands,
            glyphs=self._glyphs,
        )

    def _show(self) -> None:
        if self._view is not None and self._desk.is_mounted:
            self._desk.show(self._frame(self._view))
            top = self.screen_stack[-1] if self.screen_stack else None  # none while closing
            if isinstance(top, Dialog):
                top.show(self._view)
                # Under a dialog Textual 8.2 forgets cells of the screen behind it.
                top.refresh()

    # ------------------------------------------------------------ what the trader asks

    def action_pause(self) -> None:
        self._send(Action.PAUSE)

    def action_panic(self) -> None:
        self._drop_question()
        self._send(Action.PANIC)

    def _drop_question(self) -> None:
        """What was asked before a halt is no longer the question."""
        if isinstance(self.screen, ChangeDialog):
            self.screen.dismiss(None)

    def action_side_off(self, side: str) -> None:
        self._send(Action.SIDE_OFF, side)

    def action_side(self, side: str) -> None:
        """Off at once; on only after a preview."""
        view = self._view
        if view is None or getattr(view, side).reason is not SideReason.SIDE_OFF:
            self.action_side_off(side)
        else:
            gamma = view.quote.gamma
            self._propose(ParameterChange(Action.SIDE_ON, f"{side} side on", side, "gamma", gamma))

    def action_resume(self) -> None:
        view = self._view
        if view is not None and view.resume_refused:
            self._tell(f"resume refused: {view.resume_refused}", "error")
        elif view is not None:
            gamma = view.quote.gamma
            change = ParameterChange(
                Action.RESUME, "resume quoting", "", "gamma", gamma, view.halts
            )
            self._propose(change)

    def action_tune(self, name: str, direction: int) -> None:
        """Propose ``gamma``, ``adj1`` or ``adj2`` a step up or down."""
        if self._view is not None:
            now = getattr(self._view.quote, name)
            change = ParameterChange(Action.SET, f"change {name}", name, name, now, adjustable=True)
            self._propose(change, direction)

    def action_flatten(self) -> None:
        if self._view is None or self._refused(Action.FLATTEN):
            return
        self.push_screen(FlattenDialog(self._view, self._glyphs), self._flatten)

    def action_stop_engine(self) -> None:
        if self._view is None or self._refused(Action.STOP):
            return
        self.push_screen(StopDialog(self._view, self._glyphs), self._stop)

    def action_help(self) -> None:
        table = key_table(self._desk.active_bindings.values(), self._glyphs)
        self.push_screen(HelpDialog(table))

    def action_detach(self) -> None:
        if self._line is EngineLink.ENDED and self._verified:
            self._leave(f"left; the engine had stopped: {self._line_text}")
        elif self._line is not EngineLink.ATTACHED or self._view is None:
            self._leave("left; the engine is gone, its orders may rest", "cancel and verify")
        else:
            name = f"pid {self._pid}, {self._view.config}"
            self._leave(f"detached; the engine ({name}) goes on", "stop it")

    def _leave(self, text: str, why_stop: str = "", return_code: int = 0) -> None:
        """Close the screen; the command that stops the engine stands on a line of its own."""
        self.farewell = f"tui: {text}"
        if why_stop:
            self.farewell += f"; {why_stop}:\n{self._commands.stop}"
        self.exit(return_code=return_code)

    def action_quit_app(self) -> None:
        self.action_detach()

    def on_change_dialog_preview_asked(self, message: ChangeDialog.PreviewAsked) -> None:
        async def preview() -> None:
            answer = await self._ask(Action.PREVIEW, message.name, message.value)
            message.dialog.receive_preview(message.value, answer)

        self.run_worker(preview(), name="preview", group="commands")

    def _propose(self, change: ParameterChange, steps: int = 0) -> None:
        """Open the dialog for a change, and carry the change out when it is agreed to."""
        if self._view is None or self._refused(change.action):
            return

        def agreed(value: float | None) -> None:
            if value is None:
                return
            if change.action is Action.SET:
                self._send(Action.SET, change.name, value, expected=change.old)
            else:
                self._send(change.action, change.name, expected=change.expected)

        self.push_screen(ChangeDialog(change, steps, self._view, self._glyphs), agreed)

    def _flatten(self, symbol: str | None) -> None:
        if symbol is not None:
            self._send(Action.FLATTEN, symbol)

    def _stop(self, what_of_the_position: str | None) -> None:
        if what_of_the_position is not None:
            self._stopping = True
            self._send(Action.STOP, what_of_the_position)

    def _send(
        self, action: Action, name: str = "", value: float = 0.0, expected: float | None = None
    ) -> None:
        """Send a command to the engine at once; show its answer when it comes."""
        if self._refused(action):
            return

        async def command() -> None:
            answer = await self._ask(action, name, value, expected)
            if answer is not None:
                self._tell(answer.text, _severity(action, answer))
            if action is Action.STOP and not (answer and answer.accepted):
                self._stopping = False

        self.run_worker(command(), name=action.value, group="commands")

    async def _ask(
        self, action: Action, name: str = "", value: float = 0.0, expected: float | None = None
    ) -> Answer | None:
        try:
            async with asyncio.timeout(ANSWER_S):
                return await self._engine.ask(action, name, value, expected)
        except TimeoutError:
            text = f"{action}: no answer in {ANSWER_S:.0f} s; whether it was obeyed is not known"
            self._tell(text, "error")
        except EngineError as error:
            self._tell(f"{action} not delivered: {error}", "error")
        return None

    def _refused(self, action: Action) -> bool:
        """May this console not send that? Then a notice says so."""
        if self._role is Role.WRITER or (self._role is Role.REDUCER and action in RISK_REDUCING):
            return False
        word = action.replace("_", " ")
        self._tell(f"{word} refused, {_LIMITS[self._role]} here", "warning")
        return True

    def _tell(self, text: str, severity: str = "information") -> None:
        levels = {"information": "information", "warning": "warning", "error": "error"}
        # Textual types a severity as literals, which a look-up by text cannot give.
        self.notify(text, severity=levels[severity], timeout=4, markup=False)  # type: ignore[arg-type]


def _severity(action: Action, answer: Answer) -> str:
    """A brake that was only asked for is no good news yet: the banner shows what is proven."""
    if not answer.accepted or action is Action.PANIC:
        return "error"
    return "warning" if action in (Action.PAUSE, Action.STOP, Action.FLATTEN) else "information"
