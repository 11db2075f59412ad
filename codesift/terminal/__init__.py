"""The command line: options, progress, rendering. The only room that writes to a terminal."""
