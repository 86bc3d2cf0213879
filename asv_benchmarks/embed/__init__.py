"""Training, evaluation and closure."""
