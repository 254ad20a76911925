"""Runs named checks, prints one line for each, and gives the exit code. Shared by the scripts beside it."""
import os
import subprocess
import sys
import tempfile
import traceback

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
_checks = []


def check(function):
    """Registers a check; its name is its function's."""
    _checks.append(function)
    return function


def run(*arguments):
    """Runs every check with the given arguments and ends the process: 0 when all passed, else 1."""
    failed = 0
    for function in _checks:
        name = function.__name__.replace("_", " ")
        try:
            function(*arguments)
            print("ok   " + name, flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print("FAIL %s: %r" % (name, error), flush=True)
            traceback.print_exc(limit=4, file=sys.stdout)
    print("%d passed, %d failed" % (len(_checks) - failed, failed), flush=True)
    # Not sys.exit: grpcio joins its threads there, and a call left open would hold it up.
    os._exit(1 if failed else 0)


def generate(folder, *files):
    """Compiles .proto files with protoc into a temporary folder and puts that on the path."""
    out = tempfile.mkdtemp(prefix="interop-")
    subprocess.run(
        ["protoc", "-I", os.path.join(ROOT, folder), "--python_out=" + out, *files], check=True)
    sys.path.insert(0, out)


def equal(expected, actual):
    if expected != actual:
        raise AssertionError("expected %r, got %r" % (expected, actual))


def fails(code, action):
    """The RpcError of an action that must end with the given status code."""
    import grpc
    try:
        action()
    except grpc.RpcError as error:
        if error.code() != code:
            raise AssertionError("expected %s, got %s: %s" % (code, error.code(), error.details()))
        return error
    raise AssertionError("expected %s, but the call succeeded" % code)
