"""The fit of the ranking: cases, a linear model, cross-validation."""
