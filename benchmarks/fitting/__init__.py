"""The ranking's weights, fitted on questions whose answers are known."""
