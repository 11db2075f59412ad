"""No request leaves the machine unless the user named a model of the hub; then none carries a token.

A listener on loopback stands where every request would go: it is the hub, and the proxy of all addresses.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes import write
from repositories import Done

Run = Callable[..., Done[str]]
TOKEN = "hf_never_to_be_sent"
HUB_MODEL = "microsoft/codebert-base"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
VERBS = (
    ["index"],
    ["query", "tie a rope"],
    ["query", "tie a rope", "--lexical", "--json"],
    ["similar", "quay.py:moor"],
    ["similar", "--all"],
    ["status"],
    ["models"],
    ["models", "--json"],
    ["clean"],
    ["--help"],
    ["--version"],
)
CHOICES = (
    f'model = "{HUB_MODEL}"',
    'model = "bigcode/starencoder"',
    'model = "hub/never-heard-of"',
    'model = "./base"',
    'adapters = "./adapters"',
    'adapters = "https://example.invalid/adapters"',
    'cache-dir = "./cache"',
    'cache_dir = "~/elsewhere"',
    "",
)
"""What a repository tries to choose; nothing at last."""


class Listener:
    """Counts connections and keeps what they send; answers each with 404."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        """What each connection sent first."""
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(10)
                try:
                    self.received.append(connection.recv(65536))
                    connection.sendall(
                        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    )
                except OSError:
                    self.received.append(b"")

    def close(self) -> None:
        # Closing alone would not wake a thread that waits in `accept`.
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(10)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def environment(listener: Listener, own_home: Path) -> dict[str, str]:
    """An environment in which every request ends at the listener, of a user who has a token of the hub."""
    write(own_home, "hf/token", TOKEN)
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("HF_HUB_OFFLINE", "NO_PROXY", "no_proxy")
    }
    hub = {"HF_ENDPOINT": listener.url, "HF_TOKEN": TOKEN, "HF_HOME": str(own_home / "hf")}
    return kept | dict.fromkeys(PROXIES, listener.url) | hub


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    write(tmp_path, "repo/quay.py", 'def moor():\n    """Tie the ship to the quay."""\n    return "rope"\n')
    return tmp_path / "repo"


def lines(done: Done[str]) -> list[str]:
    """What a command that failed says, without the note that there was no index yet."""
    said = done.stderr.splitlines() if done.returncode == 2 else []
    return [line for line in said if "yet: building it" not in line]


def test_the_listener_hears_a_request(listener: Listener, environment: dict[str, str]) -> None:
    """Control: the variables reach whoever makes a request, so that no connection means no request."""
    code = (
        "import urllib.request\n"
        "try: urllib.request.urlopen('http://example.invalid/x')\n"
        "except OSError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "404" in done.stdout, done
    assert len(listener.received) == 1


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("place", [".codesift.toml", "pyproject.toml"])
def test_no_repository_makes_a_verb_send_a_request(
    codesift: Run, listener: Listener, environment: dict[str, str], repository: Path, place: str, choice: str
) -> None:
    table = "[tool.codesift]\n" if place == "pyproject.toml" else ""
    write(repository, place, f"{table}{choice}\n")
    for verb in VERBS:
        done = codesift(*verb, cwd=repository, env=environment, timeout=120)
        assert done.returncode in (0, 1, 2), (verb, done)
        assert "Traceback" not in done.stderr and len(lines(done)) <= 1, (verb, done)
        assert listener.received == [], verb


@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb[0] in ("models", "clean", "--help", "--version")]
)
def test_some_verbs_send_nothing_even_where_the_user_chose_a_model_of_the_hub(
    codesift: Run, listener: Listener, environment: dict[str, str], repository: Path, verb: list[str]
) -> None:
    done = codesift(*verb, cwd=repository, env={**environment, "CODESIFT_MODEL": HUB_MODEL}, timeout=120)
    assert done.returncode in (0, 2), done
    assert verb[0] != "models" or HUB_MODEL in done.stdout
    assert listener.received == []


@pytest.mark.parametrize("how", ["flag", "variable"])
def test_a_model_the_user_named_is_asked_for_without_a_token(
    codesift: Run, listener: Listener, environment: dict[str, str], repository: Path, how: str
) -> None:
    for name in ("torch", "transformers", "huggingface_hub"):
        pytest.importorskip(name)
    arguments = ["--model", HUB_MODEL] if how == "flag" else []
    variable = {"CODESIFT_MODEL": HUB_MODEL} if how == "variable" else {}
    done = codesift(
        "query", "rope", "--quiet", *arguments, cwd=repository, env=environment | variable, timeout=120
    )
    assert done.returncode == 2 and "could not be downloaded" in done.stderr and len(lines(done)) == 1, done
    assert listener.received, "the control: this model is not here, so it must be asked for"
    sent = b"\n".join(listener.received)
    assert HUB_MODEL.encode() in sent
    assert TOKEN.encode() not in sent and b"uthorization" not in sent
    assert b"agent-harnesses" not in sent and b"telemetry" not in sent and b"torch/" not in sent


def test_without_torch_no_model_is_asked_for(
    listener: Listener, environment: dict[str, str], repository: Path
) -> None:
    code = (
        "import sys\nsys.modules['torch'] = None\nsys.argv = ['codesift', 'query', 'rope', '--quiet', "
        f"'--model', {HUB_MODEL!r}]\nfrom codesift.__main__ import main\nmain()"
    )
    command: list[Any] = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=repository, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 2 and "pip install 'codesift[torch]'" in done.stderr, done
    assert listener.received == []


def test_a_local_model_that_torch_loads_sends_nothing(
    codesift: Run, listener: Listener, environment: dict[str, str], repository: Path, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from tiny_models import transformers_folder

    folder = transformers_folder(tmp_path / "bert")
    done = codesift(
        "query", "rope", "--quiet", "--model", folder, cwd=repository, env=environment, timeout=120
    )
    assert done.returncode == 0, done
    assert listener.received == []
