"""`python -m benchmarks keyed`: a light model for each key, against bare arithmetic and against what people write instead."""
