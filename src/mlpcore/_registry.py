"""Names for objects: what strings, config dictionaries and files may call by name, in every family.

A family is a kind of object (``"initializers"``, ``"layers"``, ``"losses"``, ...). Nothing here imports a module or
runs code that a config names: a name finds a built-in, a registered object, a class of the running program that
asked to be found, or an object that the caller passed. The built-ins of a family are imported when one is looked for.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar
from weakref import WeakValueDictionary

import numpy as np

from mlpcore._validation import checked, no_attribute, suggest

if TYPE_CHECKING:
    from typing_extensions import Self

T = TypeVar("T")

_NOUNS = {
    "activations": "activation",
    "callbacks": "callback",
    "constraints": "constraint",
    "initializers": "initializer",
    "layers": "layer",
    "losses": "loss",
    "metrics": "metric",
    "models": "model",
    "optimizers": "optimizer",
    "regularizers": "regularizer",
    "schedules": "learning-rate schedule",
}
_CHECKED = {"constraints", "initializers", "losses", "metrics", "optimizers"}  # whose classes leave it to their hints
_built_in: dict[str, dict[str, Any]] = {family: {} for family in _NOUNS}  # family -> any of its names -> object
_imported: set[str] = set()  # families that have been looked into
_home: dict[int, tuple[str, str]] = {}  # id of a built-in (they live forever) -> family, its first name
_registered: dict[str, Any] = {}  # "package>name" -> a user's object
_registered_name: dict[int, str] = {}  # id of a registered object (kept alive above) -> "package>name"
_classes: WeakValueDictionary[str, type] = WeakValueDictionary()  # name -> the user's class last defined under it
_keeps_functions: ContextVar[bool] = ContextVar("keeps_functions", default=False)
_scopes: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("custom_objects", default=())


def snake_case(name: str) -> str:
    """Return a class's name as Keras writes it in lower case.

    >>> snake_case("BatchNormalization"), snake_case("ReLU"), snake_case("L1L2")
    ('batch_normalization', 're_lu', 'l1l2')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def built_in(family: str, *aliases: str) -> Callable[[T], T]:
    """Decorate a built-in class or function: it is found under its name, the name in snake case and `aliases`.

    The constructors of most families also check their arguments by their hints.

    Parameters
    ----------
    family : str
        "initializers", "layers", ...: the public module that offers the object.
    *aliases : str
        Further names.
    """

    def add(thing: T) -> T:
        name: str = thing.__name__  # type: ignore[attr-defined]
        for each in (name, snake_case(name), *aliases):
            _built_in[family].setdefault(each, thing)
        _home[id(thing)] = (family, name)
        if family in _CHECKED and inspect.isclass(thing) and inspect.isfunction(thing.__init__):
            thing.__init__ = checked(thing.__init__)  # type: ignore[method-assign]
        return thing

    return add


def _built_ins(family: str) -> dict[str, Any]:
    """Return a family's built-ins by their names; the first time, import the package's module that defines them."""
    if family not in _imported:
        _imported.add(family)
        import_module("mlpcore.optimizers.schedules" if family == "schedules" else f"mlpcore.{family}")
    return _built_in[family]


def built_in_names(family: str) -> list[str]:
    """Return every name that the family's built-ins go by, sorted."""
    return sorted(_built_ins(family))


def module_attribute(family: str, name: str) -> Any:
    """Return the built-in that goes by a name in lower case, for the ``__getattr__`` of the family's module."""
    if name.startswith("_") or name not in _built_in[family]:
        raise no_attribute(f"mlpcore.{family}", name, built_in_names(family))
    return _built_in[family][name]


def note_class(cls: type) -> None:
    """Let configs of this process find a user's class by its bare name (the last one defined wins)."""
    if not cls.__module__.startswith("mlpcore."):
        _classes[cls.__name__] = cls


