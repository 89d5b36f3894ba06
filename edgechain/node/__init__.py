"""The daemon of one device: its stages, its port, its links."""
