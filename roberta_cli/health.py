"""What `roberta doctor` looks at: versions, devices, kernels, caches, free disk, and a forward pass that is known."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from roberta.version import __version__

LEAST_FREE = 1 << 28  # bytes; less than that, and neither a download nor results will fit
_REQUIREMENT = re.compile(r"([\w.-]+)[^=<>~;]*(?:>=([\d.]+))?.*?(?:extra == .(\w+).)?$")
_FOR_DEVELOPERS = ("test", "bench")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. advice: what to do where it is not well, else empty."""

    about: str
    name: str
    value: str | int | float | None
    advice: str = ""

    @property
    def ok(self) -> bool:
        return not self.advice


def examine() -> Iterator[Finding]:
    """All findings, topic by topic; the last ones take about a second."""
    yield from _versions()
    if importlib.util.find_spec("torch"):
        yield from _devices()
        yield from _kernels()
    yield from _caches()
    yield from _free_space()
    yield from _built_in_model()
    yield from _self_tests()


def _versions() -> Iterator[Finding]:
    yield Finding("versions", "roberta", __version__)
    yield Finding("versions", "python", platform.python_version())
    yield Finding("versions", "system", platform.platform())
    for name, least, extra in _requirements():
        version = _version(name)
        if extra:  # one that is not there is no fault, and what needs it says how to install it
            yield Finding(f"extra {extra}", name, version)
        elif version is None or _numbers(version) < _numbers(least):
            yield Finding("versions", name, version, f"pip install '{name}>={least}'")
        else:
            yield Finding("versions", name, version)


def _requirements() -> Iterator[tuple[str, str, str]]:
    """Name, least version, and the extra that needs it, as the installed package says; none if it is not installed."""
    try:
        declared = importlib.metadata.requires("roberta") or []
    except importlib.metadata.PackageNotFoundError:
        declared = []
    for requirement in declared:
        name, least, extra = _REQUIREMENT.match(requirement).groups(default="")
        if extra not in _FOR_DEVELOPERS:
            yield name, least, extra


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _numbers(version: str) -> list[int]:
    """[2, 13, 0] for 2.13.0+cpu."""
    return [int(number) for number in re.findall(r"\d+", version.split("+")[0])]


def _devices() -> Iterator[Finding]:
    import torch

    yield Finding("devices", "cpu", f"{_processor()}, {os.cpu_count()} cores")
    yield Finding("devices", "threads", torch.get_num_threads())
    yield Finding("devices", "OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS"))
    for number in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(number)
        yield Finding("devices", f"cuda:{number}", f"{about.name}, {about.total_memory >> 20:,} MiB")


def _processor() -> str:
    try:
        about = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        about = ""
    named = re.search(r"^model name\s*: (.*)$", about, flags=re.MULTILINE)
    return named[1] if named else platform.processor() or platform.machine()


def _kernels() -> Iterator[Finding]:
    import torch

    yield Finding("kernels", "instructions", torch.backends.cpu.get_cpu_capability())
    for name in ("mkl", "mkldnn", "openmp"):
        yield Finding("kernels", name, "yes" if getattr(torch.backends, name).is_available() else "no")


def _caches() -> Iterator[Finding]:
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE)
    only_read = "" if os.access(_nearest(folder), os.W_OK) else ", cannot be written"  # which many share on purpose
    yield Finding("cache", "folder", f"{folder}{only_read}")
    yield Finding("cache", "models", len(list(folder.glob("models--*"))))
    yield Finding("cache", "HF_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE"))


def _free_space() -> Iterator[Finding]:
    from huggingface_hub import constants

    for name, place in (("cache", constants.HF_HUB_CACHE), ("here", Path.cwd()), ("temporary", tempfile.gettempdir())):
        nearest = _nearest(Path(place))
        free = shutil.disk_usage(nearest).free
        yield Finding("disk", name, f"{free >> 20:,} MiB", "" if free >= LEAST_FREE else f"free space in {nearest}")


def _nearest(path: Path) -> Path:
    """The path or the first folder above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def _built_in_model() -> Iterator[Finding]:
    from roberta.engine.runner import open_runner
    from roberta.errors import RobertaError
    from roberta.weights.folder import read_weights

    try:
        runner = open_runner()
        tensors = len(read_weights(runner.origin).tensors)
        yield Finding("built-in model", "weights", f"{tensors} tensors, {len(runner.tokenizer):,} tokens")
    except RobertaError as error:
        yield Finding("built-in model", "weights", None, f"install roberta anew: {error}")


def _self_tests() -> Iterator[Finding]:
    from roberta.engine.self_test import TOLERANCE, largest_difference

    for backend in ("numpy", *_torch_devices()):
        try:
            off = largest_difference(backend)
        except Exception as error:  # whatever a device or its driver may raise is what is to be found out
            yield Finding("self-test", backend, None, f"{type(error).__name__}: {error}".splitlines()[0])
            continue
        advice = "" if off <= TOLERANCE else f"numbers are wrong on {backend}; install its package anew, or avoid it"
        yield Finding("self-test", backend, f"{off:.1e} off", advice)


def _torch_devices() -> list[str]:
    if not importlib.util.find_spec("torch"):
        return []
    import torch

    return ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
