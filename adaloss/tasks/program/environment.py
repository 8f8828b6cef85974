"""The environment of a script written for `wandb agent`, which runs without a server."""

import json
import math
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from adaloss.errors import UserError

CHILD = Path(__file__).parent / "child"
PARAMETERS_FILE = "wandb-parameters.yaml"
READS_FILE = "reads.jsonl"

# How wandb would connect, log in, continue another run or log nothing; and what is of this process.
REMOVED = {
    "PYTHONSAFEPATH",
    "WANDB_API_KEY",
    "WANDB_CREDENTIALS_FILE",
    "WANDB_DISABLED",
    "WANDB_IDENTITY_TOKEN_FILE",
    "WANDB_RESUME",
    "WANDB_SERVICE",
}
# The allocator of the tool's own workers, which is not for other programs.
ALLOCATOR = {
    "RAY_LD_PRELOAD_ON_WORKERS": "1",
    "MALLOC_CONF": "dirty_decay_ms:-1,muzzy_decay_ms:-1",
}
OF_THE_ALLOCATOR = {"LD_PRELOAD", "MALLOC_CONF"}
REMOVED_PREFIXES = ("RAY_", "WANDB_LAUNCH", "WANDB_X_")
SURROGATE_PAIR = re.compile(r"\\u(d[89ab]\w\w)\\u(d[c-f]\w\w)")


def wandb_environment(
    folder: Path, trial_id: str, parameters: Mapping[str, object], base: Mapping[str, str]
) -> dict[str, str]:
    """Write the parameters to the folder, and return the environment of the trial's script.

    wandb writes its files below the folder, and the script's reads are noted in its `READS_FILE`.

    Raises:
        UserError: a value is no JSON.
    """
    folder = folder.absolute()
    parameters_file = folder / PARAMETERS_FILE
    parameters_file.write_text(sweep_parameters(parameters), encoding="utf-8")
    removed = REMOVED | (OF_THE_ALLOCATOR if ALLOCATOR.items() <= base.items() else set())
    kept = {
        name: value
        for name, value in base.items()
        if name not in removed and not name.startswith(REMOVED_PREFIXES)
    }
    path = kept.get("PYTHONPATH")
    return kept | {
        "ADALOSS_READS": str(folder / READS_FILE),
        "PYTHONPATH": f"{CHILD}{os.pathsep}{path}" if path else str(CHILD),
        "WANDB_CONSOLE": "off",
        # Artifacts are copied here, by default to the user's home folder.
        "WANDB_DATA_DIR": str(folder / "wandb"),
        "WANDB_DIR": str(folder),
        "WANDB_ERROR_REPORTING": "false",
        "WANDB_MODE": "offline",
        # The name of an offline run is None otherwise, and scripts name files after it.
        "WANDB_NAME": trial_id,
        "WANDB_PROJECT": "adaloss-sweep",
        "WANDB_RUN_ID": trial_id,
        "WANDB_SILENT": "true",
        "WANDB_SWEEP_ID": "adaloss-sweep",
        "WANDB_SWEEP_PARAM_PATH": str(parameters_file),
        "WANDB_X_TRANSACTION_LOG_FLUSH_INTERVAL": "1",
    }


def sweep_parameters(parameters: Mapping[str, object]) -> str:
    """The file that fills `wandb.config`."""
    entries = [
        f"{yaml_of(name)}:\n  value: {yaml_of(value)}\n" for name, value in parameters.items()
    ]
    return "wandb_version: 1\n\n" + "".join(entries)


def grouped(parameters: Mapping[str, Any], groups: Collection[str]) -> dict[str, Any]:
    """The parameters as ``wandb agent`` has them: a group of nested ones is one mapping.

    Raises:
        UserError: a name in a group is both a value and a mapping, or is there twice.
    """
    result: dict[str, Any] = {}
    for name, value in parameters.items():
        group = next((each for each in groups if name.startswith(f"{each}.")), None)
        if group is None:
            result[name] = value
        else:
            result.setdefault(group, {})[name.removeprefix(f"{group}.")] = value
    return {name: nested(value) if name in groups else value for name, value in result.items()}


def nested(parameters: Mapping[str, object]) -> dict[str, Any]:
    """The parameters with names like `optimizer.lr` as a mapping below `optimizer`.

    Raises:
        UserError: a name is both a value and a mapping, or is there twice.
    """
    result: dict[str, Any] = {}
    for name, value in parameters.items():
        *parents, last = name.split(".")
        place = result
        for parent in parents:
            place = place.setdefault(parent, {})
            if not isinstance(place, dict):
                raise UserError(f"{name}: {parent} is a parameter with a value of its own")
        merge(place, last, value, name)
    return result


def merge(place: dict[str, Any], key: str, value: Any, name: str) -> None:
    """Set the key. Mappings are merged."""
    if isinstance(value, Mapping) and isinstance(place.setdefault(key, {}), dict):
        for inner, inner_value in value.items():
            merge(place[key], str(inner), inner_value, f"{name}.{inner}")
    elif key in place:
        raise UserError(f"{name}: there are two values for this parameter")
    else:
        place[key] = value


def yaml_of(value: object) -> str:
    """The value as JSON that wandb's YAML 1.1 reads as the same value.

    Raises:
        UserError: the value is no JSON.
    """
    match value:
        case Mapping():
            inner = (f"{yaml_of(str(key))}: {yaml_of(item)}" for key, item in value.items())
            return "{" + ", ".join(inner) + "}"
        case list() | tuple():
            return "[" + ", ".join(map(yaml_of, value)) + "]"
        case float():
            if not math.isfinite(value):
                return {math.inf: ".inf", -math.inf: "-.inf"}.get(value, ".nan")
            mantissa, exponent, power = repr(float(value)).partition("e")
            # YAML 1.1 takes 1e-05 for a text.
            return f"{mantissa}{'' if '.' in mantissa or not exponent else '.0'}{exponent}{power}"
        case str():
            return SURROGATE_PAIR.sub(code_point, json.dumps(value))
        case None | bool() | int():
            return json.dumps(value)
    raise UserError(
        f"a parameter has the value {value!r}, which is no number, text, list or mapping"
    )


def code_point(pair: re.Match[str]) -> str:
    """YAML's escape of a character that JSON writes as two."""
    high, low = (int(half, 16) for half in pair.groups())
    return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