def register_keras_serializable(package: str = "Custom", name: str | None = None) -> Callable[[T], T]:
    """Decorate a class or function of yours so that saved models find it again.

    Parameters
    ----------
    package : str, default "Custom"
        Prefix that keeps the names of different projects apart.
    name : str, optional
        Name within the package; default: the object's own name.

    Returns
    -------
    callable
        The decorator; it returns its argument.

    Raises
    ------
    ValueError
        Another object has been registered under this name (one of the same module and name, as after a cell of a
        notebook has run twice, replaces it), or a class has no ``get_config``.

    Examples
    --------
    >>> @register_keras_serializable("my_project")
    ... def cube(x):
    ...     return x * x * x
    >>> get_registered_name(cube)
    'my_project>cube'
    """

    def register(thing: T) -> T:
        own_name: str = thing.__name__  # type: ignore[attr-defined]
        full_name = f"{package}>{own_name if name is None else name}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ValueError(f"{own_name} cannot be registered for saving: it has no get_config() method")
        other = _registered.get(full_name)
        if other is not None and other is not thing:
            if (other.__module__, other.__qualname__) != (thing.__module__, thing.__qualname__):  # type: ignore
                raise ValueError(f"{full_name!r} has been registered for {other!r} already; choose another name")
            _registered_name.pop(id(other), None)
        _registered[full_name] = thing
        _registered_name[id(thing)] = full_name
        return thing

    return register


def get_registered_name(thing: Any) -> str:
    """Return the name under which an object was registered ("package>name"), else its own name."""
    found = _registered_name.get(id(thing))
    return str(getattr(thing, "__name__", type(thing).__name__)) if found is None else found


def get_registered_object(
    name: str, custom_objects: Mapping[str, Any] | None = None, module_objects: Mapping[str, Any] | None = None
) -> Any:
    """Return the object that goes by a name: passed, in scope, registered, given in `module_objects`; else None."""
    for names in (custom_objects or {}, *reversed(_scopes.get()), _registered, module_objects or {}):
        if name in names:
            return names[name]
    return None


@contextmanager
def custom_object_scope(*objects: Mapping[str, Any]) -> Iterator[None]:
    """Let names mean your objects inside a ``with`` block.

    Parameters
    ----------
    *objects : dict of str to class or function
        Later ones win over earlier ones and all win over registered and built-in names.

    Examples
    --------
    >>> from mlpcore import activations
    >>> def twice(x):
    ...     return 2 * x
    >>> with custom_object_scope({"twice": twice}):
    ...     activations.get("twice") is twice
    True
    """
    token = _scopes.set(_scopes.get() + objects)
    try:
        yield
    finally:
        _scopes.reset(token)


