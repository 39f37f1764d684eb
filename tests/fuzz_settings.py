"""How many random examples the fuzzing tests draw: fixed ones, unless the environment asks for a hunt.

A longer hunt: ``FUZZ_EXAMPLES=5000 FUZZ_RANDOM=1 pytest tests/test_fuzz_tapes.py``
"""

import os

from hypothesis import HealthCheck, settings

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", 60))
fuzzed = settings(
    max_examples=EXAMPLES,
    derandomize="FUZZ_RANDOM" not in os.environ,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
