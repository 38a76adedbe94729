"""Faults on purpose: a steady stream, a pipeline under it that is killed, and a ledger of what became of each record."""
