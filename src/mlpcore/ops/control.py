"""Choosing and repeating in the way of Python: what is computed is what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Return ``true_fn()`` if `pred` holds, else ``false_fn()``; only the one that is taken is computed.

    Parameters
    ----------
    pred : bool, tensor or array
        A single truth value. Of a tensor inside `call`, it is asked for at once, on the batch at hand.
    true_fn, false_fn : callable
        Without arguments.

    Examples
    --------
    >>> cond(2 > 1, lambda: "larger", lambda: "smaller")
    'larger'
    """
    return true_fn() if pred else false_fn()


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Return `loop_vars` after ``loop_vars = body(*loop_vars)`` as long as ``cond(*loop_vars)`` holds.

    >>> while_loop(lambda i: i < 10, lambda i: (2 * i,), (1,))
    (16,)
    """
    is_single = not isinstance(loop_vars, list | tuple)
    state = (loop_vars,) if is_single else tuple(loop_vars)
    count = 0
    while (maximum_iterations is None or count < maximum_iterations) and cond(*state):
        result = body(*state)
        state = tuple(result) if isinstance(result, list | tuple) else (result,)
        count += 1
    return state[0] if is_single else state


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """Return the value after ``value = body_fun(i, value)`` for each i from lower to upper - 1.

    >>> fori_loop(0, 4, lambda i, value: value + i, 0)
    6
    """
    value = init_val
    for i in range(int(lower), int(upper)):
        value = body_fun(i, value)
    return value
