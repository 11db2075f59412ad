"""Settings of a repository that ask for models of a hub: no verb may open a connection."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import product

from benchmarks.faults.repositories import QUESTION, SHOP, TARGET
from benchmarks.faults.sandbox import Sandbox, SandboxRepository, write_files
from benchmarks.faults.trials import Trial, fault

_MODEL = 'model = "microsoft/codebert-base"\n'
_ADAPTERS = 'adapters = "sentence-transformers/all-MiniLM-L6-v2"\n'
_SETTINGS: dict[str, dict[str, str]] = {
    "no settings": {".codesift.toml": ""},
    "a model in .codesift.toml": {".codesift.toml": _MODEL},
    "a model in pyproject.toml": {"pyproject.toml": f"[tool.codesift]\n{_MODEL}"},
    "adapters in .codesift.toml": {".codesift.toml": _ADAPTERS},
    "a model's folder, its name that of a model of the hub": {
        "microsoft/codebert-base/config.json": '{"_name_or_path": "microsoft/codebert-base"}',
        ".codesift.toml": 'model = "./microsoft/codebert-base"\n',
    },
}
_VERBS = (
    *(("query", QUESTION), ("index",), ("status",), ("status", "--check"), ("similar", TARGET), ("models",)),
    *(("config",), ("clean",)),
)


def network(sandbox: Sandbox, trials: int, chance: random.Random) -> Iterator[Trial]:
    """Held: all proxies and the hub's address lead to a listener on loopback, and nobody ever connects."""
    with closing(socket.create_server(("127.0.0.1", 0), backlog=100)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        cases = list(product(_SETTINGS, _VERBS))
        chance.shuffle(cases)
        for number in range(trials):
            what, arguments = cases[number % len(cases)]
            repository = replace(sandbox.repository(f"shop{number}", SHOP), more=_environ(address))
            repository.must("index")
            write_files(repository.root, _SETTINGS[what])
            yield _judged(f"{what}, {' '.join(arguments)}", repository, arguments, listener)


def _environ(address: str) -> dict[str, str]:
    names = ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy")
    proxies = {each: address for name in names for each in (name, name.upper())}
    return {**proxies, "HF_ENDPOINT": address, "HF_TOKEN": "hf_of_this_user", "HF_HUB_OFFLINE": ""}


def _judged(
    name: str, repository: SandboxRepository, arguments: tuple[str, ...], listener: socket.socket
) -> Trial:
    ended = repository.run(*arguments)
    count = connections(listener)
    kind = f"{count} connections" if count else fault(ended)
    return Trial(name, not kind, kind or "no connection", ended.last_line, ended.seconds)


def connections(listener: socket.socket) -> int:
    """How many connections were opened to a socket since it was asked last; each is closed."""
    count = 0
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1
