"""The published sets of texts: where their files are, and how they are written."""

from collections.abc import Mapping
from dataclasses import dataclass

from adaloss.tasks.data.parts import TEST, TRAIN, VALIDATION, ClassCounts
from adaloss.tasks.data.sets import Published


@dataclass(frozen=True, kw_only=True)
class TextDataset(Published):
    """A set of texts: a line is a label, ``separator`` and a text.

    ``parts`` and ``checksums`` (MD5) are those of the files, each of which is at its name below
    ``server``; ``counts`` are the texts of each class,
    without the repetitions in a set that has no parts of its own.
    """

    parts: tuple[int, ...]
    checksums: tuple[str, ...]
    separator: str
    counts: ClassCounts


TEXT_DATASETS: Mapping[str, TextDataset] = {
    # Almeida, Gómez Hidalgo, Yamakami, "Contributions to the study of SMS spam filtering", 2011.
    "sms": TextDataset(
        folder="text",
        files=("sms.tsv",),
        server="https://raw.githubusercontent.com/justmarkham/pycon-2016-tutorial/master/data/",
        file_bytes=478_000,
        parts=(TRAIN,),
        checksums=("1949b64a224790d01335c2bf8a0e48b2",),
        separator="\t",
        counts={TRAIN: (4517, 642)},
    ),
    # Pang, Lee, "A sentimental education", ACL 2004: objective and subjective sentences.
    "subj": TextDataset(
        folder="text/sent-conv",
        files=("subj.all",),
        server="https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data/",
        file_bytes=1_320_000,
        parts=(TRAIN,),
        checksums=("0e323da2c3f41688c010c426fdd5a3bf",),
        separator=" ",
        counts={TRAIN: (5000, 5000)},
    ),
    # Socher et al., "Recursive deep models for semantic compositionality", EMNLP 2013.
    "sst2": TextDataset(
        folder="text/sent-conv",
        files=("stsa.binary.train", "stsa.binary.dev", "stsa.binary.test"),
        server="https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data/",
        file_bytes=1_030_000,
        parts=(TRAIN, VALIDATION, TEST),
        checksums=(
            "fe0d92b0d9638921562e7082e0d6f137",
            "b627414c0778ffbe284336ba2a34e518",
            "797f1305da9a23378a0168a387453dcf",
        ),
        separator=" ",
        counts={TRAIN: (3310, 3610), VALIDATION: (428, 444), TEST: (912, 909)},
    ),
}
