"""The `.tflite` file: read it, show it, cut it, prove the parts equal to the whole."""
