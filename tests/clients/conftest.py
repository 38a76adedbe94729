"""The scripts that speak run in an environment of their own."""

collect_ignore_glob = ["speak_*.py"]
