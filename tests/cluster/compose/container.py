"""A container engine's work for one service, inside namespaces that unshare made.

Run as root by ``stack.py``, as the first process of new mount, process, network and host
name namespaces: ``python container.py SETTINGS.json``. This machine's files take the
image's place, below a layer of the container's own.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any


def main(settings: dict[str, Any]) -> int:
    """Build the container's files, and run its command there until it ends."""
    root = _root(Path(settings["scratch"]), settings["shm_bytes"])
    for name, text in settings["files"].items():
        _write(root / name, text)
    for mount in settings["mounts"]:
        _mount(root, mount)
    for path in settings["readable"]:  # after the mounts, which may hide it
        _show(Path(path), root)
    # A container sees the folder that it starts in, whether a volume lies there or not.
    (root / settings["working_dir"].lstrip("/")).mkdir(parents=True, exist_ok=True)
    if settings["is_read_only"]:
        _run("mount", "-o", "remount,ro", str(root))
    socket.sethostname(settings["name"])
    os.chroot(root)
    os.chdir(settings["working_dir"])
    n_files = min(settings["n_files"], resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (n_files, n_files))
    return _first_process(subprocess.Popen(settings["command"]))


def _root(scratch: Path, shm_bytes: int) -> Path:
    _run("mount", "--make-rprivate", "/")
    _run("mount", "-t", "tmpfs", "tmpfs", str(scratch))
    root = scratch / "root"
    for folder in ("upper", "work", "root"):
        (scratch / folder).mkdir()
    layers = f"lowerdir=/,upperdir={scratch / 'upper'},workdir={scratch / 'work'}"
    _run("mount", "-t", "overlay", "overlay", "-o", layers, str(root))
    _run("mount", "-t", "proc", "proc", str(root / "proc"))
    _run("mount", "--rbind", "/sys", str(root / "sys"))
    _run("mount", "--rbind", "/dev", str(root / "dev"))
    _run("mount", "-t", "tmpfs", "-o", f"size={shm_bytes},mode=1777", "shm", f"{root}/dev/shm")
    return root


def _show(path: Path, root: Path) -> None:
    """Let the container's user reach a folder of this machine, in the container alone."""
    inside = root / path.relative_to("/")
    if not inside.exists() or path.stat().st_dev != Path("/").stat().st_dev:
        inside.mkdir(parents=True, exist_ok=True)
        _run("mount", "--rbind", str(path), str(inside))
    for parent in inside.parents:
        if parent == root:
            return
        parent.chmod(parent.stat().st_mode | 0o055)


def _write(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)  # the machine's own may be a link
    path.write_text(text)
    path.chmod(0o755)


def _mount(root: Path, mount: dict[str, Any]) -> None:
    # Debian's /var/run is a link to /run, which from here would lead out of the container.
    target = root / mount["target"].replace("/var/run/", "/run/").lstrip("/")
    source = mount["source"]
    if source is not None and Path(source).is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    else:
        target.mkdir(parents=True, exist_ok=True)
    if source is None:
        _run("mount", "-t", "tmpfs", "-o", mount["options"], "tmpfs", str(target))
        return
    _run("mount", "--bind", source, str(target))
    if mount["is_read_only"]:
        _run("mount", "-o", "remount,bind,ro", str(target))


def _first_process(service: subprocess.Popen[bytes]) -> int:
    """Pass a stop on and collect the dead, as an init does; gives the service's status."""
    signal.signal(signal.SIGTERM, lambda *_: service.send_signal(signal.SIGTERM))
    while True:
        pid, status = os.wait()
        if pid == service.pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def _run(*command: str) -> None:
    subprocess.run(command, check=True)


if __name__ == "__main__":
    sys.exit(main(json.loads(Path(sys.argv[1]).read_text())))
