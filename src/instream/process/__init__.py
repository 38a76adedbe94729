"""Child processes: spawned, watched, restarted, told to end."""
