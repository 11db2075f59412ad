"""What makes the models that codesift ships, and the weights of its ranking.

Each verb of `python -m training` is a module of that name; what verbs share lies in folders below them. It
imports codesift and evaluation, never the other way round.
"""
