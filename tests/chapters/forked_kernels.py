"""Kernels for the tests of notebooks, forked from a process that has imported torch already.

Half a hundred notebooks take a kernel each, and each would spend 8 s of a processor on the same imports.
Names, state and settings are a fresh kernel's all the same: nothing of a notebook runs before the fork.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from functools import cache
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

# What a kernel asks of a matplotlib that it imports itself.
INLINE = "module://matplotlib_inline.backend_inline"
CONTEXT = multiprocessing.get_context("forkserver")
# The last three are imported by the first optimizer and the first handwritten digits.
IMPORTED = [
    "torch",
    "matplotlib.pyplot",
    "ipywidgets",
    "ipykernel.kernelapp",
    "torch._dynamo",
    "pandas",
    "sklearn.datasets",
]


class ForkedKernel(CONTEXT.Process):
    """What jupyter_client wants of a process: the methods of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        return self.exitcode

    def wait(self) -> int | None:
        self.join()
        return self.exitcode

    def send_signal(self, signum: int) -> None:
        os.kill(self.pid, signum)


class ForkingProvisioner(LocalProvisioner):
    """Starts a kernel by a fork instead of a new interpreter."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        where = {"folder": kwargs["cwd"], "environment": kwargs["env"], "path": path_of_an_interpreter()}
        arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
        self.process = ForkedKernel(
            target=run, args=(arguments,), kwargs={**where, "quiet": "stderr" in kwargs}
        )
        self.process.start()
        self.pid, self.pgid = self.process.pid, None
        return self.connection_info


def install() -> None:
    """From now on all kernels that this process starts are forked."""
    CONTEXT.set_forkserver_preload(IMPORTED)
    known = KernelProvisionerFactory.instance()
    forked = EntryPoint("forked", f"{__name__}:{ForkingProvisioner.__name__}", known.GROUP_NAME)
    known.provisioners[forked.name] = forked
    known.default_provisioner_name = forked.name


@cache
def path_of_an_interpreter() -> list[str]:
    """Where a new interpreter looks for modules: without the folders that pytest adds."""
    command = [sys.executable, "-c", "import sys; print(*sys.path[1:], sep='\\n')"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


def run(
    arguments: list[str], folder: str | None, environment: dict[str, str], path: list[str], quiet: bool
) -> None:
    """What the forked process does: the same as `python -m ipykernel_launcher`."""
    import matplotlib
    from ipykernel import kernelapp

    os.setsid()  # a signal for the tests is none for the kernel
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder or os.getcwd())
    sys.path[:], sys.argv[:] = path, ["ipykernel_launcher", *arguments]
    matplotlib.rcParams["backend"] = INLINE
    if quiet:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    kernelapp.launch_new_instance(argv=arguments)
