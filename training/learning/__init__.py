"""From functions to a trained adapter."""
