"""Variables: state that outlives a run, how it is made, shared, found and initialised."""

from penstock.variables import collections, initialization, scope, sharing, template, updates

__all__ = ["collections", "initialization", "scope", "sharing", "template", "updates"]
