"""Each value of a grid that is wrong is reported with its line, in plain words."""

import pytest
from small_grid import DATASETS, GRID, OPTIMIZERS, PARAMETERS, WEIGHTS

from adaloss.grid.sweep import load_sweep


def test_the_grid_of_these_tests_is_valid(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID)
    assert len(load_sweep(path).trials) == 8


# (the text to replace, its replacement, the expected messages)
REPLACED = {
    "zero": ("[0.1, 1]", "[0.1, 0]", "6: b0 must be greater than 0, found 0"),
    "negative": ("lr: 0.1", "lr: -0.1", "7: lr must be at least 0, found -0.1"),
    "below one": ("epochs: 2", "epochs: 0", "8: epochs must be at least 1, found 0"),
    "zero of several": (
        "  epochs: 2\n",
        "  epochs: 2\n  std: {value: [0.5, 0]}\n",
        "9: std must be greater than 0, found 0",
    ),
    "above the range": (
        "  epochs: 2\n",
        "  epochs: 2\n  momentum: 1\n",
        "9: momentum must be less than 1, found 1",
    ),
    "text for a number": (
        "lr: 0.1",
        "lr: fast",
        "7: lr must be a number, found the text 'fast'",
    ),
    "quoted number": (
        "lr: 0.1",
        'lr: "1e-4"',
        "7: lr must be a number, found the text '1e-4'; remove the quotes",
    ),
    "true for a number": ("lr: 0.1", "lr: true", "7: lr must be a number, found true"),
    "true for a count": (
        "epochs: 2",
        "epochs: true",
        "8: epochs must be a whole number, found true",
    ),
    "nothing": ("lr: 0.1", "lr:", "7: lr must be a number, found nothing"),
    "not a number": ("lr: 0.1", "lr: .nan", "7: lr must be a finite number, found .nan"),
    "infinite": ("lr: 0.1", "lr: -.inf", "7: lr must be a finite number, found -.inf"),
    "beyond floats": ("lr: 0.1", "lr: 1e999", "7: lr must be a finite number, found .inf"),
    "very long number": (
        "lr: 0.1",
        "lr: " + "9" * 5000,
        "7: lr must be a finite number, found .inf",
    ),
    "very long count": (
        "epochs: 2",
        "epochs: " + "9" * 5000,
        "8: epochs must be a whole number, found .inf",
    ),
    "fraction for a count": (
        "epochs: 2",
        "epochs: 2.5",
        "8: epochs must be a whole number, found 2.5",
    ),
    "count written as a fraction": (
        "epochs: 2",
        "epochs: 2.0",
        "8: epochs must be a whole number, found 2.0; write 2",
    ),
    "yes for true": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  pretrained: yes\n",
        f"8: pretrained must be {WEIGHTS}, found the text 'yes'; write true",
    ),
    "number for a model": (
        "model: mlp",
        "model: 3",
        "4: model must be text, found 3; put it in quotes",
    ),
    "optimizer misspelt": (
        "[adaloss",
        "[adalos",
        f"5: optimizer must be {OPTIMIZERS}, found the text 'adalos'; did you mean adaloss?",
    ),
    "data set misspelt": (
        "digits",
        "digit",
        f"3: dataset must be {DATASETS}, found the text 'digit'; did you mean digits?",
    ),
    "model misspelt": ("mlp", "mpl", "4: unknown model 'mpl'; did you mean mlp?"),
    "timm's model misspelt": (
        "mlp",
        "vit_smal_patch16_224",
        "4: unknown model 'vit_smal_patch16_224'; did you mean vit_small_patch16_224?",
    ),
    "weights misspelt": (
        "mlp",
        "resnet50.a1_in2k",
        "4: unknown model 'resnet50.a1_in2k'; did you mean resnet50.a1_in1k?",
    ),
    "model of no one": (
        "mlp",
        "zzzzzzzzzz",
        "4: unknown model 'zzzzzzzzzz'; known: mlp, small_cnn, cifar_resnet20 and the models of "
        "timm",
    ),
    "value twice": ("[0.1, 1]", "[1, 0.1, 1.0]", "6: b0 has the value 1 twice; remove one"),
    "two zeros": (
        "lr: 0.1",
        "lr: [0, -0.0]",
        "7: lr has the value 0 twice; remove one",
    ),
    "empty list": (
        "[0.1, 1]",
        "[]",
        "6: b0 is an empty list; it needs at least one value",
    ),
    "list in a list": ("lr: 0.1", "lr: [[0.1]]", "7: lr must be a number, found a list"),
    "item on its own line": (
        "b0: [0.1, 1]",
        "b0:\n    - 0.1\n    - -1",
        "8: b0 must be greater than 0, found -1",
    ),
    "item of values": (
        "b0: [0.1, 1]",
        "b0:\n    values:\n      - 0.1\n      - -1",
        "9: b0 must be greater than 0, found -1",
    ),
    "value on the next line": ("lr: 0.1", "lr:\n    -1", "8: lr must be at least 0, found -1"),
    "sampled": (
        "lr: 0.1",
        "lr: {min: 0.1, max: 1}",
        "7: lr.min is not supported: a grid needs the values themselves; write values: [0.1, …, 1]",
    ),
    "distribution": (
        "lr: 0.1",
        "lr:\n    distribution: uniform",
        "8: lr.distribution uniform is not supported: a grid needs the values themselves; "
        "write values: […]",
    ),
    "nested parameters": (
        "lr: 0.1",
        "lr: {parameters: {warm: {value: 1}}}",
        [
            f"7: unknown parameter 'lr.warm'; known: {PARAMETERS}",
            "7: parameters.lr is missing",
        ],
    ),
    "value and values": (
        "lr: 0.1",
        "lr: {value: 1, values: [1]}",
        "7: lr must have either value or values, found value, values",
    ),
    "neither value nor values": (
        "lr: 0.1",
        "lr: {valeu: 1}",
        "7: lr must have either value or values, found valeu",
    ),
    "a list as value": ("lr: 0.1", "lr: {value: [1]}", "7: lr must be a number, found a list"),
    "no list as values": (
        "lr: 0.1",
        "lr: {values: 1}",
        "7: lr.values must be a list, found 1",
    ),
    "required parameter left out": ("  lr: 0.1\n", "", "2: parameters.lr is missing"),
    "parameter given elsewhere": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  max_loss: 9\n",
        "8: max_loss is not a parameter: write divergence: {max_loss: …}",
    ),
    "seeds twice": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  seed: [1]\n",
        "8: seed and seeds are both set: leave one out",
    ),
    "weights of our own models": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  pretrained: true\n",
        "8: pretrained must be false or the path of a file for mlp, found true; no weights are "
        "published for it",
    ),
    "weights in a file of another kind": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  pretrained: weights.zip\n",
        f"8: pretrained must be {WEIGHTS}, found the text 'weights.zip'",
    ),
    "crop larger than the image": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  resize: 20\n  image_size: [16, 24]\n",
        "8: resize must be at least image_size (24), found 20: crops are taken from the resized "
        "image",
    ),
    "folder of images of any size": (
        "digits",
        "imagefolder:pets",
        "3: imagefolder:pets has images of any size: write resize or image_size as well",
    ),
    "channels' means as a list of values": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  mean: [0.5]\n",
        "8: mean must be a list, found 0.5; write {value: […]} for a parameter that is itself a "
        "list",
    ),
    "duplicate parameter": (
        "  lr: 0.1\n",
        "  lr: 0.1\n  lr: 0.2\n",
        "8: duplicate key 'lr'; it is already on line 7",
    ),
    "name left empty": ("name: demo", "name:", "1: name must be text, found nothing"),
    "name that is no folder's": (
        "demo",
        "../demo",
        "1: name must be 1 to 64 letters, digits, dots, dashes and underscores, starting with a "
        "letter or digit, found the text '../demo'",
    ),
    "number as name": ("demo", "12", "1: name must be text, found 12; put it in quotes"),
    "tag": (
        "lr: 0.1",
        "lr: !!float 0.1",
        "7: YAML tags are not allowed in a grid; remove !!float",
    ),
    "own tag": (
        "digits",
        "!mine digits",
        "3: YAML tags are not allowed in a grid; remove !mine",
    ),
    "alias of nothing": (
        "lr: 0.1",
        "lr: *rate",
        "7: not valid YAML: *rate has no anchor above it",
    ),
    "alias of a wrong value": (
        "lr: 0.1\n",
        "lr: &half 0.5\n  b0: *half\n  momentum: *half\n  epochs: *half\n",
        [
            "8: duplicate key 'b0'; it is already on line 6",
            "10: epochs must be a whole number, found 0.5",
            "11: duplicate key 'epochs'; it is already on line 10",
        ],
    ),
    "unfinished escape": ("mlp", r'"\UFFFFFFFF"', "4: not valid YAML: invalid escape"),
    "half a surrogate pair": ("mlp", r'"\ud800"', "4: not valid YAML: half of a surrogate pair"),
    "control character": (
        "mlp",
        "m\x01lp",
        "4: not valid YAML: the character #x0001 is not allowed",
    ),
    "no seeds": ("seeds: 2", "seeds: []", "10: seeds is empty; it needs at least one entry"),
    "seed twice": ("seeds: 2", "seeds: [1, 1]", "10: seeds has the value 1 twice; remove one"),
    "seed below zero": ("seeds: 2", "seeds: [-1]", "10: seeds[0] must be at least 0, found -1"),
    "text as seeds": (
        "seeds: 2",
        "seeds: five",
        "10: seeds must be a count of seeds, or a list of them, found the text 'five'",
    ),
    "too many seeds": (
        "seeds: 2",
        "seeds: 1000000000000",
        "10: seeds must be a count of seeds from 1 to 100,000, or a list of them, found "
        "1000000000000",
    ),
}


@pytest.mark.parametrize(("old", "new", "expected"), REPLACED.values(), ids=REPLACED)
def test_a_mistake_in_a_value(problem_lines, old, new, expected):
    assert GRID.count(old) == 1
    assert problem_lines(GRID.replace(old, new)) == (
        [expected] if isinstance(expected, str) else expected
    )
