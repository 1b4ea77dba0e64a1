"""The process that looks into HDF5 files, forked from the tests': h5py is imported once, not for every file."""

import os
import runpy
import sys
import time

import h5py  # noqa: F401 -- what the fork saves


class ForkedChild:
    """What `hdf5_file.start` gives, as far as it is used there."""

    def __init__(self, command: list[str]):
        script, path, room, memory = command
        reader, writer = os.pipe()
        self.pid, self.code = os.fork(), None
        if not self.pid:
            try:
                os.dup2(writer, 1)
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                os.closerange(3, 1024)
                sys.stdout = os.fdopen(1, "w")
                # This process has torch in it, so it starts with far more addresses than the child itself.
                sys.argv = [script, path, room, str(int(memory) + _addresses())]
                runpy.run_path(script, run_name="__main__")
            finally:
                os._exit(9)
        os.close(writer)
        self.stdout = os.fdopen(reader, "rb", 0)

    def kill(self) -> None:
        if self.code is None:
            os.kill(self.pid, 9)

    def wait(self, seconds: float = 60) -> int:
        end = time.monotonic() + seconds
        while self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > end:
                raise TimeoutError
            else:
                time.sleep(0.001)
        return self.code


def _addresses() -> int:
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[0]) * os.sysconf("SC_PAGESIZE")
