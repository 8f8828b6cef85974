"""The JSON Schema of a grid file, with which editors complete and check it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any

from adaloss.grid.reading.wandb import FIELD_OF, GROUPS, UNUSED
from adaloss.grid.schema.schema import Grid
from adaloss.grid.schema.types import METRIC_NAMES, ONE_FIELD, SEVERAL_FIELDS, TABLE_METRICS
from adaloss.optimizer_names import HYPERPARAMETER, PREFIX
from adaloss.tasks.program.fields import PROGRAM_TASK
from adaloss.tasks.table import CELL_FIELDS, DEFAULT_TASK, FIELDS, TRAINED
from adaloss.tasks.task import Task
from adaloss.tasks.trained_trial import TrainedTrial

JsonSchema = dict[str, Any]

FIELD_DESCRIPTIONS: Mapping[str, str] = {
    "dataset": "The data set. imagefolder:PATH (images) or textfile:PATH (texts): your own, next "
    "to the grid, in the working folder or in data.root.",
    "model": "The model: mlp, small_cnn, cifar_resnet20, any model of timm, with or without a "
    "pretrained tag, or your own as module:function.",
    "optimizer": "The optimizer: the paper's, one of torch's by a short name, or any class as "
    "module:Class.",
    "seed": "The seeds of every cell in a W&B file. Elsewhere use seeds.",
    "lr": "The learning rate: a step is lr times the optimizer's own rate, such as 1/b_t.",
    "epochs": "Passes over the training set.",
    "batch_size": "Examples per step.",
    "b0": "The initial scale of the step is 1/b0.",
    "alpha": "How strongly the loss increases b_t (adaloss, sgd_decay_sqrt).",
    "c": "The loss at which b_t stops increasing (adaloss).",
    "momentum": "Momentum in PyTorch's convention.",
    "weight_decay": "L2 penalty, not scaled by the optimizer's rate.",
    "pretrained": "Start from the published weights, or from those in a file.",
    "image_size": "Height and width in pixels. null: the model's own size.",
    "split_seed": "The seed of the split into training and validation. trial: the trial's seed.",
    "train_examples": "The number of training examples, the same for each class. null: all.",
    "eval_examples": "The number of validation examples and of test examples. null: all.",
    "resize": "The side in pixels to which images are resized before the crop. null: image_size.",
    "padding": "The width in pixels of a black border that training images get before the crop.",
    "flip": "Mirror half of the training images.",
    "interpolation": "The interpolation when images are resized.",
    "normalize": "Use the mean and standard deviation of the data set or of the model's weights.",
    "mean": "The mean of each channel, for pixels in [0, 1]. null: set by normalize.",
    "std": "The standard deviation of each channel. null: set by normalize.",
    "precision": "The floating-point precision. auto: fp32 on a CPU, bf16 on a GPU that has it.",
    "channels_last": "Keep images and weights channels last in memory: faster for convolutions.",
    "compile": "Compile the model with torch.compile.",
    "rate": "What multiplies the learning rate of an optimizer that is not the paper's: 1/b_t of "
    "adaloss, adagrad_norm or decay_sqrt. constant: 1/b0.",
    "schedule": "How the learning rate changes over the steps.",
    "warmup": "Steps, or below 1 a share of all steps, in which the learning rate rises.",
    "clip_grad_norm": "The largest norm of the gradient; a larger one is scaled down. 0: no limit.",
    "label_smoothing": "The share of the target that is spread over all classes, in training.",
    "average": "What is evaluated: the last weights (none), or their average over the steps with "
    "polynomial decay, as DoG's authors do.",
    "deterministic": "Give the same bits twice on a GPU, which is slower. A CPU always does.",
}
A_PROGRAM: JsonSchema = {
    "anyOf": [
        {"properties": {"task": {"const": PROGRAM_TASK}}, "required": ["task"]},
        {
            "anyOf": [{"required": ["program"]}, {"required": ["command"]}],
            "not": {"required": ["task"]},
        },
    ]
}
RANDOM_SEARCH: JsonSchema = {
    "properties": {"method": {"const": "random"}},
    "required": ["method"],
}
# What a grid with program must have, and what only such a grid may have.
OF_A_PROGRAM: JsonSchema = {
    "required": ["program", "metric"],
    "properties": {
        "program": {"type": "string"},
        "metric": {"required": ["name"]},
        "metrics": {"anyOf": [{"required": ["file"]}, {"required": ["pattern"]}]},
    },
    "if": RANDOM_SEARCH,
    "then": {"required": ["run_cap"]},
    "else": {"properties": {"seed": False}},
}
ONLY_OF_PROGRAMS = ("python", "seed_parameter", "metrics", "seed")
ANY_FORM: JsonSchema = {
    "description": "A value, a list of values, or W&B's value, values or distribution."
}
HYPERPARAMETER_SCHEMA: JsonSchema = {
    "description": "An argument of this name of the optimizer's constructor."
}
# pydantic's names for the bounds of a type with its own validator, and JSON Schema's.
STANDARD_KEYS: Mapping[str, str] = {
    "gt": "exclusiveMinimum",
    "ge": "minimum",
    "lt": "exclusiveMaximum",
    "le": "maximum",
}


def grid_json_schema() -> JsonSchema:
    """The JSON Schema (draft 2020-12) of a grid file."""
    schema = Grid.model_json_schema()
    sections, keys = schema["$defs"], schema["properties"]
    forms = [task.fields.model_json_schema()["properties"] for task in TRAINED.values()]
    for name in described_fields():
        distinct: list[JsonSchema] = []
        for part in (standard(form[name]) for form in forms if name in form):
            distinct += [part] if part not in distinct else []
        # A data set, say, has other names in another task.
        sections[name] = distinct[0] if len(distinct) == 1 else {"anyOf": distinct}
    # A grid without a name is named after its file.
    schema["required"].remove("name")
    for *section, key in UNUSED:
        known = sections["Metric"]["properties"] if section else keys
        known.setdefault(key, {"description": "Part of a W&B sweep file. Not used."})
    one_or_several = {name: any_of(name, *in_any_form(name)) for name in CELL_FIELDS}
    own = {"patternProperties": {HYPERPARAMETER.pattern: HYPERPARAMETER_SCHEMA}}
    sections["Point"] = mapping(one_or_several, []) | own | {"minProperties": 1}
    just_one = mapping({name: any_of(name, one(name), wrapped(name)) for name in CELL_FIELDS}, [])
    sections["OneValue"] = just_one | own | {"minProperties": 1}
    sections["Parameters"] = parameters_schema()
    point, one_value = ({"$ref": f"#/$defs/{name}"} for name in ("Point", "OneValue"))
    own_names = {
        "method": {"const": "grid"},
        "metric": {"properties": {"name": METRIC_NAMES}},
        "divergence": {"properties": {"metric": False}},
        "parameters": {"$ref": "#/$defs/Parameters"},
        "exclude": {"items": point},
        "include": {"items": point},
        "overrides": {"items": {"properties": {"match": point, "set": one_value}}},
        "tables": {"items": {"properties": own_tables(point)}},
    }
    own_names |= dict.fromkeys(ONLY_OF_PROGRAMS, False)
    # Any name may be a parameter of a program of the user's own.
    any_name = {"parameters": {"additionalProperties": ANY_FORM}}
    of_a_program = OF_A_PROGRAM | {"properties": OF_A_PROGRAM["properties"] | any_name}
    schema["allOf"] = [
        {"if": A_PROGRAM, "then": of_a_program, "else": {"properties": own_names}},
        *(own_required(task) for task in TRAINED.values()),
    ]
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A grid of adaloss-sweep",
    }
    return head | {key: value for key, value in schema.items() if key != "title"}


def own_tables(point: JsonSchema) -> JsonSchema:
    """The keys of a table whose values are names and values of this tool's own fields."""
    return {
        "rows": ONE_FIELD,
        "columns": ONE_FIELD,
        "per": SEVERAL_FIELDS,
        "tune": SEVERAL_FIELDS,
        "metric": TABLE_METRICS,
        "only": point,
        "exclude": {"items": point},
    }