def find(family: str | None, name: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the class or function that goes by a name in a family (None: in any of them).

    Raises
    ------
    ValueError
        No object goes by that name; the message suggests the nearest.
    """
    found = get_registered_object(name, custom_objects)
    for each in _NOUNS if family is None else [family]:
        found = _built_ins(each).get(name) if found is None else found
    if found is None:
        found = _registered.get(f"Custom>{name}", _classes.get(name))
    if found is None:
        raise ValueError(unknown_name(family, name, custom_objects))
    return found


def unknown_name(family: str | None, name: str, custom_objects: Mapping[str, Any] | None = None) -> str:
    """Return the message about a name that nothing goes by."""
    options = {each for key in _NOUNS if family in (None, key) for each in _built_ins(key)}
    options |= {*(custom_objects or ()), *_registered, *_classes, *(each for scope in _scopes.get() for each in scope)}
    noun = "object" if family is None else _NOUNS[family]
    hint = "; pass an object of your own in custom_objects or register it with register_keras_serializable()"
    return f"unknown {noun} {name!r}{suggest(name, sorted(options)) or hint}"


def get(family: str, identifier: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the object that an identifier means: what every family's ``get`` does.

    Parameters
    ----------
    family : str
        The family's name.
    identifier : None, str, dict, class, or object
        None stays None. A name is looked up; a class is instantiated without arguments. A dict is a serialized
        object. Any other callable, or an object with ``get_config``, is returned as it is.
    custom_objects : dict, optional
        Names of your own objects.

    Raises
    ------
    ValueError
        An unknown name.
    TypeError
        The identifier is nothing of the above.
    """
    if identifier is None:
        return None
    found = identifier
    if isinstance(identifier, str):
        found = find(family, identifier, custom_objects)
    elif isinstance(identifier, Mapping):
        found = deserialize(identifier, custom_objects, family)
    if inspect.isclass(found):
        return found()
    if callable(found) or hasattr(found, "get_config"):
        return found
    raise TypeError(f"{_NOUNS[family]}: expected a name, a config, a function or an instance, got {identifier!r}")


@contextmanager
def functions_kept() -> Iterator[None]:
    """Let configs hold functions of the user as they are, inside a ``with`` block: for copies within this process.

    >>> with functions_kept():
    ...     serialize_object(len) is len
    True
    """
    token = _keeps_functions.set(True)
    try:
        yield
    finally:
        _keeps_functions.reset(token)


def serialize_object(thing: Any) -> Any:
    """Return plain JSON data from which `deserialize` makes an equal object.

    Parameters
    ----------
    thing : object
        A number, string, None, list, tuple or dict of such stays what it is; arrays become lists. A function
        becomes its name if built in, else a dict with its registered name. An object with ``get_config`` becomes
        ``{"module", "class_name", "config", "registered_name"}``, as Keras writes it; "module" only tells which
        family of built-ins is meant.

    Raises
    ------
    ValueError
        A lambda, which has no name.
    TypeError
        Something that has no ``get_config``.
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, np.generic | np.ndarray):
        return thing.tolist()
    if isinstance(thing, list | tuple):
        return [serialize_object(each) for each in thing]
    if isinstance(thing, Mapping):
        return {str(key): serialize_object(value) for key, value in thing.items()}
    if inspect.isroutine(thing):
        return _serialize_function(thing)
    if not inspect.isclass(thing) and hasattr(thing, "get_config"):
        cls = type(thing)
        family, class_name = _home.get(id(cls), (None, cls.__name__))
        return {
            "module": None if family is None else f"mlpcore.{family}",
            "class_name": class_name,
            "config": serialize_object(thing.get_config()),
            "registered_name": None if family is not None else get_registered_name(cls),
        }
    raise TypeError(f"{thing!r} cannot be saved: it is neither plain data nor has a get_config() method")


def _serialize_function(function: Any) -> Any:
    family, name = _home.get(id(function), (None, getattr(function, "__name__", "<lambda>")))
    if family is not None:
        return name
    if _keeps_functions.get():
        return function
    if name == "<lambda>":
        raise ValueError("a lambda has no name and cannot be saved: define a function with def and register it")
    return {"module": None, "class_name": "function", "config": name, "registered_name": get_registered_name(function)}


class Configured:
    """What is made from plain arguments, each of which is an attribute: they are its config and its repr."""

    _arguments: ClassVar[str] = ""  # names of the constructor's, separated by spaces

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        note_class(cls)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data.

        Raises
        ------
        NotImplementedError
            A subclass with arguments of its own needs a ``get_config`` of its own.
        """
        cls, names = type(self), self._arguments.split()
        taken = inspect.signature(cls.__init__).parameters.values() if cls.__init__ is not object.__init__ else ()
        others = [
            p.name for p in taken if p.name not in {"self", *names} and p.kind not in {p.VAR_KEYWORD, p.VAR_POSITIONAL}
        ]
        if others:
            raise NotImplementedError(f"{cls.__name__} needs a get_config() that returns {others[0]!r} to be saved")
        return {name: serialize_object(getattr(self, name)) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return what `get_config`'s dict describes."""
        return cls(**config)

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._arguments.split())
        return f"{type(self).__name__}({arguments})"


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None, family: str | None = None) -> Any:
    """Return the object that `serialize_object` described.

    Parameters
    ----------
    config : dict, str, or plain data
        A serialized object; a string is a name in `family` (without one, itself). Plain data stays as it is.
    custom_objects : dict, optional
        Your own classes and functions by name; they also hold for configs within this one.
    family : str, optional
        Where built-in names are looked up; default: where "module" says, else everywhere.

    Raises
    ------
    ValueError
        An unknown name, or a config that the class refuses.
    """
    if isinstance(config, str) and family is not None:
        return find(family, config, custom_objects)
    if not isinstance(config, Mapping) or "class_name" not in config:
        return config
    class_name, inner = str(config["class_name"]), config.get("config")
    place = str(config.get("module") or "").rpartition(".")[2]
    family = place if place in _NOUNS else family
    registered_name = str(config.get("registered_name") or "")
    if class_name == "function":
        registered_name, class_name = registered_name or str(inner), str(inner)
    found = get_registered_object(registered_name, custom_objects)
    if found is None:
        found = _classes.get(registered_name)  # a user's class comes before a built-in one of the same name
    if found is None:
        found = find(family, class_name, custom_objects)
    if not inspect.isclass(found):
        return found
    with custom_object_scope(custom_objects or {}):
        try:
            make = getattr(found, "from_config", None)
            arguments = dict(inner or {})
            return found(**arguments) if make is None else make(arguments)
        except TypeError as error:
            raise ValueError(f"{class_name} cannot be made from its config {inner!r}: {error}") from error
