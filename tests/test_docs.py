"""The pages of docs/ keep their word: their code runs, what they name is there, and the reference is complete."""

import importlib
import re
from pathlib import Path

import pytest

import mlpcore

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    path.relative_to(DOCS).as_posix()
    for path in DOCS.rglob("*.md")
    if not {"_build", "generated"} & set(path.relative_to(DOCS).parts)
)
NEEDS = {  # page -> packages that it cannot do without
    "start/sklearn.md": ["matplotlib"],
    "start/keras.md": ["h5py"],
    "guides/tuning.md": ["optuna", "optuna_integration"],
    "guides/speed.md": ["threadpoolctl"],
}
REFERENCE = (DOCS / "api.rst").read_text()


def python_blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.+?)^```$", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:The OptunaSearchCV or classes:FutureWarning")  # scikit-learn 1.6
@pytest.mark.filterwarnings("ignore:.*optuna.terminator:FutureWarning")  # optuna-integration 5.0 asks for it itself
@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)])
def test_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    for package in NEEDS.get(page, []):
        pytest.importorskip(package)
    if page == "start/sklearn.md":
        importlib.import_module("matplotlib").use("Agg")
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "__main__"}
    for number, block in enumerate(python_blocks(page)):
        exec(compile(block, f"{page}, block {number}", "exec"), names)


@pytest.mark.parametrize("page", PAGES)
def test_files_that_a_page_names_exist(page):
    text = (DOCS / page).read_text()
    for name in re.findall(r"\b(?:tests|examples|benchmarks|csrc)/[\w/]+\.(?:py|md|h|cpp|inl)\b", text):
        assert (ROOT / name).exists(), name


@pytest.mark.parametrize("name", sorted(mlpcore._MODULES))
def test_every_public_module_is_in_the_reference(name):
    assert re.search(rf"^   {name}$", REFERENCE, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(mlpcore._MODULES))
def test_the_reference_finds_what_a_module_makes_public(name):
    module = importlib.import_module(f"mlpcore.{name}")
    assert "__all__" in dir(module) or not hasattr(module, "__all__")


@pytest.mark.parametrize("name", [name for name in mlpcore.__all__ if not name.startswith("_")])
def test_every_public_name_is_in_the_reference(name):
    assert re.search(rf"^   {name}$|``mlpcore\.{name}``", REFERENCE, re.MULTILINE)
