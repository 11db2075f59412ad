"""What the operating system offers, made safe: files, processes, signals, background work.

What belongs here could serve another program as it is: it knows nothing of repositories, units or vectors.
Files are opened without following links and read up to a limit; other programs, and functions that may never
end, run in processes with a deadline. It imports `errors` alone.
"""
