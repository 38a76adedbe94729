"""What `python -m benchmarks serve` stands on: the model, the questions, load, and what is seen of a server meanwhile."""
