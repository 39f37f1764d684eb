"""Passes: the tree of what was recorded, walked from the root again and again.

A block is one call of an op or of a pure layer: who was called with which inputs, what came out, and what it put on the
tape. As long as every call of a pass is the one that was made there before, nothing is recorded; a call that is new
makes a branch. The tape of a pass is what the blocks from the root to its end put down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeGuard, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlpcore._core import Tape
from mlpcore._structure import flatten
from mlpcore._tensor import Structure, Symbol, Tensor

if TYPE_CHECKING:
    from mlpcore._arena import Arena, Variable

R = TypeVar("R")

KEPT = (
    "what is computed inside `call` must not be kept for later calls; return it, or keep its numbers (x.numpy()) or "
    "a Variable"
)

_MOST_BLOCKS, _MOST_TAPES = 20_000, 256  # the tree is forgotten when it grows beyond


class Block:
    """One call, as a node in the tree of a recorder."""

    __slots__ = (
        "args",
        "assigned",
        "calls",
        "generation",
        "kwargs",
        "losses",
        "next",
        "others",
        "owner",
        "parameters",
        "parent",
        "result",
        "tape",
        "training",
    )

    def __init__(
        self, owner: object, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool, parent: Block | None
    ):
        self.owner = owner
        self.args = args
        self.kwargs = kwargs
        self.training = training
        self.parent = parent
        self.result: Any = None
        self.calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []  # what it puts on a tape, in order
        self.parameters: list[tuple[int, Symbol]] = []  # variables that it read first
        self.losses: list[Symbol] = []  # what it gave to add_loss
        self.assigned: list[tuple[Variable, Symbol]] = []  # what it gave to variables
        self.next: Block | None = None  # what followed it last time
        self.others: list[Block] = []  # what else has followed it
        self.tape: Tape | None = None  # of a pass that ends here
        self.generation = -1  # of the arena's declarations on that tape

    def path(self) -> list[Block]:
        """Return the blocks from the root to this one."""
        blocks: list[Block] = []
        block: Block | None = self
        while block is not None:
            blocks.append(block)
            block = block.parent
        return blocks[::-1]


def same(a: Any, b: Any) -> bool:
    """Tell whether two arguments are the same: tensors by identity, everything else by type and value."""
    if a is b:  # an array never is: `frozen` copied it
        return True
    kind = type(a)
    if kind is not type(b):
        return False
    if kind is tuple or kind is list:
        if len(a) != len(b):
            return False
        for x, y in zip(a, b, strict=True):  # noqa: SIM110  (a generator costs more than the comparisons)
            if x is not y and not same(x, y):
                return False
        return True
    if isinstance(a, Tensor):
        return False
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(value, b[key]) for key, value in a.items())
    if isinstance(a, np.ndarray):
        return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())
    try:
        return bool(a == b)
    except Exception:  # whatever a foreign object's == does
        return False


def frozen(value: Any) -> Any:
    """Return a copy of the arguments of a call that later changes of lists and arrays do not reach."""
    if isinstance(value, np.ndarray):
        return value.copy()
    if type(value) is list or type(value) is tuple:
        return type(value)(map(frozen, value))
    if type(value) is dict:
        return {key: frozen(each) for key, each in value.items()}
    return value


class Passes:
    """The tree, and where the pass at hand stands in it; the base of `Recorder`.

    Parameters
    ----------
    arena : Arena or None
        Whose parameters the tapes declare. None: nothing is kept.
    training : bool
        What layers are told; part of what is compared.
    batch : list of ndarray or None
        Inputs of the pass.
    """

    def __init__(self, arena: Arena | None, training: bool, batch: Sequence[NDArray[Any]] | None):
        self.arena = arena
        self.training = training
        self.batch = batch
        self._root = Block(None, (), {}, training, None)
        self.at = self._root  # where the pass stands
        self.next: Block | None = None  # what followed there last time
        self.block: Block | None = None  # the one being recorded
        self._tape: Tape | None = None  # what the blocks up to `_tape_at` put down
        self._tape_at = self._root
        self._tape_generation = -1
        self._parameters: dict[int, Symbol] = {}  # id of a variable -> its value on that tape
        self._n_blocks = self._n_tapes = 0
        self._n_values = 0  # of an abstract recorder
        self._version = Structure.version

    def replay(self, batch: Sequence[NDArray[Any]] | None = None) -> None:
        """Start a new pass, after the inputs, for the given batch."""
        if self._version != Structure.version or self._n_blocks > _MOST_BLOCKS or self._n_tapes > _MOST_TAPES:
            self._version = Structure.version
            self._root.next, self._root.others, self._root.tape = None, [], None
            self._n_blocks = self._n_tapes = 0
        self.at = self._root
        self.next = self._root.next
        self.block = self._tape = None
        self.batch = batch

    def find(self, owner: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Block | None:
        """Return the block of a call that was made here before, after moving past it; or None."""
        block = self.next
        if block is None:
            return None
        if not self._matches(block, owner, args, kwargs):
            others = self.at.others
            for number, other in enumerate(others):
                if self._matches(other, owner, args, kwargs):
                    others[number], self.at.next = block, other
                    block = other
                    break
            else:
                return None
        self.at, self.next = block, block.next
        return block

    def _matches(self, block: Block, owner: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
        return (
            (block.owner is owner or (block.owner == owner and isinstance(owner, str)))
            and block.training is self.training
            and same(block.args, args)
            and same(block.kwargs, kwargs)
        )

    def record(self, owner: object, args: tuple[Any, ...], kwargs: dict[str, Any], function: Callable[..., R]) -> R:
        """Return ``function(*args, **kwargs)``: what it returned here before, or what it records now.

        Parameters
        ----------
        owner : object
            Whose call it is: an op or a pure layer (compared by identity), or any string.
        args, kwargs
            The arguments. Whatever `function` depends on besides must not change between passes, or be announced by
            `Structure.touch`.
        function : callable
            Records, and returns Symbols.
        """
        if self.arena is None or self.block is not None:
            return function(*args, **kwargs)
        found = self.find(owner, args, kwargs)
        if found is not None:
            return found.result  # type: ignore[no-any-return]
        self._check_path(args)
        self._prepare()
        block = Block(owner, frozen(args), frozen(kwargs), self.training, self.at)
        self.block, self.next = block, None
        try:
            block.result = function(*args, **kwargs)
        except BaseException:
            self._tape = None  # it may hold half a block
            raise
        finally:
            self.block = None
        self._append(block)
        return block.result  # type: ignore[no-any-return]

    def _check_path(self, args: tuple[Any, ...]) -> None:
        """Raise if a Symbol among the arguments was recorded by another pass, on a branch that is not this one's."""
        symbols = [each for each in flatten(args) if isinstance(each, Symbol)]
        path = {id(block) for block in self.at.path()} if any(each.block is not self.at for each in symbols) else set()
        for each in symbols:
            if each.block is not self.at and id(each.block) not in path:
                raise ValueError(f"{each!r} was computed in another call: {KEPT}")

    def _append(self, block: Block) -> None:
        parent = self.at
        if parent.next is not None:
            parent.others.append(parent.next)
        parent.next = block
        self.at = self._tape_at = block
        self.next = None
        self._n_blocks += 1

    def _is_current(self, tape: Tape | None) -> TypeGuard[Tape]:
        """Tell whether the tape at hand is that of the pass so far, with all parameters declared."""
        return tape is not None and self._tape_at is self.at and self._tape_generation == self._arena().generation

    def _prepare(self) -> None:
        """Have the tape that the blocks up to here put down, ready for more."""
        if self._is_current(self._tape):
            return
        arena = self._arena()
        path = self.at.path()
        self._tape, self._tape_at = self._laid_down(path), self.at
        self._tape_generation = arena.generation
        self._parameters = dict(pair for block in path for pair in block.parameters)

    def _laid_down(self, path: list[Block]) -> Tape:
        tape = Tape()
        self._arena().declare(tape)
        for block in path:
            for method, args, kwargs in block.calls:
                getattr(tape, method)(*args, **kwargs)
        return tape

    def _arena(self) -> Arena:
        if self.arena is None:
            raise RuntimeError("an abstract recorder keeps no tape")
        return self.arena

    @property
    def tape(self) -> Tape:
        """The tape of this pass so far. It does not change any more; equal passes return the same object."""
        arena, block = self._arena(), self.at
        if block.tape is None or block.generation != arena.generation:
            block.tape = self._tape if self._is_current(self._tape) else self._laid_down(block.path())
            block.generation = arena.generation
            self._n_tapes += 1
            self._tape = None  # what follows is recorded on another
        assert block.tape is not None
        return block.tape

    @property
    def losses(self) -> list[Symbol]:
        """What layers added to the loss in this pass so far (`Layer.add_loss`), each a single number."""
        return [loss for block in self.at.path() for loss in block.losses]

    @property
    def assigned(self) -> list[tuple[Variable, Symbol]]:
        """What was assigned to variables in this pass so far, in order."""
        return [pair for block in self.at.path() for pair in block.assigned]

    def emit(self, method: str, *args: Any, **kwargs: Any) -> int:
        """Put one call of the tape's method down, inside a block; return the value's number."""
        if self.arena is None:
            self._n_values += 1
            return self._n_values - 1
        assert self.block is not None, "ops record inside blocks"
        assert self._tape is not None
        value: int | None = getattr(self._tape, method)(*args, **kwargs)
        self.block.calls.append((method, args, kwargs))
        return -1 if value is None else value
