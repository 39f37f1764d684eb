"""einsum: sums of products that letters describe, by transposing, multiplying matrices and summing."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol
from mlpcore.ops.products import product


class _Term:
    """A tensor whose axes have letters; `batch` is that of the batch's axis, "" without one."""

    def __init__(self, x: Symbol, letters: str, batch: str = ""):
        self.x = x
        self.letters = letters  # of the axes of a row
        self.batch = batch

    @property
    def sizes(self) -> dict[str, int]:
        return dict(zip(self.letters, self.x.axes, strict=True))

    def arranged(self, letters: str) -> Symbol:
        """Return the tensor with its axes in another order; of a letter that stands twice, the diagonal."""
        sizes, strides = self.sizes, p.strides_of(self.x.axes)
        dims = [sizes[letter] for letter in letters]
        steps = [sum(s for k, s in zip(self.letters, strides, strict=True) if k == letter) for letter in letters]
        return p.view(self.x, dims, steps, 0, dims)

    def over(self, kept: str) -> _Term:
        """Return the sum over all letters but some, each letter once."""
        inside = [letter for letter in dict.fromkeys(self.letters) if letter in kept]
        outside = [letter for letter in dict.fromkeys(self.letters) if letter not in kept]
        x = self.arranged("".join(inside + outside))
        if outside:
            first = x.ndim - len(outside)
            x = p.reduced(x, "sum", list(range(first, x.ndim)))
        return _Term(x, "".join(inside), self.batch)


@op
def einsum(subscripts: str, *operands: Any) -> Any:
    """Return the sum of products that letters of axes describe, as NumPy's.

    Parameters
    ----------
    subscripts : str
        As "ij,jk->ik": letters for the axes of each operand and of the result, which has the letters that stand once
        in order of the alphabet, if "->" is missing. There is no "...".
    *operands : tensor or array
        Of a batch, the first axis stays first, or is summed over. Three and more are multiplied from the left.

    Returns
    -------
    tensor or ndarray

    Raises
    ------
    ValueError
        If letters and operands do not fit, or the rows of a batch would not stay what they are.

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0])
    array([21., 43.], dtype=float32)
    """
    inputs, result = _parsed(subscripts, len(operands))
    terms = [_term(subscripts, letters, symbol(x)) for letters, x in zip(inputs, operands, strict=True)]
    batches = {term.batch for term in terms} - {""}
    batch = next(iter(batches), "")
    if len(batches) > 1 or any(batch and batch in term.letters for term in terms):
        raise ValueError(f"ops.einsum: {subscripts!r}: operands with a batch must have the same letter for it, alone")
    if batch and batch in result[1:]:
        raise ValueError(f"ops.einsum: {subscripts!r}: {p.BATCH_STAYS}, {batch!r} must come first in the result")
    _check_sizes(subscripts, terms)
    while len(terms) > 1:
        rest = result + "".join(term.letters for term in terms[2:])
        terms[:2] = [_contracted(terms[0].over(terms[1].letters + rest), terms[1].over(terms[0].letters + rest), rest)]
    inner = result.removeprefix(batch) if batch else result
    x = terms[0].over(inner)
    y = x.arranged(inner)
    return y if not batch or batch in result else p.reduced(y, "sum", 0)


def _parsed(subscripts: str, n_operands: int) -> tuple[list[str], str]:
    """Return the letters of the operands and of the result."""
    left, arrow, result = subscripts.replace(" ", "").partition("->")
    inputs = left.split(",")
    letters = left.replace(",", "")
    if not (letters + result or "a").isalpha() or len(set(result)) < len(result) or not set(result) <= set(letters):
        raise ValueError(
            f"ops.einsum: expected subscripts as 'ij,jk->ik', letters with each of the result once and in an operand; "
            f"got {subscripts!r}"
        )
    if len(inputs) != n_operands:
        raise ValueError(f"ops.einsum: {subscripts!r} is for {len(inputs)} operands, got {n_operands}")
    return inputs, result if arrow else "".join(sorted(k for k in set(letters) if letters.count(k) == 1))


def _term(subscripts: str, letters: str, x: Symbol) -> _Term:
    if len(letters) != x.ndim:
        raise ValueError(f"ops.einsum: {subscripts!r}: {letters!r} is no name for the axes of shape {x.shape}")
    return _Term(x, letters[1:], letters[0]) if x.batched else _Term(x, letters)


def _check_sizes(subscripts: str, terms: Sequence[_Term]) -> None:
    known: dict[str, int] = {}
    for term in terms:
        for letter, size in zip(term.letters, term.x.axes, strict=True):
            if known.setdefault(letter, size) != size:
                shapes = " and ".join(str(each.x.shape) for each in terms)
                raise ValueError(f"ops.einsum: {subscripts!r}: {letter!r} has two lengths in shapes {shapes}")


def _contracted(a: _Term, b: _Term, kept: str) -> _Term:
    """Return the product of two, summed over the letters that both have and nobody keeps."""
    both = [letter for letter in a.letters if letter in b.letters]
    stacked = "".join(letter for letter in both if letter in kept)
    summed = "".join(letter for letter in both if letter not in kept)
    left = "".join(letter for letter in a.letters if letter not in both)
    right = "".join(letter for letter in b.letters if letter not in both)
    sizes = {**a.sizes, **b.sizes}
    n_stacked, m, k, n = (prod(sizes[letter] for letter in part) for part in (stacked, left, summed, right))
    x, y = a.arranged(stacked + left + summed), b.arranged(stacked + summed + right)
    letters, batch = stacked + left + right, a.batch or b.batch
    if k == 1 or (n_stacked > 1 and (m == 1 or n == 1)):  # matrices of one row or column: elementwise, then sums
        y = b.arranged(stacked + right + summed)
        x, y = p.alias(x, p.with_axes(x, (n_stacked, m, 1, k))), p.alias(y, p.with_axes(y, (n_stacked, 1, n, k)))
        z = p.reduced(p.binary(x, y, "multiply"), "sum", -1)
    else:
        outer = () if n_stacked == 1 else (n_stacked,)
        z = product(p.alias(x, p.with_axes(x, (*outer, m, k))), p.alias(y, p.with_axes(y, (*outer, k, n))))
    return _Term(p.alias(z, p.with_axes(z, [sizes[letter] for letter in letters])), letters, batch)
