"""The architecture's rules, read from the sources: who may import whom, what a file opens with."""

import ast
import importlib
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import mlpcore

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "mlpcore"
CSRC = ROOT / "csrc"

# From the bottom up: what stands in a layer imports from its own layer and from earlier ones.
PYTHON_LAYERS = [
    {"_core", "_perceptron", "_validation", "_structure", "_random", "_thread_limits"},
    {"_registry"},
    {"_tensor", "_passes", "_tape", "_arena"},  # what is recorded, where, and the variables that it reads
    {"_functional"},
    {"ops"},
    {"initializers", "activations", "regularizers", "constraints"},
    {"layers"},
    {"_layer_graph"},
    {"losses", "metrics", "optimizers"},
    {"data", "saving"},
    {"utils", "random", "backend"},
    {"callbacks"},
    {"training"},
    {"models"},
    {"learning_rate", "estimators"},
    {"tuner", "plot", "wrappers"},
    {"_problems", "_compare"},
    {"__main__"},
]
CPP_LAYERS = [
    {"kernels.h", "words.h", "philox.h", "memory.h", "flush.h", "row_kernels.h", "by_columns.h"},
    {"kernels"},
    {"dispatch.h", "dispatch.cpp", "words.cpp"},
    {"tape.h", "tape.cpp", "update.h", "update.cpp"},
    {"needs.h", "needs.cpp"},
    {"link.h", "link.cpp"},
    {"parameters.h", "word_products.h", "word_products.cpp", "space.h"},
    {"passes.h", "passes.cpp"},
    {
        "team.h",
        "team.cpp",
        "row_work.h",
        "row_work.cpp",
        "unit_work.h",
        "unit_work.cpp",
        "engine.h",
        "engine.cpp",
        "predictor.h",
        "predictor.cpp",
    },
    {"bindings"},
]

PYTHON_FILES = sorted(
    path
    for folder in ("src", "tests", "benchmarks", "examples")
    for path in (ROOT / folder).rglob("*.py*")
    if path.suffix in {".py", ".pyi", ".pyx"}
)
MODULES = [path for path in PYTHON_FILES if PACKAGE in path.parents and path.suffix == ".py"]
CPP_FILES = sorted(path for path in CSRC.rglob("*") if path.suffix in {".h", ".inl", ".cpp"})


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def layer_of(part: str, layers: list[set[str]]) -> int:
    places = [index for index, layer in enumerate(layers) if part in layer]
    assert places, f"{part} is new: give it a place in the layers of {Path(__file__).name}"
    return places[0]


def imported_parts(path: Path) -> set[str]:
    """Return which modules and subpackages of mlpcore a file imports, anywhere in it."""
    package = ["mlpcore", *path.relative_to(PACKAGE).parent.parts]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    parts = {name.split(".")[1] for name in names if name.startswith("mlpcore.")}
    return {part for part in parts if list(PACKAGE.glob(f"{part}.py*")) or (PACKAGE / part).is_dir()}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_python_imports_go_down_the_layers(path):
    part = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if part == "__init__":
        return  # the front door: its lazy table names modules of any layer
    layer = layer_of(part, PYTHON_LAYERS)
    too_high = {name for name in imported_parts(path) if layer_of(name, PYTHON_LAYERS) > layer}
    assert not too_high, f"{name_of(path)} imports from above itself: {sorted(too_high)}"


@pytest.mark.parametrize("path", CPP_FILES, ids=name_of)
def test_cpp_includes_go_down_the_layers(path):
    layer = layer_of(path.relative_to(CSRC).parts[0], CPP_LAYERS)
    for name in re.findall(r'^\s*#include "(.+)"', path.read_text(), re.MULTILINE):
        target = next(p for p in (path.parent / name, CSRC / name) if p.exists()).resolve()
        included = layer_of(target.relative_to(CSRC).parts[0], CPP_LAYERS)
        assert included <= layer, f"{name_of(path)} includes {name}, which stands above it"


@pytest.mark.parametrize("path", [path for path in CPP_FILES if "bindings" not in path.parts], ids=name_of)
def test_core_knows_no_python_and_never_prints_or_aborts(path):
    text = re.sub(r"//.*", "", path.read_text())
    assert not re.search(r"#include\s*[<\"](Python\.h|pybind11|numpy)", text)
    assert not re.search(r"#include\s*<(iostream|cstdio|stdio\.h|fstream)>", text)
    assert not re.search(r"\b(printf|puts|abort|exit|terminate)\(", text)


@pytest.mark.parametrize("path", PYTHON_FILES, ids=name_of)
def test_python_file_opens_with_one_sentence(path):
    if path.suffix == ".pyx":
        opening = re.match(r'(?:#[^\n]*\n)*"""(.+?)(?:\n\n|""")', path.read_text(), re.DOTALL)
        sentence = opening[1] if opening else ""
    else:
        docstring = ast.get_docstring(ast.parse(path.read_text())) or ""
        docstring = re.sub(r"\A[^\n]+\n=+\n\n", "", docstring)  # the heading of an example in the gallery
        sentence = docstring.split("\n\n")[0]
    assert sentence.endswith("."), f"{name_of(path)} must open with a docstring, a sentence"


@pytest.mark.parametrize("path", CPP_FILES, ids=name_of)
def test_cpp_file_opens_with_one_sentence(path):
    opening = re.match(r"/\*.+?\*/|(?://.*\n)+", path.read_text())
    assert opening, f"{name_of(path)} must open with a comment, a sentence"
    assert "." in opening[0], f"the opening comment of {name_of(path)} has no full stop"


