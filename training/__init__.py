"""What makes the models that codesift ships. Imports codesift, never the other way round."""
