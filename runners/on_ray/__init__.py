"""Where trials run: Ray, which nothing outside this package imports."""

import os
import secrets

# Ray reads these when it is imported: its own reports, loggers and signal handler stay out of the
# way of ours.
os.environ |= {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_TRAIN_COUNT_PREEMPTION_AS_FAILURE": "1",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_SIGINT_HANDLER": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
}
if not os.environ.get("RAY_ADDRESS"):
    # With this off, as it is off Linux, all of Ray's servers listen on 127.0.0.1 alone; the token
    # keeps out this machine's other users, and Ray would have one that their programs may read.
    os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    os.environ["RAY_AUTH_MODE"] = "token"
    # Ray's start waits for ever for a worker that it starts with it and that dies then; of one that
    # dies as it starts later it learns by this time-out, in seconds.
    os.environ |= {
        "RAY_prestart_worker_first_driver": "0",
        "RAY_worker_register_timeout_seconds": "30",
        # A question to a GCS that has died is given up after so many seconds, so that it is told.
        "RAY_gcs_server_request_timeout_seconds": "20",
        # One that is not up yet is asked again after so many milliseconds, not after a second.
        "RAY_gcs_grpc_min_reconnect_backoff_ms": "50",
        "RAY_gcs_grpc_initial_reconnect_backoff_ms": "50",
        # What shadows the tool's packages is on a worker's path too.
        "RAY_preload_python_modules": "adaloss_sweep",
        # Under `uv run` Ray would pack the current folder, results and all, and have every worker
        # install from it.
        "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    }
    # A worker has the driver's.
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
