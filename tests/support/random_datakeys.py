"""Random documents and changes over a few names, so that changes meet each other often."""

from random import Random

from reference.datakeys import Change

__all__ = ["random_changes", "random_json"]

NAMES = ("a", "b", "c", "Ключ", r"dot\.ted", r"br\[0\]")
NUMBERS = (
    "0", "-0", "1", "1.0", "1.00", "-7", "18446744073709551616", "1e400", "1E-7", "0.1",
    "123456789012345678901234567890.0987654321",
)  # fmt: skip
TEXTS = ('""', '"x"', '"Ё\\u0000"', '"1971-5-4 3:2:1"', '"1971-5-4"', '"a\\\\b\\"c"', '"😀"')
SCALARS = ("null", "true", "false", *NUMBERS, *TEXTS)
PLAIN_MODES = (
    "set", "set", "set", "update", "insert", "merge", "merge_update", "merge_insert", "push",
    "unshift",
)  # fmt: skip
CONTAINERS = ("{}", "[]", "[1,[2],{}]", '{"a":{"b":1},"b":[null]}')
TYPES = ("", "", "", "", "", "", "", "dt", "dt:YD", "dt:sY")


def random_json(random: Random, depth: int = 3) -> str:
    """Returns the text of a random document."""
    kind = random.random()
    if depth == 0 or kind < 0.5:
        return random.choice(SCALARS)
    size = random.randrange(4)
    if kind < 0.75:
        return "[" + ",".join(random_json(random, depth - 1) for _ in range(size)) + "]"
    names = random.sample(["a", "b", "c", "zz", "Ключ"], size)
    return "{" + ",".join(f'"{name}":{random_json(random, depth - 1)}' for name in names) + "}"


def random_changes(random: Random) -> list[Change]:
    """Returns the changes of one call: mostly one, sometimes several."""
    return [_change(random) for _ in range(random.choice((1, 1, 1, 2, 3, 6)))]


def _change(random: Random) -> Change:
    path = _path(random)
    chance = random.random()
    if chance < 0.15:
        return Change(path, "delete")
    if chance > 0.85:
        # Containers at the top give the other changes something to fit.
        return Change(random.choice(NAMES), "set", random.choice(CONTAINERS))
    mode = random.choice(PLAIN_MODES)
    type_text = random.choice(TYPES)
    if type_text and random.random() < 0.7:
        return Change(path, mode, random.choice(('"1971-5-4"', '"1971-5-4 3:2:1"')), type_text)
    if chance < 0.35:
        return Change(path, f"{mode}_copy", "", type_text, _path(random))
    if mode.startswith("merge") and random.random() < 0.8:
        value = f'{{"a":{random_json(random, 1)},"c":{random_json(random, 1)}}}'
        return Change(path, mode, value)
    return Change(path, mode, random_json(random), type_text)


def _path(random: Random) -> str:
    path = random.choice(NAMES)
    for _ in range(random.choice((0, 0, 1, 1, 2, 3))):
        chance = random.random()
        if chance < 0.3:
            path += f"[{random.randrange(4)}]"
        elif chance < 0.35:
            path += "[-1]"
        elif chance < 0.37:
            path += random.choice((".*", "[*]", ".", "[x]"))
        else:
            path += "." + random.choice(NAMES)
    return path
