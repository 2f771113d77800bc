"""Makes letter_pairs.txt: how surprising each letter is after each other in Russian and Ukrainian.

    python make_letter_pairs.py RUSSIAN.txt UKRAINIAN.txt > letter_pairs.txt

Each text weighs the same. A line stands for a letter, a character in it for the letter that
follows; the first of both is the border of a word. The character is the cost in half bits, twice
the negative binary logarithm of the probability, as a digit of base 36.
"""

import math
import re
import sys
from collections import Counter
from pathlib import Path

LETTERS = " абвгдежзийклмнопрстуфхцчшщъыьэюяёґєії"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
# What was never seen is not impossible.
SMOOTHING = 3e-6


def shares(text: str) -> dict[str, float]:
    words = re.findall(f"[{LETTERS[1:]}]+", text.lower())
    counts = Counter(
        pair for word in words for pair in map("".join, zip(" " + word, word + " ", strict=True))
    )
    return {pair: count / counts.total() for pair, count in counts.items()}


def main(names: list[str]) -> None:
    texts = [shares(Path(name).read_text(encoding="utf-8")) for name in names]
    for first in LETTERS:
        weights = [sum(text.get(first + then, 0) for text in texts) + SMOOTHING for then in LETTERS]
        costs = [round(-2 * math.log2(weight / sum(weights))) for weight in weights]
        print("".join(DIGITS[min(cost, 35)] for cost in costs))


if __name__ == "__main__":
    main(sys.argv[1:])