def standard(part: JsonSchema) -> JsonSchema:
    """The schema of a field in JSON Schema's own terms, without what is said elsewhere."""
    left_out = ("title", "default", "description")
    return {STANDARD_KEYS.get(key, key): of for key, of in part.items() if key not in left_out}


@cache
def described_fields() -> Mapping[str, str]:
    """What each parameter means, of those that are shared and those of each task."""
    own = {name: FIELDS[name].description or "" for name in CELL_FIELDS}
    return {**FIELD_DESCRIPTIONS, **{name: text for name, text in own.items() if text}}


def own_required(task: Task) -> JsonSchema:
    """What a grid of a task needs besides what every task needs."""
    named = {"properties": {"task": {"const": task.name}}}
    # A file with a program and without a task is a program's.
    default = named | {"not": A_PROGRAM}
    chosen = default if task is DEFAULT_TASK else named | {"required": ["task"]}
    fields = task.fields.model_fields
    own = [name for name in task.cell_fields if fields[name].is_required()]
    needed = [name for name in own if name not in TrainedTrial.model_fields]
    if_flat = parameters_are_flat() | {"then": {"required": needed}}
    return {"if": chosen, "then": {"properties": {"parameters": if_flat}}}


def parameters_are_flat() -> JsonSchema:
    """The condition that parameters have plain names: only then can a schema find missing ones."""
    names = [{"enum": list(described_fields())}, {"pattern": HYPERPARAMETER.pattern}]
    values = {group: {"not": {"required": ["parameters"]}} for group in GROUPS}
    return {"if": {"propertyNames": {"anyOf": names}, "properties": values}}


