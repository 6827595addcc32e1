"""A stepper in a terminal: one line of input, one move or one look.

`Stepper.interact` runs it. Commands are words of `Stepper`'s own methods; an empty line steps, as
debuggers do. What a user gets wrong, and what a node raises, is told and the shell goes on.
"""

from __future__ import annotations

import cmd
from typing import IO, TYPE_CHECKING

import numpy as np

from penstock import errors

if TYPE_CHECKING:
    from penstock.runtime.stepper import StepNode, Stepper


class StepperShell(cmd.Cmd):
    """The loop over commands. Reads `stdin` without a prompt of its own where one is given."""

    prompt = "(step) "

    def __init__(
        self, stepper: Stepper, stdin: IO[str] | None = None, stdout: IO[str] | None = None
    ) -> None:
        """Drive `stepper`; the streams are the terminal's unless given."""
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = stdin is None
        self._stepper = stepper

    def onecmd(self, line: str) -> bool:
        """Do what a line says; True ends the loop."""
        try:
            return bool(super().onecmd(line))
        except errors.OpError as e:
            self._say(e.message)
            return False
        except RuntimeError as e:  # the session was closed
            self._say(str(e))
            return False

    def emptyline(self) -> bool:
        """Step."""
        self.do_step("")
        return False

    def default(self, line: str) -> None:
        """Tell that a command is unknown."""
        if line == "EOF":
            return
        self._say(f"unknown command {line.split()[0]!r}: help lists them")

    def do_step(self, target: str) -> None:
        """Run the next node (`step`), or one that is ready (`step NODE`)."""
        self._tell(self._stepper.step(target or None))

    def do_to(self, target: str) -> None:
        """Run until a node has run: `to NODE`."""
        self._tell(self._stepper.run_to(target))

    def do_nan(self, _: str) -> None:
        """Run to the first value that is NaN or infinite."""
        node = self._stepper.run_to_nan()
        if node is None:
            self._say("finished: every value is finite")
        else:
            self._tell(node)

    def do_peek(self, target: str) -> None:
        """Show the value of a tensor: `peek NAME` or `peek NAME:1`."""
        value = np.asarray(self._stepper.peek(target))
        self._say(f"{value.dtype}{list(value.shape)}\n{value}")

    def do_ready(self, _: str) -> None:
        """List the nodes that can run now."""
        self._list(self._stepper.ready)

    def do_waiting(self, _: str) -> None:
        """List the nodes that cannot run yet, and what each waits for."""
        self._list(self._stepper.waiting)

    def do_memory(self, _: str) -> None:
        """Show the live bytes of each device."""
        for device, size in self._stepper.live_bytes().items():
            self._say(f"{device} {size} bytes")

    def do_where(self, _: str) -> None:
        """Show where the run is."""
        self._say(str(self._stepper))

    def do_finish(self, _: str) -> bool:
        """Run what is left, and leave."""
        self._stepper.finish()
        self._say("finished")
        return True

    def do_quit(self, _: str) -> bool:
        """Leave; the run stays where it is."""
        return True

    do_EOF = do_quit

    def _tell(self, node: StepNode) -> None:
        self._say(str(node))
        for i, value in enumerate(self._stepper.outputs(node.name)):
            array = np.asarray(value)
            text = np.array2string(array, threshold=6, edgeitems=2).replace("\n", " ")
            self._say(f"        :{i} {array.dtype}{list(array.shape)} {text}")

    def _list(self, nodes: list[StepNode]) -> None:
        for node in nodes:
            self._say(str(node))
        if not nodes:
            self._say("none")

    def _say(self, text: str) -> None:
        print(text, file=self.stdout)
