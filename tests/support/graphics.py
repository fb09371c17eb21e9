"""A machine with graphics processors: NVIDIA's by a library of ours in NVML's place, AMD's by a folder like the kernel's."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from wan_healthd.host.gpu_places import GpuPlaces

SOURCE = Path(__file__).with_name("nvml_stub.c")
LOST, UNSUPPORTED, UNINITIALISED, MISMATCH = "!15", "!3", "!1", "!18"
"""NVML's errors (nvmlReturn_t) as the library of ours takes them."""
DEVICE = "0000:01:00.0"


class Machine:
    """What is written here is what the next look finds; `places` is where to look. Its folder is the working folder."""

    places = GpuPlaces(
        nvidia_signs=("dev/nvidiactl", "driver/version"),
        nvidia_nodes=("dev/nvidiactl", "dev/nvidia[0-9]*"),
        nvidia_power="pci/*/power/runtime_status",
        cards="drm",
        pci="pci",
    )

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, name: str, content: str | bytes) -> None:
        file = self._folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def nvml(self, name: str, content: str | bytes) -> None:
        """What NVML answers, see nvml_stub.c."""
        aside = self._folder / "aside"
        aside.write_bytes(content if isinstance(content, bytes) else content.encode())
        (self._folder / "nvml").mkdir(exist_ok=True)
        aside.rename(self._folder / "nvml" / name)

    def nvidia(self, *uses: str) -> None:
        """NVIDIA's driver with a device for each of `uses`."""
        self.write("dev/nvidiactl", "")
        self.nvml("driver", "550.163.01")
        self.nvml("count", str(len(uses)))
        for index, use in enumerate(uses):
            self.nvml(f"name-{index}", f"GeForce {index}")
            self.nvml(f"use-{index}", use)

    def amd(self, *uses: str) -> None:
        """A card of AMD's for each of `uses`, each with a connector, which is none."""
        for index, use in enumerate(uses):
            self.write(f"drm/card{index}/device/gpu_busy_percent", f"{use}\n")
            self.write(f"drm/card{index}/device/product_name", f"Radeon {index}\n")
            self.write(f"drm/card{index}-HDMI-A-1/status", "connected\n")

    def on_bus(self, name: str, vendor: str, kind: str = "0x030000") -> None:
        self.write(f"pci/{name}/vendor", f"{vendor}\n")
        self.write(f"pci/{name}/class", f"{kind}\n")

    def calls(self, name: str) -> int:
        """How often NVML was called by that name."""
        noted = self._folder / "nvml" / "calls"
        return noted.read_text().splitlines().count(name) if noted.exists() else 0


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the library."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed: packaging/check --system installs one")
    folder = tmp_path_factory.mktemp("nvml")
    target = folder / "libnvidia-ml.so.1"
    command = [compiler, "-std=c11", "-D_DEFAULT_SOURCE", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]
    subprocess.run([*command, str(target), str(SOURCE)], check=True, timeout=50)
    return folder


@pytest.fixture
def graphics(tmp_path: Path, nvml_library: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of such a machine; processes that are started now have the library."""
    monkeypatch.setenv("LD_LIBRARY_PATH", str(nvml_library))
    monkeypatch.setenv("NVML_STUB", str(tmp_path / "nvml"))
    return tmp_path
