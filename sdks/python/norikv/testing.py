"""The real server for a test: free ports of loopback, a temporary data directory, gone when closed."""
from __future__ import annotations

import atexit
import collections
import os
import queue
import shutil
import signal
import subprocess
import tempfile
import threading
from types import TracebackType
from typing import Any, Deque, Mapping, Optional, Sequence, Type


class EphemeralServer:
    """A context manager. It can be stopped or killed and started again on the same ports and data.

    ``command`` is the server program with its first arguments: what NORIKV_SERVER names, separated by spaces, else ``norikv``
    from the PATH. ``configuration`` is the text of its configuration file, YAML or JSON.
    """

    def __init__(
        self, command: Optional[Sequence[str]] = None, configuration: Optional[str] = None, arguments: Sequence[str] = (),
        environment: Optional[Mapping[str, str]] = None, start_limit: float = 60.0,
    ) -> None:
        self._command = list(command or os.environ.get("NORIKV_SERVER", "norikv").split())
        self._configuration = configuration
        self._arguments = list(arguments)
        self._environment = environment
        self._start_limit = start_limit
        self._folder = tempfile.mkdtemp(prefix="norikv-ephemeral-")
        atexit.register(self.close)  # a test that ends without closing leaves no server behind
        self._output: Deque[str] = collections.deque(maxlen=200)
        self._process: Optional["subprocess.Popen[str]"] = None
        self.address = "127.0.0.1:0"
        """host:port of gRPC; the same over restarts."""
        self.http_address = "127.0.0.1:0"
        """host:port of HTTP; the same over restarts."""

    def __enter__(self) -> "EphemeralServer":
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The id of the running process; 0 when it does not run."""
        return self._process.pid if self._process else 0

    @property
    def output(self) -> str:
        """The last lines that it printed."""
        return "".join(self._output)

    def start(self) -> "EphemeralServer":
        """Starts it and waits until it serves; after stop or kill on the same ports and data."""
        if self._process is not None:
            raise RuntimeError("the server runs already")
        arguments = [*self._command, "server"]
        if self._configuration is not None:
            path = os.path.join(self._folder, "norikv.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(self._configuration)
            arguments.append(path)
        arguments += [
            "--with-parent", "--data-dir", os.path.join(self._folder, "data"), "--rpc-addr", self.address, "--http-addr", self.http_address,
            *self._arguments]
        process = self._process = subprocess.Popen(
            # It ends with its standard input, whose other end is here: so it does not outlive a program that is killed.
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            env={**os.environ, **(self._environment or {})})
        said: "queue.SimpleQueue[Optional[str]]" = queue.SimpleQueue()
        threading.Thread(target=self._read, args=(process, said), daemon=True).start()
        try:
            ready, why = said.get(timeout=self._start_limit), "ended before it served"
        except queue.Empty:
            ready, why = None, f"did not serve within {self._start_limit:g} s"
        if ready is None:
            self.kill()
            raise RuntimeError(f"the server {why}:\n{self.output}")
        fields = dict(f.split("=", 1) for f in ready.split()[1:] if "=" in f)
        self.address, self.http_address = fields["rpc"], fields["http"]
        return self

    def stop(self) -> None:
        """Asks it to stop (SIGTERM) and waits until it has."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it at once, as a crash of the process would (SIGKILL)."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """Ends it and deletes its data."""
        self.kill()
        atexit.unregister(self.close)
        shutil.rmtree(self._folder, ignore_errors=True)

    def client(self, **settings: Any) -> Any:
        """A blocking client of it."""
        from .client import Client
        return Client(self.address, **settings)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdin is not None:
            process.stdin.close()

    def _read(self, process: "subprocess.Popen[str]", said: "queue.SimpleQueue[Optional[str]]") -> None:
        # Tells its start: the line that it serves, or None when it ended.
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._output.append(line)
                if line.startswith("ready "):
                    said.put(line)
        said.put(None)
