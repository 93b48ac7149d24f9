"""The Jupyter server of `make lab`.

Kernel messages are quick, widgets are there from the start, and a token always; it prints little.

nbgrader is here to build and to grade, by commands: a learner sees none of its tabs and buttons
(`page_config.json`).

Everything also works without this file, only slower to the touch.
"""

import os

from jupyter_server.services.kernels.connection.channels import ZMQChannelsWebsocketConnection
from jupyter_server.services.kernels.kernelmanager import AsyncMappingKernelManager


class PromptConnection(ZMQChannelsWebsocketConnection):
    """Sends each kernel message at once: Nagle's algorithm would hold small ones back for about 40 ms."""

    def connect(self):
        self.websocket_handler.set_nodelay(True)
        return super().connect()


class WidgetKernels(AsyncMappingKernelManager):
    """Starts kernels with ipywidgets loaded.

    The page asks for widgets before a notebook imports it, and would get an error.

    They keep from the terminal that they speak over TCP: it is this machine's loopback, and each has a key.
    """

    async def start_kernel(self, **options):
        flags = ["--InteractiveShellApp.extensions=ipywidgets", "--IPKernelApp.log_level=ERROR"]
        return await super().start_kernel(extra_arguments=flags, **options)


NBGRADER = ("formgrader", "validate_assignment", "assignment_list", "course_list")

c = get_config()  # noqa: F821  (Jupyter defines it)
c.ServerApp.kernel_manager_class = WidgetKernels
c.ServerApp.kernel_websocket_connection_class = PromptConnection
c.ServerApp.log_level = "WARN"  # the address to open is printed all the same
c.ServerApp.jpserver_extensions.update({f"nbgrader.server_extensions.{name}": False for name in NBGRADER})
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"

if not os.environ.get("JUPYTER_TOKEN"):
    os.environ.pop("JUPYTER_TOKEN", None)  # an empty one would mean: no token at all
