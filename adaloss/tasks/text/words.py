"""Texts as numbers: words, a vocabulary, and rows of a fixed length."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import torch
from torch import Tensor

WORD = re.compile(r"[\w']+|[^\w\s]")
PADDING, UNKNOWN = 0, 1


def words_of(text: str) -> list[str]:
    """The words and signs of a text in lower case; apostrophes belong to words."""
    return WORD.findall(text.lower())


def vocabulary_of(texts: Iterable[Sequence[str]], size: int) -> dict[str, int]:
    """The numbers of the most frequent words, from 2; ``size`` counts padding and unknown too.

    Of equally frequent words the first in the alphabet is taken.
    """
    counts = Counter(chain.from_iterable(texts))
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: size - 2]
    return {word: number for number, word in enumerate(frequent, start=2)}


def encoded(
    texts: Sequence[Sequence[str]], vocabulary: Mapping[str, int], length: int
) -> tuple[Tensor, Tensor]:
    """The words' numbers (n, length), padded at the end, and how many there are (n); int64.

    A text without words is one unknown word.
    """
    rows = torch.full((len(texts), length), PADDING)
    lengths = torch.ones(len(texts), dtype=torch.int64)
    for row, text in enumerate(texts):
        numbers = [vocabulary.get(word, UNKNOWN) for word in text[:length]] or [UNKNOWN]
        rows[row, : len(numbers)] = torch.tensor(numbers)
        lengths[row] = len(numbers)
    return rows, lengths
