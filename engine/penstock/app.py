"""Command-line flags and `app.run`, on argparse: `flags.DEFINE_string("name", "default", "help")`.

Flags are read from the command line when the first of them is asked for, or by `app.run`.
Boolean flags may be given as `--flag`, `--noflag` and `--flag=false`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from penstock.exports import export, export_value


class FlagValues:
    """The flags of a program: each is an attribute. Calling it reads a command line.

    >>> values = ps.flags.FlagValues()
    >>> ps.flags.DEFINE_integer("steps", 10, "how many", flag_values=values)
    >>> values(["program", "--steps=3", "data"])
    ['program', 'data']
    >>> values.steps
    3
    """

    def __init__(self) -> None:
        """Start without flags."""
        state: dict[str, Any] = {"_flags": {}, "_values": {}, "_parsed": False}
        self.__dict__.update(state)

    def __call__(self, argv: Sequence[str]) -> list[str]:
        """Read the flags in `argv`; returns the program and what is no flag.

        An unknown flag or a bad value ends the program, as argparse does.
        """
        parser = argparse.ArgumentParser(prog=argv[0] if argv else None, allow_abbrev=False)
        for name, options in self._flags.items():
            options = dict(options)
            parser.add_argument(f"--{name}", dest=name, **options)
            if options.get("nargs") == "?":  # a boolean
                parser.add_argument(
                    f"--no{name}", dest=name, action="store_const", const=False, help=None
                )
        parser.add_argument("_rest", nargs="*", help=argparse.SUPPRESS)
        found = vars(parser.parse_intermixed_args(list(argv[1:])))
        rest = found.pop("_rest")
        self._values.update(found)
        self.__dict__["_parsed"] = True
        return [*argv[:1], *rest]

    def __getattr__(self, name: str) -> Any:
        """Return the value of a flag; reads the command line the first time."""
        if name.startswith("__") or name not in self._flags:
            raise AttributeError(f"there is no flag {name!r}")
        if not self._parsed:
            self(sys.argv)
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        """Change the value of a flag."""
        if name not in self._flags:
            raise AttributeError(f"there is no flag {name!r}")
        self._values[name] = value

    def __contains__(self, name: str) -> bool:
        """Return True when there is a flag of that name."""
        return name in self._flags

    def __iter__(self) -> Any:
        """Return the names of the flags."""
        return iter(sorted(self._flags))

    def flag_values_dict(self) -> dict[str, Any]:
        """Return the values by name."""
        return {name: getattr(self, name) for name in self._flags}

    def _define(self, name: str, default: Any, **options: Any) -> None:
        if name in self._flags:
            raise ValueError(f"flag {name!r} is defined twice")
        self._flags[name] = {"default": default, **options}
        self._values[name] = default


FLAGS = FlagValues()
export_value("flags.FLAGS", FLAGS)
export_value("flags.FlagValues", FlagValues)


def _add(
    name: str,
    default: Any,
    help: str | None,
    flag_values: FlagValues,
    required: bool,
    **options: Any,
) -> None:
    flag_values._define(name, default, help=help, required=required, **options)


@export("flags.DEFINE_string")
def DEFINE_string(
    name: str,
    default: str | None,
    help: str | None,
    flag_values: FlagValues = FLAGS,
    required: bool = False,
    **args: Any,
) -> None:
    """Define a flag that holds text."""
    _add(name, default, help, flag_values, required, **args)


def _bounded(kind: type, low: Any, high: Any) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        value = kind(text)
        if (low is not None and value < low) or (high is not None and value > high):
            raise argparse.ArgumentTypeError(f"{text} is not between {low} and {high}")
        return value

    read.__name__ = kind.__name__
    return read


@export("flags.DEFINE_integer")
def DEFINE_integer(
    name: str,
    default: int | None,
    help: str | None,
    lower_bound: int | None = None,
    upper_bound: int | None = None,
    flag_values: FlagValues = FLAGS,
    required: bool = False,
    **args: Any,
) -> None:
    """Define a flag that holds a whole number, within bounds if they are given."""
    read = _bounded(int, lower_bound, upper_bound)
    _add(name, default, help, flag_values, required, type=read, **args)


@export("flags.DEFINE_float")
def DEFINE_float(
    name: str,
    default: float | None,
    help: str | None,
    lower_bound: float | None = None,
    upper_bound: float | None = None,
    flag_values: FlagValues = FLAGS,
    required: bool = False,
    **args: Any,
) -> None:
    """Define a flag that holds a number, within bounds if they are given."""
    read = _bounded(float, lower_bound, upper_bound)
    _add(name, default, help, flag_values, required, type=read, **args)


def _truth(text: str) -> bool:
    known = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return known[text.lower()]


@export("flags.DEFINE_boolean flags.DEFINE_bool")
def DEFINE_boolean(
    name: str,
    default: bool | None,
    help: str | None,
    flag_values: FlagValues = FLAGS,
    module_name: str | None = None,
    required: bool = False,
    **args: Any,
) -> None:
    """Define a flag that is true or false."""
    args = {"nargs": "?", "const": True, **args}
    _add(name, default, help, flag_values, required, type=_truth, **args)


@export("flags.DEFINE_enum")
def DEFINE_enum(
    name: str,
    default: str | None,
    enum_values: Sequence[str],
    help: str | None,
    flag_values: FlagValues = FLAGS,
    module_name: str | None = None,
    required: bool = False,
    **args: Any,
) -> None:
    """Define a flag that holds one of `enum_values`."""
    _add(name, default, help, flag_values, required, choices=list(enum_values), **args)


@export("flags.DEFINE_list")
def DEFINE_list(
    name: str,
    default: Any,
    help: str | None,
    flag_values: FlagValues = FLAGS,
    required: bool = False,
    **args: Any,
) -> None:
    """Define a flag that holds texts, separated by commas."""
    start = _parts(default) if isinstance(default, str) else default
    _add(name, start, help, flag_values, required, type=_parts, **args)


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


@export("app.run")
def run(main: Callable[[list[str]], Any] | None = None, argv: Sequence[str] | None = None) -> None:
    """Read the flags, call `main` with the rest of the command line, and exit with its result."""
    function = main or sys.modules["__main__"].main
    sys.exit(function(FLAGS(sys.argv if argv is None else argv)))
