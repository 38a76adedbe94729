"""Time and limits: clocks, deadlines, waits, bounded concurrency."""
