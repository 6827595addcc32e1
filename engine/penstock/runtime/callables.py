"""The functions that `Session.make_callable` returns: a call that was found, and nothing looked up.

In: a session and one way of calling `run`. Out: a function of the fed values, in the cheapest form
that fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from penstock import errors


def _check_count(values: Sequence[Any], count: int) -> None:
    if len(values) != count:
        raise TypeError(f"this callable takes {count} values, got {len(values)}")


def plain(session: Any, call: Any, count: int, single: bool) -> Callable[..., Any]:
    """Return a function of `count` values that runs `call`; `single`: it fetches one tensor."""
    run, arrange, build = call.plan.program.call, call.arrange, call.build
    if single and arrange is None and not session._timeout_ms:

        def call_single(*values: Any) -> Any:
            if len(values) != count:
                _check_count(values, count)
            try:
                return run(*values)[0]
            except errors.OpError as e:
                raise session._explained(e, call.plan) from None

        return call_single

    def call_any(*values: Any) -> Any:
        _check_count(values, count)
        ordered = values if arrange is None else arrange(values)
        try:
            results = call.run(ordered, session._timeout_ms)
        except errors.OpError as e:
            raise session._explained(e, call.plan) from None
        return results if build is None else build(results)

    return call_any


def with_options(session: Any, call: Any, count: int) -> Callable[..., Any]:
    """Return the same with the keyword arguments `options` and `run_metadata`."""

    def run_with_options(*values: Any, options: Any = None, run_metadata: Any = None) -> Any:
        _check_count(values, count)
        ordered = values if call.arrange is None else call.arrange(values)
        return session._run_call(call, ordered, options, run_metadata)

    return run_with_options


def sized(
    session: Any, fetches: Any, feed_keys: list[Any], keep: bool, accept_options: bool
) -> Callable[..., Any]:
    """Return the same where a plan is made for each shape of the values."""

    def run_sized(*values: Any, options: Any = None, run_metadata: Any = None) -> Any:
        _check_count(values, len(feed_keys))
        call = session._sized_call(fetches, feed_keys, values, keep)
        ordered = values if call.arrange is None else call.arrange(values)
        return session._run_call(call, ordered, options, run_metadata)

    return run_sized if accept_options else lambda *values: run_sized(*values)
