"""The flashing house: bundles, the steps to a new generation of a device, and the ways there."""
