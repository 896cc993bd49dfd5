"""Key bindings, once: which of them every screen and dialog has, and how they are shown."""

from collections.abc import Iterable

from textual.binding import ActiveBinding, Binding

from tui.render.draw.glyphs import ASCII, Glyphs
from tui.render.keys import KeyHint

REDUCING = [
    # The last two are the same key under a Hangul input method.
    Binding("p,P,ㅔ,ㅖ", "app.pause", "pause", tooltip="pull all our quotes, at once"),
    Binding("x,X,ㅌ", "app.panic", "panic", show=False, tooltip="cancel all of ours and halt"),
]
"""Only ever reduce risk, so every screen and dialog has them; text fields keep the letters."""


def _tune(key: str, name: str, direction: int, says: str, *, show: bool = False) -> Binding:
    tooltip = f"{name} by a tenth, after a preview"
    return Binding(key, f"app.tune('{name}', {direction})", says, show=show, tooltip=tooltip)


DESK = [
    Binding("r", "app.resume", "resume", tooltip="quote again, after a preview"),
    Binding("1", "page('desk')", "desk", tooltip="book, quotes, money, orders, log"),
    Binding("2", "page('model')", "model", tooltip="model and market, with room for charts"),
    Binding(
        "F", "app.flatten", "flatten", tooltip="close the position at market; the engine stays"
    ),
    Binding("Q", "app.stop_engine", "stop", tooltip="cancel ours, verify, end the engine"),
    Binding("q", "app.detach", "detach", tooltip="leave the screen; the engine goes on"),
    Binding("question_mark", "app.help", "help", tooltip="these keys"),
    Binding("b", "app.side('bid')", "bid side", tooltip="off at once, on after a preview"),
    Binding(
        "a", "app.side('ask')", "ask side", show=False, tooltip="off at once, on after a preview"
    ),
    _tune("left_square_bracket", "gamma", -1, "gamma down", show=True),
    _tune("right_square_bracket", "gamma", +1, "gamma up"),
    _tune("left_curly_bracket", "adj1", -1, "width down"),
    _tune("right_curly_bracket", "adj1", +1, "width up"),
    _tune("comma", "adj2", -1, "skew down"),
    _tune("full_stop", "adj2", +1, "skew up"),
    Binding("space", "freeze", "freeze", tooltip="hold lists and tape still; quoting goes on"),
    Binding("l", "focus_log", "log", show=False, tooltip="scroll the log: arrows, page keys, end"),
]
"""Shown from left to right as far as the bar reaches."""

_NAMES = {
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left_curly_bracket": "{",
    "right_curly_bracket": "}",
    "comma": ",",
    "full_stop": ".",
    "question_mark": "?",
    "escape": "esc",
    "pageup": "page up",
    "pagedown": "page down",
}


def key_name(key: str) -> str:
    """A key as it is printed on a keyboard."""
    return _NAMES.get(key, key)


def hints(active: Iterable[ActiveBinding], glyphs: Glyphs) -> tuple[KeyHint, ...]:
    """The bar's hints from live bindings: one for each action that wants to be shown."""
    pairs = {"[": KeyHint("[ ]", glyphs.gamma), "b": KeyHint("b a", "side")}
    by_action: dict[str, KeyHint] = {}
    for each in active:
        binding = each.binding
        if binding.show and each.enabled and binding.action not in by_action:
            urgent = binding.action == "panic"
            key = key_name(binding.key)
            hint = KeyHint(key, binding.description, urgent=urgent)
            by_action[binding.action] = pairs.get(key, hint)
    return tuple(by_action.values())


def key_table(active: Iterable[ActiveBinding], glyphs: Glyphs) -> list[tuple[str, str]]:
    """Every live binding as keys and meaning; keys of one action stand together.

    A plain terminal cannot show the keys of an input method; they work there all the same.
    """
    keys: dict[str, list[str]] = {}
    says: dict[str, str] = {}
    for each in active:
        binding = each.binding
        if binding.system or not binding.tooltip:
            continue  # the toolkit's own, such as tab
        action = binding.action.removeprefix("app.")
        name = key_name(binding.key)
        if glyphs is not ASCII or name.isascii():
            keys.setdefault(action, []).append(name)
        says.setdefault(action, f"{binding.description}: {binding.tooltip}")
    return [(" ".join(names), says[action]) for action, names in keys.items()]
