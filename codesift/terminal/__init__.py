"""The command line: options, progress, rendering. The only room that writes results and notes.

What belongs here turns flags into plain values, makes one call of `session.Repository`, and shows what comes
back. All output leaves through `render`, whose mode is chosen once. It may import every other room, the slow
ones inside functions, so that `--help` loads no numpy.
"""
