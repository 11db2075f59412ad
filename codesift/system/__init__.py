"""What the operating system offers, made safe: files, processes, signals, background work."""
