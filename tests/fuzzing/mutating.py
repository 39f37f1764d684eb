"""Changes of a described container that keep it JSON: values replaced, taken away, doubled and exchanged."""

import copy
import json
import random

ODD = [None, True, False, 0, 1, -1, 2, 3, 7, 64, 1 << 31, -(1 << 31), 1 << 63, 10**30, 0.5, -0.0, 1e308, 1e-320]
ODD += ["", "relu", "Dense", "\0", "x" * 300, [], [[]], {}, [1, 2], {"class_name": "Dense", "config": {}}]


def places(node, parent=None, key=None):
    """Yield (container, key) of every node of a tree."""
    if parent is not None:
        yield parent, key
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for name, each in list(pairs):
        yield from places(each, node, name)


def mutate_description(data: bytes, words: list[str], seed: int) -> bytes:
    """Return a changed description, or the data as they are if they are none."""
    rng = random.Random(seed)
    try:
        tree = json.loads(data[1:])
    except (ValueError, RecursionError):
        return data
    for _ in range(rng.choice([1, 1, 2, 4])):
        found = list(places(tree))
        if not found:
            break
        parent, key = rng.choice(found)
        other, other_key = rng.choice(found)
        match rng.randrange(8):
            case 0:
                parent[key] = copy.deepcopy(rng.choice(ODD))
            case 1:
                parent[key] = rng.choice(words)
            case 2:
                del parent[key]
            case 3 if isinstance(parent, list):
                parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(other[other_key]))
            case 4 if isinstance(parent, dict):
                parent[rng.choice(words)] = copy.deepcopy(other[other_key])
            case 5 if isinstance(parent[key], int):
                parent[key] += rng.choice([-2, -1, 1, 2, 100])
            case 6:
                parent[key] = [parent[key]]
            case _:
                parent[key] = copy.deepcopy(other[other_key])
    return data[:1] + json.dumps(tree).encode()
