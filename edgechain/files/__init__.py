"""What every room does alike with files. ``spec`` is pure: what touches a disk for it is here."""
