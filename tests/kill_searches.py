"""Kills each kind of search many times and checks that nothing is lost: `python tests/kill_searches.py [KILLS]`."""

import sys
import tempfile

from search_in_process import SEARCHES
from test_tuner_crashes import finished, kill_and_check

if __name__ == "__main__":
    n_kills = int(sys.argv[1]) if len(sys.argv) > 1 else 5  # of each kind
    for kind in SEARCHES:
        with tempfile.TemporaryDirectory() as folder:
            kill_and_check(kind, folder, n_kills, seed=n_kills)
            print(f"{kind}: {n_kills} kills, {len(finished(kind, folder))} trials finished, none lost or repeated")
