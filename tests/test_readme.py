"""The README keeps its word: its Python runs, its commands are the ones that CI runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.+?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: code.splitlines()[0][:40])
def test_python_example_runs(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "README.md", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("command", [line for block in blocks("bash")[:2] for line in block.splitlines()])
def test_command_is_what_ci_runs(command):
    assert command in (ROOT / ".ci" / "run").read_text().splitlines()


def test_there_are_two_commands_and_some_examples():
    assert len(blocks("bash")) >= 2
    assert len(blocks("python")) >= 3
