"""What runs the loop around a pipeline."""
