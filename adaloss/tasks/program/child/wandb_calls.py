"""Keep wandb offline in the script, and note which values of `wandb.config` the script reads."""

from __future__ import annotations

import functools
import inspect
import itertools
import os
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Note = Callable[[str, list[str] | str], None]
    Warn = Callable[[str, Exception], None]

# The trial's folder. The script may have changed WANDB_DIR.
FOLDER = os.path.dirname(os.environ["ADALOSS_READS"])  # noqa: PTH120
SWEEP = os.environ.get("WANDB_SWEEP_ID") or "adaloss-sweep"
FLUSH_SECONDS = 1.0


def change(wandb: Any, note: Note, warn: Warn) -> None:
    """Replace the calls of wandb that need a server, and watch its config."""
    calls: dict[str, Callable[[Any, Warn], Callable[..., Any]]] = {
        "init": init_offline,
        "login": login_without_server,
        "sweep": sweep_without_server,
        "agent": agent_of_one_trial,
    }
    for name, replacement in calls.items():
        try:
            replace(getattr(wandb, name), replacement(wandb, warn))
        except Exception as error:
            warn(f"wandb.{name} is left as it is", error)
    try:
        watch_config(wandb, note)
    except Exception as error:
        warn("reads of wandb.config are not recorded", error)


def replace(original: Callable[..., Any], replacement: Callable[..., Any]) -> None:
    """Put the replacement wherever wandb has the function."""
    functools.update_wrapper(replacement, original)
    for name, module in list(sys.modules.items()):
        if name == "wandb" or name.startswith("wandb."):
            for attribute, value in list(vars(module).items()):
                if value is original:
                    setattr(module, attribute, replacement)


def init_offline(wandb: Any, warn: Warn) -> Callable[..., Any]:
    """`wandb.init` that writes to the trial's folder, whatever its arguments say."""
    original = wandb.init
    signature = inspect.signature(original)
    first_id, numbers = os.environ.get("WANDB_RUN_ID"), itertools.count(2)

    def init(*args: Any, **kwargs: Any) -> Any:
        try:
            bound = signature.bind_partial(*args, **kwargs)
        except TypeError:
            # wandb says what is wrong.
            return original(*args, **kwargs)
        offline = {"mode": "offline", "dir": FOLDER}
        try:
            setup = singleton_of(wandb)
            if mode_of(bound.arguments, setup) == "disabled":
                offline = {}
            else:
                # wandb refuses a run beside another with the same id.
                is_beside = wandb.run is not None and bound.arguments.get("reinit") == "create_new"
                prepare(setup, f"{first_id}-{next(numbers)}" if is_beside else first_id)
        except Exception as error:
            warn("the settings of wandb are left as they are", error)
        bound.arguments.update(offline)
        return original(*bound.args, **bound.kwargs)

    return init


def singleton_of(wandb: Any) -> Any:
    """What wandb keeps for the process, such as its settings. None in versions before 0.19."""
    singleton = getattr(wandb.sdk.wandb_setup, "singleton", None)
    return singleton() if singleton else None


def mode_of(arguments: dict[str, Any], setup: Any) -> Any:
    """The mode that a call of `wandb.init` asks for."""
    given: Any = arguments.get("settings")
    if isinstance(given, dict):
        in_settings = given.get("mode")
    else:
        in_settings = given.mode if "mode" in getattr(given, "model_fields_set", ()) else None
    of_process = os.environ.get("WANDB_MODE") if setup is None else setup.settings.mode
    return arguments.get("mode") or in_settings or of_process


def prepare(setup: Any, run_id: str | None) -> None:
    """Set what a script cannot say in the arguments of `wandb.init`, but may have changed."""
    os.environ.setdefault("WANDB_DATA_DIR", os.path.join(FOLDER, "wandb"))  # noqa: PTH118
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    if getattr(setup, "_connection", None) is None:
        # wandb's process of the parent refuses a second run with the same id.
        os.environ.pop("WANDB_SERVICE", None)
    settings = {
        "x_transaction_log_flush_interval": FLUSH_SECONDS,
        # Processes that start a run at the same time share the id and the second.
        "run_id": run_id,
        "x_sync_dir_suffix": f"{time.time_ns()}-{os.getpid()}",
    }
    for name, value in settings.items():
        if hasattr(getattr(setup, "settings", None), name):
            setattr(setup.settings, name, value)


def login_without_server(wandb: Any, warn: Warn) -> Callable[..., Any]:
    """`wandb.login` that is content with any key."""

    def login(*args: Any, **kwargs: Any) -> bool:
        return True

    return login


def sweep_without_server(wandb: Any, warn: Warn) -> Callable[..., Any]:
    """`wandb.sweep` that answers with the id of this sweep."""

    def sweep(*args: Any, **kwargs: Any) -> str:
        return SWEEP

    return sweep


def agent_of_one_trial(wandb: Any, warn: Warn) -> Callable[..., Any]:
    """`wandb.agent` that calls the function once, with the parameters of this trial.

    An exception ends the script, so that the trial fails. W&B's own agent goes on.
    """
    signature = inspect.signature(wandb.agent)
    called = False

    def agent(*args: Any, **kwargs: Any) -> None:
        nonlocal called
        function = signature.bind_partial(*args, **kwargs).arguments.get("function")
        if called or not callable(function):
            reason = "a trial calls one function once" if called else "there is no function to call"
            warn("wandb.agent does nothing", ValueError(reason))
            return
        called = True
        if wandb.run is not None:
            wandb.finish()
        try:
            function()
        except BaseException:
            wandb.finish(exit_code=1)
            raise
        wandb.finish()

    return agent


def watch_config(wandb: Any, note: Note) -> None:
    """Note what is read of the config, except by wandb itself."""
    config = wandb.sdk.wandb_config.Config
    for name in ("__getitem__", "__getattr__", "__contains__", "get"):
        watch(config, name, lambda args: note("config", [args[0]]) if is_name(args) else None)
    for name in ("__iter__", "keys", "items", "as_dict", "_as_dict"):
        watch(config, name, lambda args: note("config", "all"))


def is_name(args: tuple[Any, ...]) -> bool:
    """Whether the argument is the name of a parameter. W&B's own begin with `_`."""
    return bool(args) and isinstance(args[0], str) and not args[0].startswith("_")


def watch(owner: Any, name: str, noting: Callable[[tuple[Any, ...]], None]) -> None:
    """Call `noting` with the arguments of each call of the method from outside wandb."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        caller = sys._getframe(1).f_globals.get("__name__", "")
        if caller.partition(".")[0] != "wandb":
            noting(args)
        return original(self, *args, **kwargs)

    setattr(owner, name, method)
