"""Wheels that an environment can be made of in a second."""

from __future__ import annotations

import ensurepip
import io
import sysconfig
import zipfile
from pathlib import Path


def _tiny_wheel() -> bytes:
    """A package that stands for edgechain on a device: it finds every signature good."""
    about = "edgechain-0.dist-info"
    files = {
        "edgechain/__init__.py": "",
        "edgechain/security/__init__.py": "",
        "edgechain/security/signature.py": "",
        f"{about}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{about}/METADATA": "Metadata-Version: 2.1\nName: edgechain\nVersion: 0\n",
    }
    record = f"{about}/RECORD"
    files[record] = "".join(f"{name},,\n" for name in (*files, record))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return out.getvalue()


def _pip_wheel() -> tuple[str, bytes]:
    """The pip that this Python brings; Debian keeps it in a folder of its own."""
    places = [Path(ensurepip.__file__).parent / "_bundled"]
    if apart := sysconfig.get_config_var("WHEEL_PKG_DIR"):
        places.append(Path(apart))
    path = next(path for place in places for path in place.glob("pip-*.whl"))
    return path.name, path.read_bytes()


WHEELS = dict([("edgechain-0-py3-none-any.whl", _tiny_wheel()), _pip_wheel()])
