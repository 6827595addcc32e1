"""The words for reasons: one sentence a code, filled in when somebody reads it."""

from __future__ import annotations

from penstock.passes.placement.groups import Reason

TEXTS = {
    "host": "feeds enter and fetches leave on the host's CPU:0",
    "single_device": "the session has this device only",
    "requested": 'asked for: "{0}"',
    "group_requested": 'shares a device with "{0}", which asks for "{1}"',
    "only_kernel": "only {0} devices have a kernel for {1}",
    "group_only_kernel": 'shares a device with "{0}", and only {1} devices have a kernel for {2}',
    "resident": 'the resource "{0}" lives there since an earlier run of this session',
    "relative": 'with "{0}", which other runs use: {1} has a kernel on fewer devices',
    "metadata_with_producer": 'looks only at the shape of "{0}", which is there',
    "consumer_with_producer": 'reads its largest input "{0}" there',
    "constant_with_consumers": 'a constant stands beside its readers, "{0}" first',
    "generator_with_consumers": 'a source stands beside its only reader "{0}"',
    "shape_arithmetic_with_consumers": 'shapes are computed beside their readers, "{0}" first',
    "waiting_with_producers": 'waits for "{0}" there',
    "best_device": "the first device of the best type, {0}, with all kernels",
    "strategy": "the strategy {0} chose it",
}


def text_of(reason: Reason) -> str:
    """Return the sentence of a reason.

    >>> text_of(Reason("requested", ("/cpu:1",)))
    'asked for: "/cpu:1"'
    """
    return TEXTS.get(reason.code, reason.code).format(*reason.args)
