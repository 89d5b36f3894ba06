"""Gathering facts: files, processes, sockets. What they mean is said in ``checks``."""
