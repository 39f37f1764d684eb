#!/usr/bin/env python3
"""Run a fuzzer: `tests/fuzzing/fuzz.py --target=files|calls [FOLDER ...] [libFuzzer's options]`. See README.md."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

KEYS = """config class_name layers name units activation input_shape build_input_shape kernel bias dtype trainable
compile optimizer loss metrics learning_rate iterations slots state kind model build weights arrays $ array items
module registered_name inbound_nodes args kwargs output_layers input_layers hidden_layer_sizes coefs_ intercepts_
classes_ n_features_in_ n_layers_ n_outputs_ out_activation_ solver _optimizer _label_binarizer random_state""".split()


def files() -> tuple[Callable[[bytes], str], list[str], Callable[..., bytes]]:
    """Return the target, libFuzzer's dictionary of names that files hold, and a mutator that knows descriptions."""
    with atheris.instrument_imports(include=["mlpcore"]):
        from mlpcore import _registry
    from fuzzing.files import check
    from fuzzing.mutating import mutate_description

    words = KEYS + [name for family in _registry._NOUNS for name in _registry.built_in_names(family)]

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        if data[:1] == b"d" and seed % 4:
            changed = mutate_description(bytes(data), words, seed)
            if len(changed) <= most:
                return changed
        changed: bytes = atheris.Mutate(data, most)
        return changed

    with tempfile.NamedTemporaryFile("w", suffix=".dict", delete=False) as file:
        file.writelines(f'"\\"{word}\\""\n' for word in words)
    return check, [f"-dict={file.name}"], mutate


def calls() -> tuple[Callable[[bytes], str], list[str], None]:
    """Return the target; what counts is the coverage of the core that `.ci/sanitize.py fuzzer` built."""
    from fuzzing.calls import check

    return check, [], None


if __name__ == "__main__":
    targets = {"--target=files": files, "--target=calls": calls}
    if len(sys.argv) < 2 or sys.argv[1] not in targets:
        sys.exit(__doc__)
    target, options, mutator = targets[sys.argv[1]]()  # libFuzzer overlooks it, and passes it on to what it starts
    atheris.Setup([*sys.argv, *options], lambda data: target(data) and None, custom_mutator=mutator)
    atheris.Fuzz()
