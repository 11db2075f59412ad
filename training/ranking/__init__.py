"""The fit of the ranking: questions with their candidates' signals, two linear models, cross-validation."""
