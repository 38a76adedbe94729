"""Instream's own workers: a loop a process, supervised by `instream.process`."""
