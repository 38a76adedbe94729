"""Keyed models: from one estimator a key to parameters of one architecture."""
