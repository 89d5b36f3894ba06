"""What runs on a device while it is flashed, before anything of ours is installed there.

Standard library only, and nothing of edgechain outside of this folder: it travels as one zipped
file and is run by the device's own Python.
"""
