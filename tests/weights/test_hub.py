import json
import pickle
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import huggingface_hub
import pytest
from huggingface_hub import errors as hub_errors

from roberta.errors import CheckpointError, NetworkError, ResourceError, UsageError
from roberta.hub import Origin
from tests.weights.fake_hub import COMMIT, snapshot

OTHER = "f" * 40


@pytest.fixture
def cache(tmp_path):
    """A cache with one repository of two revisions."""
    snapshot(tmp_path, "org/model", {"config.json": b"{}", "pytorch_model.bin": b"old"}, OTHER, "v1")
    snapshot(tmp_path, "org/model", {"config.json": b'{"a": 1}', "vocab.json": b"{}"})
    return tmp_path


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    return tmp_path / "model"


@pytest.fixture
def _offline(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def test_a_folders_files_are_found_and_missing_ones_are_none(folder):
    origin = Origin(folder)
    assert origin.is_local
    assert origin.folder == folder
    assert origin.file("config.json") == folder / "config.json"
    assert origin.file("vocab.json") is None
    assert origin.need("vocab.json", "config.json") == folder / "config.json"
    assert origin.names() == ["config.json"]
    assert str(origin) == str(folder)


def test_a_relative_folder_goes_before_a_repository_of_the_same_name(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert Origin("model").is_local
    assert Origin("./model/").need("config.json").samefile(folder / "config.json")


def test_a_home_folder_is_spelt_with_a_tilde(folder, monkeypatch):
    monkeypatch.setenv("HOME", str(folder.parent))
    assert Origin("~/model").need("config.json") == folder / "config.json"


def test_a_file_means_its_folder_and_itself(folder):
    origin = Origin(folder / "config.json")
    assert origin.chosen == "config.json"
    assert origin.need("config.json") == folder / "config.json"
    assert Origin(folder).chosen is None


def test_a_subfolder_is_looked_in(folder):
    (folder / "best").mkdir()
    (folder / "best" / "vocab.json").write_text("{}")
    origin = Origin(folder, subfolder="best/")
    assert origin.need("vocab.json") == folder / "best" / "vocab.json"
    assert str(origin) == f"{folder}/best"
    with pytest.raises(CheckpointError, match="no subfolder worst"):
        Origin(folder, subfolder="worst")


@pytest.mark.parametrize("subfolder", ["..", "a/../..", "/etc", "a\\b"])
def test_a_subfolder_that_leaves_the_checkpoint_is_refused(folder, subfolder):
    with pytest.raises(CheckpointError, match="leaves the checkpoint"):
        Origin(folder, subfolder=subfolder)


@pytest.mark.parametrize("name", ["../config.json", "/etc/passwd", "a/b", "", ".", ".."])
def test_only_plain_file_names_are_looked_for(folder, name):
    with pytest.raises(CheckpointError, match="not a plain file name"):
        Origin(folder).file(name)


@pytest.mark.parametrize(
    "name", ["/no/where", "./nowhere", "../nowhere", "~/nowhere", "a/b/c", "nowhere/", "a\\b", "."]
)
def test_what_is_spelt_like_a_path_is_never_taken_for_a_hub_id(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    if name == ".":
        assert Origin(name).is_local
        return
    with pytest.raises(CheckpointError, match=f"^{name.replace(chr(92), chr(92) * 2)}: no such folder; "):
        Origin(name)


@pytest.mark.parametrize(
    "name", ["", "a b", "-a", "a--b", "a..b", "org/", "org/-x", "x" * 97, "x" * 5000, "ü", "a\0b", "a:b"]
)
def test_names_that_can_be_neither_folder_nor_repository_are_refused(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CheckpointError, match=r"no such folder|neither a folder nor a hub id"):
        Origin(name)


def test_a_folder_never_touches_the_network_nor_imports_its_client(folder):
    code = (
        "import sys; from roberta.hub import Origin; o = Origin(sys.argv[1]); o.need('config.json'); o.file('x')\n"
        "assert not {'huggingface_hub', 'requests', 'httpx', 'numpy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True)


def test_a_missing_file_of_a_folder_says_what_is_there(folder):
    with pytest.raises(
        CheckpointError, match=r"none of a\.bin, b\.bin in this folder, which holds config\.json; do this"
    ):
        Origin(folder).need("a.bin", "b.bin", remedy="do this")
    with pytest.raises(
        CheckpointError, match=r"no vocab\.json in this folder, which holds config\.json; name the folder"
    ):
        Origin(folder).need("vocab.json")


def test_own_keywords_are_taken_out_and_the_others_left(folder):
    given = {
        "revision": "v1",
        "token": "secret",
        "cache_dir": "c",
        "local_files_only": True,
        "force_download": False,
        "subfolder": "",
        "resume_download": True,
        "trust_remote_code": True,
        "proxies": None,
        "num_labels": 3,
    }
    origin, others = Origin.split("org/model", given)
    assert others == {"num_labels": 3}
    assert (origin.revision, origin.cache_dir, origin.local_files_only) == ("v1", "c", True)
    assert len(given) == 10
    same, others = Origin.split(origin, {"num_labels": 3, "revision": None})
    assert same is origin
    changed, _ = Origin.split(origin, {"revision": "v2"})
    assert (changed.name, changed.revision, changed.cache_dir) == ("org/model", "v2", "c")
    assert Origin.split("org/model", {"use_auth_token": "secret"})[0]._token == "secret"
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        Origin.split("org/model", {"proxies": {"https": "x"}})


def test_the_token_is_never_shown_but_travels_along():
    origin = Origin("org/model", token="secret", revision="v1")
    for shown in (repr(origin), str(origin)):
        assert "secret" not in shown
    assert str(origin) == "org/model@v1"
    assert pickle.loads(pickle.dumps(origin))._token == "secret"


@pytest.mark.parametrize("how", ["argument", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"])
def test_what_was_fetched_before_is_read_offline(cache, monkeypatch, how):
    if how != "argument":
        monkeypatch.setenv(how, "1")
    origin = Origin("org/model", cache_dir=cache, local_files_only=how == "argument")
    assert not origin.is_local
    assert json.loads(origin.need("config.json").read_text()) == {"a": 1}
    assert origin.file("pytorch_model.bin") is None
    assert origin.need("tokenizer.json", "vocab.json").name == "vocab.json"


@pytest.mark.parametrize("revision", ["v1", OTHER])
def test_a_revision_is_a_branch_or_a_commit(cache, revision):
    origin = Origin("org/model", revision=revision, cache_dir=cache, local_files_only=True)
    assert origin.need("pytorch_model.bin").read_bytes() == b"old"
    assert origin.file("vocab.json") is None


def test_all_files_come_from_one_commit_even_when_the_branch_moves(cache):
    origin = Origin("org/model", cache_dir=cache, local_files_only=True)
    assert json.loads(origin.need("config.json").read_text()) == {"a": 1}
    (cache / "models--org--model" / "refs" / "main").write_text(OTHER)
    assert origin.file("pytorch_model.bin") is None
    assert origin.need("vocab.json").parent.name == COMMIT


def test_offline_a_file_that_was_never_fetched_names_the_remedy(cache, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(NetworkError, match="HF_HUB_OFFLINE is set; unset HF_HUB_OFFLINE to fetch it, or name a folder"):
        Origin("org/model", cache_dir=cache).need("model.safetensors")


@pytest.mark.parametrize("name", ["roberta-base", "org/other"])
def test_offline_a_repository_that_was_never_fetched_says_both_possibilities(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NetworkError) as error:
        Origin(name, cache_dir=tmp_path, local_files_only=True).file("config.json")
    message = str(error.value)
    assert message.startswith(f"{name}: no such folder, and as a repository of the hub it was never fetched before")
    assert message.endswith("fetch it once online, or name a folder")
    assert "\n" not in message


def _fails_with(monkeypatch, error):
    def download(*_, **__):
        raise error

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)


def _bare(kind):
    return kind.__new__(kind)  # their constructors want a response of the transport, which has changed


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (_bare(hub_errors.RepositoryNotFoundError), CheckpointError, "no such folder, and no such repository"),
        (_bare(hub_errors.GatedRepoError), CheckpointError, "gated; ask for access"),
        (_bare(hub_errors.RevisionNotFoundError), CheckpointError, "no revision v9"),
        (hub_errors.HFValidationError("x"), CheckpointError, "not a hub id"),
        (_bare(hub_errors.HfHubHTTPError), NetworkError, "download from the hub failed"),
        (ConnectionError("secret"), NetworkError, "failed .ConnectionError.; check the network"),
        (RuntimeError("secret"), NetworkError, "failed .RuntimeError."),
        (OSError(28, "No space left"), ResourceError, "no space left"),
        (PermissionError(13, "Permission denied"), CheckpointError, "cannot be written .Permission denied."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)
def test_each_failure_of_the_hub_is_one_sentence_with_a_remedy(monkeypatch, error, kind, message):
    _fails_with(monkeypatch, error)
    with pytest.raises(kind, match=message) as raised:
        Origin("org/model", revision="v9", token="secret").file("config.json")
    assert "secret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_file_that_the_repository_lacks_is_none(monkeypatch):
    _fails_with(monkeypatch, _bare(hub_errors.EntryNotFoundError))
    origin = Origin("org/model")
    assert origin.file("model.safetensors") is None
    with pytest.raises(CheckpointError, match=r"no config\.json in this repository of the hub; name another"):
        origin.need("config.json")


class FakeHub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs."""

    files: ClassVar = {"config.json": b'{"model_type": "roberta"}', "pytorch_model.bin": b"weights"}
    asked: ClassVar[list[tuple[str, str, str | None]]] = []  # command, path, authorization

    def do_HEAD(self):
        self._answer(False)

    def do_GET(self):
        self._answer(True)

    def _answer(self, with_body):
        if not self.path.startswith("/org/"):  # the client's own questions, which differ between its versions
            return self._end(404, b"", {})
        self.asked.append((self.command, self.path, self.headers.get("Authorization")))
        _, org, model, _, revision, name = self.path.split("/")
        if (org, model) != ("org", "model"):
            return self._end(404, b"", {"X-Error-Code": "RepoNotFound"})
        if revision not in ("main", COMMIT):
            return self._end(404, b"", {"X-Error-Code": "RevisionNotFound", "X-Repo-Commit": COMMIT})
        if name not in self.files:
            return self._end(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        return self._end(200, self.files[name], {"X-Repo-Commit": COMMIT, "ETag": f'"{name}"'}, with_body)

    def _end(self, status, body, headers, with_body=True):
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_):
        pass


SESSION = """
import sys
from roberta.errors import RobertaError
from roberta.hub import Origin
from roberta.weights.folder import find_weights

origin = Origin("org/model", token="hf_secret", cache_dir=sys.argv[1])
print(origin.need("config.json").read_text())
print(find_weights(origin).read_bytes().decode())
print(origin.file("vocab.json"))
again = Origin("org/model", cache_dir=sys.argv[1], revision=origin._commit)
print(again.need("config.json").name, again.file("model.safetensors"), find_weights(again).name)
for name, revision in (("org/other", None), ("org/model", "v9")):
    try:
        Origin(name, cache_dir=sys.argv[1], revision=revision).file("config.json")
    except RobertaError as error:
        print(type(error).__name__, error)
"""


def test_only_the_files_that_are_needed_are_fetched_and_each_once(tmp_path, monkeypatch):
    FakeHub.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeHub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HF_HUB_OFFLINE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    try:
        done = subprocess.run(
            [sys.executable, "-c", SESSION, str(tmp_path)], capture_output=True, text=True, timeout=100, check=False
        )
    finally:
        server.shutdown()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        '{"model_type": "roberta"}',
        "weights",
        "None",
        "config.json None pytorch_model.bin",
        "CheckpointError org/other: no such folder, and no such repository on the hub or no access to it; "
        "check the spelling, or run: hf auth login",
        "CheckpointError org/model: no revision v9 in this repository of the hub; name a branch, tag or commit",
    ]
    fetched = [path.rsplit("/", 1)[1] for command, path, _ in FakeHub.asked if command == "GET"]
    assert fetched == ["config.json", "pytorch_model.bin"]
    assert all(token == "Bearer hf_secret" for _, path, token in FakeHub.asked if path.endswith("bin"))
    looked_for = [Path(path).name for _, path, _ in FakeHub.asked]
    assert looked_for.index("model.safetensors") < looked_for.index("pytorch_model.bin")
    assert looked_for.count("model.safetensors") == 1  # what one commit lacks it will always lack
    assert "hf_secret" not in done.stdout + done.stderr
