"""Who might be out there: mDNS, static addresses, this machine's own chains."""
