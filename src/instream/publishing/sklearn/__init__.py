"""Scikit-learn: how an estimator is scored, looked into, and converted."""
