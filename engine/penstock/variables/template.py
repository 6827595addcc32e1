"""make_template: a function whose variables are made by its first call and shared by all."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from penstock.exports import export
from penstock.variables.scope import VariableScope
from penstock.variables.scope import variable_scope as open_scope


class Template:
    """A function bound to a variable scope; see `make_template`."""

    def __init__(
        self,
        name: str,
        function: Callable[..., Any],
        create_scope_now: bool,
        unique_name: str | None,
        custom_getter: Callable[..., Any] | None,
    ) -> None:
        """Take the function; the scope is opened now or by the first call."""
        if not name:
            raise ValueError("make_template needs a name")
        self._name, self._unique_name = name, unique_name
        self._function, self._custom_getter = function, custom_getter
        self._called = False
        self._scope: VariableScope | None = None
        if create_scope_now:
            with self._opened() as scope:
                self._scope = scope

    def _opened(self) -> open_scope:
        return open_scope(self._unique_name, self._name, custom_getter=self._custom_getter)

    @property
    def name(self) -> str:
        """The name asked for."""
        return self._name

    @property
    def variable_scope(self) -> VariableScope | None:
        """The scope of the variables, None before there is one."""
        return self._scope

    @property
    def var_scope(self) -> VariableScope | None:
        """The scope of the variables, None before there is one."""
        return self._scope

    @property
    def trainable_variables(self) -> list[Any]:
        """The variables that optimizers change."""
        return [] if self._scope is None else self._scope.trainable_variables()

    @property
    def global_variables(self) -> list[Any]:
        """The variables."""
        return [] if self._scope is None else self._scope.global_variables()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function inside the scope; later calls may only reuse variables."""
        if self._scope is None:
            with self._opened() as scope:
                self._scope = scope
                result = self._function(*args, **kwargs)
        else:
            with open_scope(self._scope, reuse=self._called):
                result = self._function(*args, **kwargs)
        self._called = True
        return result


@export("make_template")
def make_template(
    name_: str,
    func_: Callable[..., Any],
    create_scope_now_: bool = False,
    unique_name_: str | None = None,
    custom_getter_: Callable[..., Any] | None = None,
    **kwargs: Any,
) -> Template:
    """Return `func_` such that all calls share the variables that its `get_variable` makes.

    `kwargs` are passed on to each call. With `unique_name_` the scope has exactly that name.

    >>> def scaled(x):
    ...     return x * ps.get_variable("w", [], initializer=ps.ones_initializer())
    >>> with ps.Graph().as_default():
    ...     layer = ps.make_template("layer", scaled)
    ...     _ = layer(1.), layer(2.)
    ...     [v.name for v in ps.global_variables()]
    ['layer/w:0']
    """
    bound = functools.partial(func_, **kwargs) if kwargs else func_
    return Template(name_, bound, create_scope_now_, unique_name_, custom_getter_)
