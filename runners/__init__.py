"""Where and how a sweep runs: the commands, the plan, Ray Tune, the live view."""
