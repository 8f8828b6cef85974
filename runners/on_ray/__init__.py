"""Runs trials on Ray; only this package imports Ray."""

import logging
import os
import secrets
from pathlib import Path

# Ray reads these when it is imported. They switch off its own reports, loggers and signal handler.
os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    # Under `uv run` Ray would pack the current folder, with the results, and have every worker
    # install it.
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}
if not os.environ.get("RAY_ADDRESS"):
    # With this setting all of Ray's servers listen only on 127.0.0.1. The token keeps out other
    # users of this machine; their programs could read the file in which Ray would keep a token.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"
    # Ray's start would wait forever for a prestarted worker that dies. With the time-out, in
    # seconds, Ray notices a worker that dies while it starts.
    os.environ |= {
        "RAY_prestart_worker_first_driver": "0",
        "RAY_worker_register_timeout_seconds": "30",
        # Requests to a GCS that has died fail after so many seconds.
        "RAY_gcs_server_request_timeout_seconds": "20",
        # A GCS that is not up yet is tried again after so many milliseconds, not after a second.
        "RAY_gcs_grpc_min_reconnect_backoff_ms": "50",
        "RAY_gcs_grpc_initial_reconnect_backoff_ms": "50",
        # Workers must find the tool's packages before others of the same names.
        "RAY_preload_python_modules": "adaloss_sweep",
    }
    # Workers inherit the driver's token.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
elif {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys() or Path(
    os.environ.get("HOME", ""), ".ray", "auth_token"
).exists():
    # `ray start` uses a token where it finds one. A driver does not unless it is told to; it may
    # have one that the cluster does not ask for.
    os.environ.setdefault("RAY_AUTH_MODE", "token")

# In a notebook Ray's import advises twice to install ipywidgets, which a sweep does not use.
logging.getLogger("ray.widgets.util").setLevel(logging.ERROR)
