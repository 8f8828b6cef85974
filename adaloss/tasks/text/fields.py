"""The fields of a trial that trains a classifier of texts."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, WithJsonSchema

from adaloss.tasks.data.names import dataset_schema, known_dataset
from adaloss.tasks.trained_trial import HIDDEN, TrainedTrial
from adaloss.trial import Seed

DATASET_NAMES = ("digits", "sms", "subj", "sst2")
TEXT_FILE = "textfile:"

TextDatasetName = Annotated[
    str,
    AfterValidator(lambda name: known_dataset(name, DATASET_NAMES, TEXT_FILE)),
    WithJsonSchema(dataset_schema(DATASET_NAMES, TEXT_FILE)),
]

ROWS_OF_A_DIGIT = 8
SMOKE_BATCHES = 2
SMOKE_EVAL_EXAMPLES = 100


class TextTrial(TrainedTrial):
    """A trial of text classification with a one-layer LSTM.

    See :class:`~adaloss.tasks.trained_trial.TrainedTrial`.
    """

    SAME_TIME: ClassVar = TrainedTrial.SAME_TIME | {"split_seed"}
    SAME_CODE: ClassVar = TrainedTrial.SAME_CODE | {"split_seed", "train_examples", "eval_examples"}

    task: Literal["text_classification"]
    dataset: TextDatasetName = "digits"
    split_seed: Seed | Literal["trial"] = 0
    train_examples: Annotated[int, Field(ge=1)] | None = None
    eval_examples: Annotated[int, Field(ge=1)] | None = None
    vocabulary: Annotated[
        int,
        Field(
            ge=3,
            description="How many words are told apart: the most frequent ones of the training "
            "texts, one for all others and one for the end of short texts.",
        ),
    ] = 5000
    embedding: Annotated[int, Field(ge=1, description="The size of a word's vector.")] = 64
    hidden: Annotated[int, Field(ge=1, description=HIDDEN)] = 64
    length: Annotated[
        int, Field(ge=1, description="The number of words that are read; longer texts are cut.")
    ] = 32

    @property
    def subject(self) -> str:
        """The network and what it reads."""
        return f"lstm-{self.dataset}"

    @property
    def needs_files(self) -> bool:
        """Whether the trial reads files that may have to be downloaded or checked first."""
        return self.dataset != "digits"

    @property
    def without_effect(self) -> Mapping[str, str]:
        """For digits, the vocabulary, and every length from their number of rows on."""
        if self.dataset != "digits":
            return {}
        words = {"vocabulary": "digits have no words"}
        rows = {"length": f"a digit has {ROWS_OF_A_DIGIT} rows"}
        return words | (rows if self.length >= ROWS_OF_A_DIGIT else {})

    @property
    def memory_kind(self) -> tuple[object, ...]:
        """Trials of one kind take the same memory: same data and sizes."""
        sizes = (self.vocabulary, self.embedding, self.hidden, self.length)
        return (self.dataset, *sizes, *super().memory_kind)

    @property
    def model_bytes(self) -> int:
        """The size of the weights in float32: vectors of the words, and the LSTM."""
        lstm = 4 * self.hidden * (self.embedding + self.hidden + 2)
        return 4 * (self.vocabulary * self.embedding + lstm)

    def in_small(self) -> dict[str, Any]:
        """Two batches, and few examples to evaluate."""
        most = SMOKE_BATCHES * self.batch_size
        return {
            "train_examples": min(self.train_examples or most, most),
            "eval_examples": min(self.eval_examples or SMOKE_EVAL_EXAMPLES, SMOKE_EVAL_EXAMPLES),
        }