def test_no_module_is_called_after_nothing():
    vague = {"utils", "util", "helpers", "common", "misc"}
    keras_name = PACKAGE / "utils.py"  # users write mlpcore.utils.to_categorical
    assert [path for path in PYTHON_FILES + CPP_FILES if path.stem in vague] == [keras_name]


def modules_loaded_by(code: str) -> set[str]:
    """Run code in a fresh interpreter; return the modules that it loaded."""
    command = [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return set(printed.split())


def packages_among(modules: set[str]) -> set[str]:
    """Return the packages of others that modules belong to."""
    return {name.split(".")[0] for name in modules} - sys.stdlib_module_names - {"mlpcore", "__main__"}


@pytest.mark.parametrize("module", ["mlpcore", "mlpcore._core"])
def test_import_loads_neither_scikit_learn_nor_scipy(module):
    loaded = modules_loaded_by(f"import {module}")
    assert "mlpcore" in loaded
    assert packages_among(loaded) <= packages_among(modules_loaded_by("import numpy"))


def test_a_model_that_is_only_made_loads_nothing_that_trains_or_saves():
    before = modules_loaded_by("import numpy")
    loaded = modules_loaded_by("import mlpcore; mlpcore.Sequential([mlpcore.layers.Dense(1)])") - before
    parts = {name.split(".")[1] for name in loaded if name.startswith("mlpcore.")}
    recording = {"_tensor", "_passes", "_tape", "_arena", "_functional", "ops"}
    families = {"initializers", "activations", "regularizers", "constraints", "layers"}
    checking = {"_core", "_validation", "_structure", "_random", "_thread_limits", "_registry"}
    assert parts <= recording | families | checking | {"data", "training", "models"}
    slow = {"session", "compiled", "recording", "passes", "fitting"}
    assert loaded.isdisjoint({f"mlpcore.training.{name}" for name in slow} | {"mlpcore.models.summary"})
    assert packages_among(loaded) - packages_among(before) <= {"threadpoolctl"}
    assert loaded.isdisjoint({"numpy.random", "json", "difflib", "shutil", "zipfile", "pathlib", "csv", "urllib"})


def test_every_public_name_is_found_in_its_home():
    assert set(mlpcore.__all__) == set(mlpcore._HOME) | {"__version__"}
    assert set(mlpcore.__all__) <= set(dir(mlpcore))
    for name, home in mlpcore._HOME.items():
        assert getattr(mlpcore, name).__module__ == home


def test_unknown_public_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'mlpcore' has no attribute 'MLPClasifier'"):
        _ = mlpcore.MLPClasifier


class Stub:
    """The definitions in `_core.pyi`, a class's own and those of the bases that it names."""

    def __init__(self, text: str):
        self.body = ast.parse(text).body

    def members(self, body: list[ast.stmt]) -> dict[str, ast.stmt]:
        found: dict[str, ast.stmt] = {}
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                found[node.name] = node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found[node.target.id] = node
        return found

    def members_of_class(self, node: ast.ClassDef) -> dict[str, ast.stmt]:
        found: dict[str, ast.stmt] = {}
        for base in node.bases:
            parent = self.members(self.body).get(ast.unparse(base))
            found |= self.members_of_class(parent) if isinstance(parent, ast.ClassDef) else {}
        return found | self.members(node.body)


def arguments_in_stub(node: ast.FunctionDef) -> list[str]:
    groups = (node.args.posonlyargs, node.args.args, node.args.kwonlyargs)
    return [argument.arg for group in groups for argument in group if argument.arg != "self"]


def arguments_at_runtime(function: object) -> list[str] | None:
    """Return the argument names of the (first) signature that pybind11 wrote; None without one."""
    signature = re.search(r"^(?:1\. )?\w+\((.*)\) -> ", function.__doc__ or "", re.MULTILINE)
    if signature is None:
        return None
    inside, nested = signature[1], 1
    while nested:  # drop what is inside types such as tuple[int, int]
        inside, nested = re.subn(r"\[[^\[\]]*\]", "", inside)
    return [name for name in re.findall(r"(?:^|, )(\w+):", inside) if name != "self"]


def check_arguments(where: str, node: ast.stmt | None, function: object) -> None:
    expected = arguments_at_runtime(function)
    if isinstance(node, ast.FunctionDef) and expected is not None:
        assert arguments_in_stub(node) == expected, f"{where} has other arguments than _core.pyi says"


def check_stub(where: str, stub: Stub, members: dict[str, ast.stmt], owner: object) -> None:
    """Compare the public names below a module or class, and the arguments of its functions."""
    public = {name for name in members if not name.startswith("_")}
    assert public == {name for name in dir(owner) if not name.startswith("_")}, f"names in {where}"
    for name in public:
        node, value = members[name], getattr(owner, name)
        if not isinstance(node, ast.ClassDef):
            check_arguments(f"{where}.{name}", node, value)
            continue
        inner = stub.members_of_class(node)
        if isinstance(value, type | ModuleType):
            check_arguments(f"{where}.{name}", inner.get("__init__"), getattr(value, "__init__", None))
            check_stub(f"{where}.{name}", stub, inner, value)
        else:  # a function that makes one of several classes, in the stub their base
            check_arguments(f"{where}.{name}", inner.get("__init__"), value)


def test_core_stub_is_true():
    stub = Stub((PACKAGE / "_core.pyi").read_text())
    core = importlib.import_module("mlpcore._core")
    check_stub("mlpcore._core", stub, stub.members(stub.body), core)
