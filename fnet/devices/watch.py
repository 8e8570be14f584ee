"""A watch over processes that train together: one that dies or hangs ends the others, with a word.

Process 0 has a connection to each of the others, and they have one to it. Over them go heartbeats,
values that all are to know, and the word that ends.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import fnet.errors
from fnet.core.movement import Movement, main_frame
from fnet.devices.lines import Line, started

BEAT = 0.5  # seconds between heartbeats
SILENCE = 10.0  # seconds without one, after which a process counts as lost
STUCK = 120.0  # seconds in which no process moves, after which all end
GRACE = 1.0  # seconds that a process has to end by an error of its own, when another has ended
LOST, FAILED = 75, 2  # exit statuses: try again (EX_TEMPFAIL), and an error that a user can mend
PACKAGE = Path(fnet.errors.__file__).parent


class Watch:
    """The connections of process `index`; `lost(words, status)` is called where the run is over."""

    def __init__(
        self,
        index: int,
        lines: Mapping[int, Line],
        lost: Callable[[str, int], None],
        silence: float = SILENCE,
        stuck: float = STUCK,
    ) -> None:
        self.index, self.lines, self._lost = index, dict(lines), lost
        self.silence, self.stuck = silence, stuck
        self._changed = threading.Condition()
        self._rounds: dict[int, dict[int, Any]] = {}  # what process 0 was told, by round
        self._answers: dict[int, list[Any]] = {}
        self._round = 0
        now = time.monotonic()
        self._signs = dict.fromkeys(self.lines, now)  # when something last came
        self._moved = now  # when a process, of those heard of, last moved
        self._places: dict[int, str] = {}
        self.ending = False  # this process is ending by itself
        self.ended: str | None = None  # why another has ended
        for number in self.lines:
            started(self._listen, number)
        started(self._beat)

    def gather(self, value: Any, last: bool = False) -> list[Any]:
        """What each process gave, in their order; each waits for the others.

        With the answer to the last one nobody is missed any more: others may be gone before it is
        read.
        """
        with self._changed:
            self._round += 1
            this = self._round
        if self.index:
            self._send(0, round=this, value=value, last=last)
            with self._changed:
                self._changed.wait_for(lambda: this in self._answers)
                return self._answers.pop(this)
        with self._changed:
            told = self._rounds.setdefault(this, {})
            told[0] = value
            self._changed.wait_for(lambda: len(told) > len(self.lines))
            del self._rounds[this]
        values = [told[number] for number in sorted(told)]
        self.ending = self.ending or last
        for number in self.lines:
            self._send(number, round=this, values=values, last=last)
        return values

    def end(self, words: str, status: int, but: int | None = None) -> None:
        """Tell the others that the run is over, and why."""
        self.ending = True
        for number in self.lines:
            if number != but:
                self._send(number, end=words, status=status)

    def close(self) -> None:
        """The watch is over: nobody is missed any more."""
        self.ending = True
        for line in self.lines.values():
            line.close()

    def _send(self, number: int, **message: Any) -> None:
        try:
            self.lines[number].send(**message)
        except OSError:
            self._gone(number, "its connection has closed")

    def _listen(self, number: int) -> None:
        line = self.lines[number]
        while True:
            try:
                message = line.receive()
            except (EOFError, OSError, ValueError):
                self._gone(number, "its connection has closed")
                return
            self._signs[number] = time.monotonic()
            if "end" in message:
                self._over(message["end"], message["status"], but=number)
            elif "round" in message:
                self._take(number, message)
            else:
                self._places[number] = message["place"]
                if message["moved"]:
                    self._moved = self._signs[number]

    def _take(self, number: int, message: dict[str, Any]) -> None:
        with self._changed:
            if self.index:
                self.ending = self.ending or message["last"]
                self._answers[message["round"]] = message["values"]
            else:
                self._rounds.setdefault(message["round"], {})[number] = message["value"]
            self._changed.notify_all()

    def _beat(self) -> None:
        """Send heartbeats, and look for processes without one."""
        movement, now = Movement(), time.monotonic()
        while not self.ending:
            before = now
            time.sleep(BEAT)
            moved, place = movement.moved(BEAT), _place(main_frame())
            now = time.monotonic()
            if now - before > self.silence / 2:  # this one was away, as by Ctrl-Z: it cannot tell
                self._signs = dict.fromkeys(self.lines, now)
            self._moved, self._places[self.index] = now if moved else self._moved, place
            for number in self.lines:
                self._send(number, moved=moved, place=place)
            for number, sign in self._signs.items():
                if now - sign > self.silence:
                    self._gone(number, f"nothing has come from it for {self.silence:g} s")
            if self.index == 0 and now - self._moved > self.stuck:
                stand = ", ".join(f"{n} at {p}" for n, p in sorted(self._places.items()))
                self._over(f"no process has moved for {self.stuck:g} s: {stand}", LOST)

    def _gone(self, number: int, why: str) -> None:
        self._over(f"process {number} has died or hangs: {why}", LOST)

    def _over(self, words: str, status: int, but: int | None = None) -> None:
        with self._changed:
            if self.ended is not None:
                return
            self.ended = words
            self._changed.notify_all()
        time.sleep(GRACE if status == FAILED else 0)
        if not self.ending:
            if self.index == 0:
                self.end(words, status, but)
            self._lost(words, status)


def _place(frame: FrameType | None) -> str:
    """The innermost line of fnet, or of anything."""
    inner = frame
    while inner is not None and not inner.f_code.co_filename.startswith(f"{PACKAGE}{os.sep}"):
        inner = inner.f_back
    inner = inner or frame
    return f"{Path(inner.f_code.co_filename).name}:{inner.f_lineno}" if inner else "its end"
