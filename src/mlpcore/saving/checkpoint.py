"""Checkpoints: everything that decides the future of a training, in one file whose predecessor is kept.

What `ModelCheckpoint` and `BackupAndRestore` use. A checkpoint is written beside the last one and takes its place
only when it is complete on disk; the last one stays as ``<path>.previous``. A process that is killed at any moment
therefore leaves at least one complete checkpoint behind, once there was one.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlpcore._validation import checked
from mlpcore.saving.atomic import remove_leftovers
from mlpcore.saving.container import is_container, read_container, write_container
from mlpcore.saving.errors import FileFormatError, PathLike
from mlpcore.saving.state import model_state, set_model_state
from mlpcore.saving.trees import pack, unpack

KIND = "checkpoint"


class CheckpointWarning(UserWarning):
    """A checkpoint could not be used, and why; an older one is used instead, or none."""


@checked
def save_state(model: Any, path: PathLike, extra: Mapping[str, Any] | None = None) -> None:
    """Write the state of `model` and of its training to `path`; the checkpoint that lay there is kept beside.

    Saved with the model: every weight (trainable or not), the optimizer's slots, iterations and learning rate, the
    seed and step of the engine's noise, the model's generator that shuffles, and the generators of `mlpcore.random`.

    Parameters
    ----------
    model : Model
        Built; compiled or not.
    path : str or path-like
        The checkpoint. Its folder is made if need be.
    extra : dict, optional
        What else shall come back: epoch, position in the epoch, History, the callbacks' states. Dicts with string
        keys, lists, tuples, strings, None, Python and NumPy numbers (NaN too) and arrays.

    Raises
    ------
    TypeError
        Something in `extra` is none of these.
    OSError
        The file cannot be written. The old checkpoint is still there.

    Examples
    --------
    >>> save_state(model, "backup/latest", {"epoch": 3})  # doctest: +SKIP
    >>> load_state(model, "backup/latest")  # doctest: +SKIP
    {'epoch': 3}
    """
    config, arrays = pack({"model": model_state(model), "extra": dict(extra or {})})
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target)
    if is_container(target):
        _keep(target)
    write_container(target, {"kind": KIND, "state": config}, arrays)


@checked
def load_state(model: Any, path: PathLike) -> dict[str, Any] | None:
    """Bring back what `save_state` wrote; from the last complete checkpoint if the newest one is torn or foreign.

    Parameters
    ----------
    model : Model
        Of the same layers, and compiled alike if it was compiled. Nothing of it changes unless all of it fits.
    path : str or path-like
        As given to `save_state`.

    Returns
    -------
    dict or None
        `extra` as it was saved; None if there is no checkpoint that can be used.

    Warns
    -----
    CheckpointWarning
        A checkpoint was there but could not be used; says why.
    """
    for candidate in (Path(path), previous(path)):
        try:
            state = _read(candidate)
            set_model_state(model, state["model"])
        except FileNotFoundError:
            continue
        except (FileFormatError, OSError) as error:
            warnings.warn(f"checkpoint not used: {error}", CheckpointWarning, stacklevel=2)
            continue
        extra: dict[str, Any] = state["extra"]
        return extra
    return None


def delete_state(path: PathLike) -> None:
    """Remove a checkpoint, the one kept beside it and leftovers of killed writers; fine if there are none."""
    remove_leftovers(path)
    for candidate in (previous(path), Path(path)):  # the newest goes last: killed between, nothing old comes back
        with contextlib.suppress(FileNotFoundError):
            candidate.unlink()


def previous(path: PathLike) -> Path:
    """Return where the checkpoint before the newest one is kept."""
    target = Path(path)
    return target.with_name(target.name + ".previous")


def _keep(target: Path) -> None:
    """Give the checkpoint its second name, without a moment in which it has none."""
    kept = previous(target)
    second = target.with_name(f".{target.name}.{os.getpid()}.kept.tmp")
    try:
        os.link(target, second)
    except OSError:  # a file system without hard links
        os.replace(target, kept)  # for a moment only the older name exists: load_state finds that too
        return
    os.replace(second, kept)
    with contextlib.suppress(FileNotFoundError):  # renaming onto another name of the same file does nothing
        second.unlink()


def _read(path: Path) -> dict[str, Any]:
    config, arrays = read_container(path, kind=KIND)
    state = unpack(config.get("state"), arrays)
    if not isinstance(state, dict) or not isinstance(state.get("extra"), dict) or "model" not in state:
        raise FileFormatError(f"{str(path)!r}: a checkpoint without a state. Remove it or take another copy.")
    return state
