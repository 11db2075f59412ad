"""Tasks, systems and metrics."""
