"""Throughput, latency and ratios against peers, on a real broker; apart from the tests. `python -m benchmarks --help`."""
