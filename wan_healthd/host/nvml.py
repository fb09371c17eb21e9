"""NVIDIA's graphics processors: the one door to NVML (the module `pynvml` of the distribution nvidia-ml-py).

The module is loaded once it is needed, which is only where there is a driver (some 15 ms, 3.3 MiB). The library takes 14 MiB
more while a session is open, as those of the drivers 535 and 550 do.
Calls may take seconds on a driver that initialises its device, and for ever on one that hangs.
"""

from __future__ import annotations

import _ctypes
import glob
import os
import sys
from contextlib import suppress
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from typing import Any

from wan_healthd.domain.gpus import MOST_DEVICES, GpuReading, GpuRefusal, reading, tame
from wan_healthd.host.gpu_places import GpuPlaces, first_line

NAMELESS = "NVIDIA GPU"
MODULE, OWN_NAME = "pynvml", "wan_healthd.host.nvml.pynvml"


class NvmlRefused(Exception):
    """NVML cannot be asked: `refusal` is the kind of reason, the message NVML's own words."""

    def __init__(self, refusal: GpuRefusal, words: str) -> None:
        super().__init__(words)
        self.refusal = refusal


def has_driver(places: GpuPlaces) -> bool:
    """Whether NVIDIA's driver is loaded."""
    return any(map(os.path.exists, places.nvidia_signs))


def is_asleep(places: GpuPlaces) -> bool:
    """Whether all its devices are powered down. To ask one would wake it, which on a laptop costs hours of battery."""
    states = [first_line(path) for path in glob.iglob(places.nvidia_power)]
    return bool(states) and all(state == "suspended" for state in states)


def load_module() -> Any:
    """A copy of the module for its caller alone: it keeps the library in a global, which sessions unload.

    The program that we are a part of may use NVML itself; torch does.

    Raises:
        NvmlRefused: it is not installed, or not whole.
    """
    installed = find_spec(MODULE)
    spec = None if installed is None else spec_from_file_location(OWN_NAME, installed.origin)
    if spec is None or spec.loader is None:
        raise NvmlRefused(GpuRefusal.NO_MODULE, "the Python module pynvml is not installed")
    module = sys.modules[OWN_NAME] = module_from_spec(spec)  # it looks itself up there while it is loaded
    try:
        spec.loader.exec_module(module)
    except ImportError as error:
        raise NvmlRefused(GpuRefusal.NO_MODULE, f"the Python module pynvml cannot be loaded: {tame(str(error))}") from error
    finally:
        del sys.modules[OWN_NAME]
    return module


class NvmlSession:
    """NVML while it is initialised, which keeps the driver's device nodes open, until `close`.

    It knows the devices that could be had when it was opened.

    Args:
        module: of `load_module`; no other session may use it at the same time.

    Raises:
        NvmlRefused: library and driver are not there or do not fit one another, or no device can be had.
    """

    def __init__(self, module: Any) -> None:
        self._nvml = module
        try:
            module.nvmlInit()
        except module.NVMLError as error:
            refused = self._refused(error)
            self._unload()
            raise refused from error
        try:
            self._devices = self._find()
        except module.NVMLError as error:
            refused = self._refused(error)
            self.close()
            raise refused from error

    @property
    def driver(self) -> str | None:
        """The driver's version; None where it is not told."""
        with suppress(self._nvml.NVMLError, UnicodeDecodeError):
            return tame(self._nvml.nvmlSystemGetDriverVersion())
        return None

    def read(self) -> tuple[GpuReading, ...]:
        """How busy each device is. One that fell off the bus, or is being reset, is left out.

        NVML tells the share of the last 1/6 to 1 s, by product, in which a kernel ran (nvmlUtilization_t). Of a device that is
        divided (MIG) it tells nothing.

        Raises:
            NvmlRefused: none answers any more. The session is of no use then.
        """
        told: list[GpuReading] = []
        failure: Exception | None = None
        for handle, name in self._devices:
            try:
                told.append(reading(name, self._busy_percent(handle)))
            except self._nvml.NVMLError as error:
                failure = error
        if failure is not None and not told:
            raise self._refused(failure) from failure
        return tuple(told)

    def close(self) -> None:
        """Let go of the driver, also where it is gone already, and of the library."""
        with suppress(self._nvml.NVMLError):
            self._nvml.nvmlShutdown()
        self._unload()

    def _unload(self) -> None:
        """As NVIDIA's own binding for Go does it; `pynvml` would keep the library until the process ends.

        That also finds the new library after an upgrade of the driver. The module's two globals are not documented: one that
        has others keeps its library.
        """
        library, functions = getattr(self._nvml, "nvmlLib", None), getattr(self._nvml, "_nvmlGetFunctionPointer_cache", None)
        if library is None or functions is None:
            return
        self._nvml.nvmlLib = None
        functions.clear()
        _ctypes.dlclose(library._handle)

    def _find(self) -> tuple[tuple[Any, str], ...]:
        found: list[tuple[Any, str]] = []
        failure: Exception | None = None
        for index in range(min(self._nvml.nvmlDeviceGetCount(), MOST_DEVICES)):
            try:
                handle = self._nvml.nvmlDeviceGetHandleByIndex(index)
                found.append((handle, self._name(handle)))
            except self._nvml.NVMLError as error:  # the others may be well
                failure = error
        if failure is not None and not found:
            raise failure
        return tuple(found)

    def _name(self, handle: Any) -> str:
        try:
            return str(self._nvml.nvmlDeviceGetName(handle)) or NAMELESS
        except UnicodeDecodeError:
            return NAMELESS

    def _busy_percent(self, handle: Any) -> int | None:
        try:
            return int(self._nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        except (self._nvml.NVMLError_NotSupported, self._nvml.NVMLError_FunctionNotFound):
            return None

    def _refused(self, error: Any) -> NvmlRefused:
        kinds = {
            self._nvml.NVML_ERROR_LIBRARY_NOT_FOUND: GpuRefusal.NO_LIBRARY,
            self._nvml.NVML_ERROR_DRIVER_NOT_LOADED: GpuRefusal.NO_DRIVER,
            self._nvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: GpuRefusal.MISMATCH,
        }
        try:
            words = str(error)
        except UnicodeDecodeError:
            words = f"error {error.value}"
        return NvmlRefused(kinds.get(error.value, GpuRefusal.OTHER), tame(words))
