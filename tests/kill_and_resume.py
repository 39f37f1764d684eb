"""Kill a training with SIGKILL at random moments, start it again, compare its end with that of one that ran through.

``python tests/kill_and_resume.py --kills 30`` does more often what the test suite does, for every variant in turn.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SCRIPT = Path(__file__).with_name("resumed_training.py")


def start(folder, variant, seconds):
    """Start the training in a process of its own; return it once it trains."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, str(SCRIPT), str(folder), variant, str(seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment)
    assert process.stdout.readline() == b"training\n"
    return process


def finish(process, folder):
    """Let a training end; return what came out."""
    process.communicate(timeout=120)
    assert process.returncode == 0
    with np.load(folder / "result.npz") as result:
        return dict(result)


def uninterrupted(variant):
    """Return what a training that nothing disturbs ends with."""
    with tempfile.TemporaryDirectory() as folder:
        return finish(start(Path(folder), variant, 0), Path(folder))


def killed_and_resumed(variant, moments, seconds):
    """Return what a training ends with that was killed at these moments, and how often it really was."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kills = 0
        for moment in moments:
            process = start(folder, variant, seconds)
            time.sleep(moment)
            process.kill()
            process.communicate()
            kills += process.returncode != 0
        return finish(start(folder, variant, 0), folder), kills


def differences(result, expected):
    """Return the names of what is not equal to the bit."""
    return [
        name
        for name in sorted(expected.keys() | result.keys())
        if name not in result or name not in expected or result[name].tobytes() != expected[name].tobytes()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=1.0, help="that a training is stretched to")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    sys.path.insert(0, str(SCRIPT.parent))
    from resumed_training import VARIANTS

    expected = {variant: uninterrupted(variant) for variant in VARIANTS}
    rng = np.random.default_rng(options.seed)
    equal = kills = 0
    for number in range(options.kills):
        variant = list(VARIANTS)[number % len(VARIANTS)]
        moment = rng.uniform(0, options.seconds)
        result, killed = killed_and_resumed(variant, [moment], options.seconds)
        different = differences(result, expected[variant])
        kills, equal = kills + killed, equal + (not different)
        print(f"{number + 1:3} {variant:10} killed after {moment:.3f} s: {', '.join(different) or 'equal'}", flush=True)
    print(f"{equal} of {options.kills} equal to the bit; {kills} were killed before their end")
    sys.exit(equal != options.kills)


if __name__ == "__main__":
    main()
