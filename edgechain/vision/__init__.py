"""Pictures in, findings out: numpy arrays and plain values, no network. The only door to OpenCV.

The way of a picture: ``pictures``/``video`` read it, ``prepare`` (with ``fit``) makes it the
model's input, ``decoder`` chooses who reads the model's outputs (``decode_ssd``, ``decode_yolo``,
``decode_classes``), ``draw`` paints the findings. Pictures are RGB uint8 arrays (height, width, 3).
"""
