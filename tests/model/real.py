"""The real models beside the repository, by their names: what each of them is cut and run with."""

from __future__ import annotations

ALL = (
    "deeplabv3_257_mv_gpu",
    "detect",
    "keras_lstm_mnist_ptq",
    "mobilenet_v2_1.0_224_quant",
    "movenet_single_pose_lightning_ptq",
    "split_concat",
    "yamnet",
    "yolov8n_int8",
)