def required_everywhere() -> Iterator[str]:
    """The parameters that every task needs; loading the grid finds a task's own."""
    for name, field in TrainedTrial.model_fields.items():
        if field.is_required() and name != "seed":
            yield name


def parameters_schema() -> JsonSchema:
    """The schema of the parameters: named by field, or by W&B's nested and dotted names."""
    by_field = {name: any_of(name, *in_any_form(name)) for name in described_fields()}
    dotted = {
        name: {
            "$ref": f"#/$defs/Parameters/properties/{field}",
            "description": f"The same as {field}.",
        }
        if field not in GROUPS
        else by_field[field]
        for name, field in FIELD_OF.items()
    }
    nested = {group: nested_schema(f"{group}.", dotted) for group in GROUPS}
    grouped = {
        group: by_field[group] | {"anyOf": [*by_field[group]["anyOf"], schema]}
        if group in by_field
        else schema
        for group, schema in nested.items()
    }
    schema = mapping(by_field | dotted | grouped, [])
    schema["patternProperties"] = {HYPERPARAMETER.pattern: HYPERPARAMETER_SCHEMA}
    # With dotted or nested names, only loading the grid finds missing parameters.
    return schema | parameters_are_flat() | {"then": {"required": list(required_everywhere())}}


def nested_schema(prefix: str, dotted: Mapping[str, JsonSchema]) -> JsonSchema:
    """The schema of a group of nested parameters."""
    inside = {name.removeprefix(prefix): part for name, part in dotted.items() if prefix in name}
    content = mapping(inside, [])
    if prefix == PREFIX:
        content["additionalProperties"] = HYPERPARAMETER_SCHEMA
    group = mapping({"parameters": content}, ["parameters"])
    return group | {"description": "Nested parameters, in W&B's form."}


def one(name: str) -> JsonSchema:
    """The schema of a value of the field."""
    return {"$ref": f"#/$defs/{name}"}


def several(name: str) -> JsonSchema:
    """The schema of a list of different values of the field."""
    return {"type": "array", "items": one(name), "minItems": 1, "uniqueItems": True}


def in_any_form(name: str) -> tuple[JsonSchema, ...]:
    """The forms of a parameter: a value, a list, and W&B's ``value`` and ``values``."""
    values = mapping(
        {"values": several(name), "distribution": {"const": "categorical"}}, ["values"]
    )
    return one(name), several(name), wrapped(name), values


def wrapped(name: str) -> JsonSchema:
    """The schema of W&B's form of a single value, which may be a list."""
    return mapping({"value": one(name), "distribution": {"const": "constant"}}, ["value"])


def any_of(name: str, *forms: JsonSchema) -> JsonSchema:
    """The schema of the field in one of these forms, with its description."""
    return {"description": described_fields()[name], "anyOf": list(forms)}


def mapping(keys: Mapping[str, JsonSchema], required: Iterable[str]) -> JsonSchema:
    """The schema of a mapping with only these keys."""
    return {
        "type": "object",
        "properties": dict(keys),
        "required": list(required),
        "additionalProperties": False,
    }
