"""Where and how a sweep runs: the commands, Ray Tune, the checks before, the mirror to W&B."""
