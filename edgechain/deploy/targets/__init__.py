"""The ways to a device that is to be flashed: SSH, a local directory, an SD card."""
