"""Exception classes of penstock, and the one formatter of their messages.

Every failure that a user can meet is an `OpError` with the code that the public error
numbers give it. Mistakes found while a graph is built are also the matching built-in
exception (`ShapeError` is a `ValueError`, `DTypeError` a `TypeError`), so programs that
catch those keep working. `describe` writes the text: what went wrong, where, what came in,
what was expected, and the user's own line.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

OK = 0
CANCELLED = 1
UNKNOWN = 2
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
NOT_FOUND = 5
ALREADY_EXISTS = 6
PERMISSION_DENIED = 7
RESOURCE_EXHAUSTED = 8
FAILED_PRECONDITION = 9
ABORTED = 10
OUT_OF_RANGE = 11
UNIMPLEMENTED = 12
INTERNAL = 13
UNAVAILABLE = 14
DATA_LOSS = 15
UNAUTHENTICATED = 16


class OpError(Exception):
    """Base of all errors that concern a node of a graph.

    Attributes: `message` (the whole text), `error_code` (one of the module's numbers),
    `op` (the `Operation` that failed, or None), `node_def` (its NodeDef, or None).
    """

    code: ClassVar[int] = UNKNOWN

    def __init__(self, node_def: Any, op: Any, message: str, error_code: int | None = None) -> None:
        """Make an error about `op` (or `node_def`), either of which may be None."""
        super().__init__(message)
        self._node_def = node_def
        self.op = op
        self.message = message
        self.error_code = self.code if error_code is None else error_code

    @property
    def node_def(self) -> Any:
        """The NodeDef of the node that failed, or None."""
        if self._node_def is None and self.op is not None:
            return self.op.node_def
        return self._node_def

    def __str__(self) -> str:
        """Return the message."""
        return self.message


class CancelledError(OpError):
    """A step was cancelled: by closing its session, or by an error elsewhere in it."""

    code = CANCELLED


class UnknownError(OpError):
    """An error without a code of its own, for instance an exception in a Python kernel."""

    code = UNKNOWN


class InvalidArgumentError(OpError):
    """An input, attribute, feed or name is not one that the op can work on."""

    code = INVALID_ARGUMENT


class DeadlineExceededError(OpError):
    """`RunOptions.timeout_in_ms` (or the session's limit) passed before the step ended."""

    code = DEADLINE_EXCEEDED


class NotFoundError(OpError):
    """Something named does not exist: a file, a kernel for these dtypes, a tensor."""

    code = NOT_FOUND


class AlreadyExistsError(OpError):
    """Something that was to be made exists already."""

    code = ALREADY_EXISTS


class PermissionDeniedError(OpError):
    """The caller may not do this, for instance write to that file."""

    code = PERMISSION_DENIED


class UnauthenticatedError(OpError):
    """The caller has not said, or not proved, who it is."""

    code = UNAUTHENTICATED


class ResourceExhaustedError(OpError):
    """Memory (or another bounded resource) ran out; the session stays usable."""

    code = RESOURCE_EXHAUSTED


class FailedPreconditionError(OpError):
    """The system is not in the state that the op needs, e.g. a variable is uninitialised."""

    code = FAILED_PRECONDITION


class AbortedError(OpError):
    """The operation was given up because of a conflict or a lost partner."""

    code = ABORTED


class OutOfRangeError(OpError):
    """Something went past the valid end: reading beyond the last element of an input."""

    code = OUT_OF_RANGE


class UnimplementedError(OpError):
    """The op, attribute or dtype is valid, but penstock does not do it."""

    code = UNIMPLEMENTED


class InternalError(OpError):
    """A bug in penstock: an invariant of its own does not hold."""

    code = INTERNAL


class UnavailableError(OpError):
    """A service cannot be reached at present; trying again may help."""

    code = UNAVAILABLE


class DataLossError(OpError):
    """Stored data is truncated or damaged."""

    code = DATA_LOSS


class ShapeError(InvalidArgumentError, ValueError):
    """Static shapes do not fit together; raised at the line that builds the node.

    Cause: e.g. the inner dimensions of a matrix product differ. Fix: look at the two input
    shapes in the message; transpose, reshape, or correct the placeholder's shape.
    """


class DTypeError(InvalidArgumentError, TypeError):
    """An input or attribute has a dtype the op does not take; raised while building.

    Fix: `cast` one side; penstock, like TensorFlow, converts nothing between tensors.
    """


class GraphError(InvalidArgumentError, ValueError):
    """The structure of a graph is wrong: unknown or duplicate name, cycle, other graph."""


class PlacementError(InvalidArgumentError, ValueError):
    """A node can be on no device: what it asks for, its kernels and its group leave none.

    Cause: a request for a device that is not there, or without a kernel for the dtype, or two
    nodes that must share a device and disagree. Fix: the message names both, with their lines.
    """


class FeedError(InvalidArgumentError, ValueError, TypeError):
    """A fed value does not fit the tensor it is fed for (kind, shape, dtype, feedability)."""


class FetchError(InvalidArgumentError, ValueError, TypeError):
    """A fetch is not a tensor, operation or variable of the session's graph."""


_BY_CODE: dict[int, type[OpError]] = {
    cls.code: cls
    for cls in (
        CancelledError,
        UnknownError,
        InvalidArgumentError,
        DeadlineExceededError,
        NotFoundError,
        AlreadyExistsError,
        PermissionDeniedError,
        UnauthenticatedError,
        ResourceExhaustedError,
        FailedPreconditionError,
        AbortedError,
        OutOfRangeError,
        UnimplementedError,
        InternalError,
        UnavailableError,
        DataLossError,
    )
}


def exception_type_from_error_code(error_code: int) -> type[OpError]:
    """Return the exception class of a code; KeyError when there is none.

    >>> exception_type_from_error_code(3).__name__
    'InvalidArgumentError'
    """
    return _BY_CODE[error_code]


def error_code_from_exception_type(cls: type[OpError]) -> int:
    """Return the code of an exception class."""
    return cls.code


def describe(
    problem: str,
    *,
    op: str | None = None,
    node: str | None = None,
    device: str | None = None,
    inputs: Sequence[str] = (),
    hints: Sequence[str] = (),
    built_at: str | None = None,
) -> str:
    """Write the text of an error: the one place where messages get their form.

    `inputs` are lines such as ``float32[2, 3]  from "x"``; `hints` say what was expected or
    what to do; `built_at` is the user's line, as `graph.source` renders it.
    """
    subject = op or ""
    if node is not None:
        subject += f' "{node}"' if subject else f'"{node}"'
    if device:
        subject += f" on {device}"
    lines = [f"{subject}: {problem}" if subject else problem]
    lines += [f"  input {i}  {text}" for i, text in enumerate(inputs)]
    lines += [f"  {hint}" for hint in hints]
    if built_at:
        lines.append(f"  built at {built_at}")
    return "\n".join(lines)
