"""Searches over an open index: query, similar, duplicates; signals, ranking, confidence.

What belongs here takes an index as it is and returns records of `types`; nothing is refreshed, stored or
printed here. A signal is a row of `signals.SIGNALS` and one function; weights are fitted by `training`, not
chosen here. It may import `index` and what lies below it.
"""
