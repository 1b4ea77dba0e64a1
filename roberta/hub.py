"""Where a checkpoint's files lie: a folder, or a repository of the hub. A folder never touches the network."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roberta.errors import CheckpointError, NetworkError, ResourceError, UsageError
from roberta.spelling import near_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ID = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9_][\w.-]*", re.ASCII)
_ID_LIMIT = 96  # characters, the hub's own limit
_YES = {"1", "ON", "YES", "TRUE"}  # as huggingface_hub reads its switches
# Keywords of from_pretrained that mean nothing here: downloads always resume, and no code of a checkpoint is ever run.
_WITHOUT_EFFECT = ("resume_download", "trust_remote_code")


class Origin:
    """Where the files of one checkpoint lie: a folder, or a repository of the hub.

    name: a folder; a file, whose folder is meant (`chosen` is its name then); or a hub id such as "roberta-base" or
        "FacebookAI/roberta-base". What exists on disk is never looked for on the hub, and what is spelt like a path
        (absolute, starting with . or ~, or with more than one /) is never taken for a hub id.
    revision: branch, tag or commit of the repository; all files come from the one commit that it meant at first.
    token: the access token of a private or gated repository; None: the one that `hf auth login` stored; False: none.
    cache_dir: the folder of downloads, in place of the hub's usual one.
    local_files_only: use what was downloaded before, as with HF_HUB_OFFLINE=1 in the environment.
    force_download: fetch files anew even when they are in the cache.
    subfolder: the part of the folder or repository that holds the checkpoint.
    adapter: a folder, a hub id or an origin: what was trained beside the checkpoint and is merged into its weights.

    >>> Origin("checkpoints/my-model").need("config.json")
    PosixPath('checkpoints/my-model/config.json')

    Raises CheckpointError: a path that does not exist, or a name that is neither a path nor a hub id.
    """

    def __init__(
        self,
        name: str | os.PathLike,
        *,
        revision: str | None = None,
        token: str | bool | None = None,
        cache_dir: str | os.PathLike | None = None,
        local_files_only: bool = False,
        force_download: bool = False,
        subfolder: str = "",
        adapter: str | os.PathLike | Origin | None = None,
    ):
        self.name = os.fspath(name)
        self.revision = revision
        self.cache_dir = cache_dir
        self.local_files_only = local_files_only
        self.force_download = force_download
        self.subfolder = _plain_subfolder(subfolder)
        self.chosen: str | None = None
        self._token = token
        self.adapter = adapter if adapter is None or isinstance(adapter, Origin) else self._beside(adapter)
        self._commit: str | None = None  # of the first file that came from the hub
        self._unreachable = False
        self._folder = self._find_folder()

    @classmethod
    def split(
        cls, name: str | os.PathLike | Origin, arguments: Mapping[str, Any] | None = None
    ) -> tuple[Origin, dict[str, Any]]:
        """Take what says where to look out of keyword arguments: an Origin, and the arguments that are left.

        The documented spelling `use_auth_token` means `token`; `resume_download` and `trust_remote_code` are taken out
        and have no effect. `name` may be an Origin already; arguments beside it replace its own.

        >>> Origin.split("roberta-base", {"revision": "main", "num_labels": 3})
        (Origin('roberta-base@main'), {'num_labels': 3})

        Raises UsageError: `proxies`, which the hub's client no longer takes.
        """
        others = dict(arguments or {})
        if others.pop("proxies", None):
            raise UsageError("proxies cannot be given here; set the environment variable HTTPS_PROXY")
        for word in _WITHOUT_EFFECT:
            others.pop(word, None)
        own = {word: others.pop(word) for word in _KEYWORDS if word in others}
        old_token = others.pop("use_auth_token", None)
        if old_token is not None and own.get("token") is None:
            own["token"] = old_token
        given = {word: value for word, value in own.items() if value is not None}
        if not isinstance(name, Origin):
            return cls(name, **given), others
        if not given:
            return name, others
        return cls(name.name, **({word: getattr(name, place) for word, place in _KEYWORDS.items()} | given)), others

    @property
    def is_local(self) -> bool:
        """Whether this is a folder on disk; the other kind is a repository of the hub."""
        return self._folder is not None

    @property
    def folder(self) -> Path | None:
        """The folder on disk, subfolder included; None for a repository of the hub."""
        return self._folder

    @property
    def commit(self) -> str | None:
        """The commit that all files come from; None for a folder, and until the first file came from the hub."""
        return self._commit

    def file(self, name: str) -> Path | None:
        """The path of the file `name`, fetched if need be; None when the checkpoint has no such file.

        Offline, a repository that was fetched before is taken to hold just the files that were fetched.

        Raises CheckpointError: no such repository or revision, or no access to it. NetworkError: nothing of it was
        fetched before, and the hub cannot be reached or must not be.
        """
        if os.sep in name or "/" in name or name in ("", ".", ".."):
            raise CheckpointError(f"{self}: {name!r} is not a plain file name")
        if self._folder is not None:
            path = self._folder / name
            try:
                return path if path.is_file() else None
            except OSError as error:
                raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from None
        return self._fetch(name)

    def need(self, *names: str, remedy: str = "") -> Path:
        """The first of these files that exists.

        remedy: what the user can do when there is none, in place of the general advice.

        Raises as `file` does, and CheckpointError (offline: NetworkError) when there is none of them.
        """
        for name in names:
            path = self.file(name)
            if path is not None:
                return path
        lacking = f"no {names[0]}" if len(names) == 1 else "none of " + ", ".join(names)
        if self._folder is not None:
            there = self.names()
            held = ", ".join(there[:8]) + (f" and {len(there) - 8} more" if len(there) > 8 else "") or "no files"
            raise CheckpointError(
                f"{self}: {lacking} in this folder, which holds {held}; {remedy or 'name the folder of a saved model'}"
            )
        if self._offline():
            raise NetworkError(
                f"{self}: {lacking} among the files fetched before, and {self._why_offline()}; "
                f"{self._way_online()}, or name a folder"
            )
        raise CheckpointError(f"{self}: {lacking} in this repository of the hub; {remedy or 'name another repository'}")

    def names(self) -> list[str]:
        """The names of the files that are there, for messages; nothing is fetched, and a silent hub gives none."""
        if self._folder is not None:
            return sorted(entry.name for entry in os.scandir(self._folder) if entry.is_file())
        if self._offline():
            return []
        try:
            from huggingface_hub import HfApi

            listed = HfApi(token=self._token).list_repo_files(self.name, revision=self._commit or self.revision)
        except Exception:  # whatever is wrong here, the message that this serves is about something else
            return []
        start = f"{self.subfolder}/" if self.subfolder else ""
        return sorted(name[len(start) :] for name in listed if name.startswith(start) and "/" not in name[len(start) :])

    def __str__(self) -> str:
        place = f"{self.name}@{self.revision}" if self.revision and not self.is_local else self.name
        return f"{place.rstrip('/')}/{self.subfolder}" if self.subfolder else place

    def __repr__(self) -> str:
        return f"Origin({str(self)!r})"  # never the token

    def _beside(self, adapter: str | os.PathLike) -> Origin:
        """An adapter, looked for in the same way; a revision is that of the checkpoint alone."""
        return Origin(
            adapter,
            token=self._token,
            cache_dir=self.cache_dir,
            local_files_only=self.local_files_only,
            force_download=self.force_download,
        )

    def _find_folder(self) -> Path | None:
        """The folder that the name means, or None when it is a hub id."""
        path = Path(self.name).expanduser()
        try:
            found_file, found_folder = path.is_file(), bool(self.name) and path.is_dir()  # "" would be this folder
        except (OSError, ValueError):  # a name too long, or with a NUL
            found_file = found_folder = False
        if found_file:
            self.chosen = path.name
            path = path.parent
        elif not found_folder:
            if _looks_like_a_path(self.name):
                advice = self._did_you_mean("check its spelling, or name a hub id: org/name")
                raise CheckpointError(f"{self.name}: no such folder; {advice}")
            if len(self.name) > _ID_LIMIT or not _ID.fullmatch(self.name) or "--" in self.name or ".." in self.name:
                raise CheckpointError(
                    f"{self.name!r} is neither a folder nor a hub id; name a folder, or an id such as org/name"
                )
            return None
        path /= self.subfolder
        if not path.is_dir():
            raise CheckpointError(f"{self.name}: no subfolder {self.subfolder} in this folder; check its spelling")
        return path

    def _fetch(self, name: str) -> Path | None:
        from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
        from huggingface_hub import errors as hub_errors

        revision = self._commit or self.revision
        inside = f"{self.subfolder}/{name}" if self.subfolder else name
        if self._commit and not self.force_download:
            known = try_to_load_from_cache(self.name, inside, cache_dir=self.cache_dir, revision=revision)
            if known is _CACHED_NO_EXIST:
                return None
        try:
            with _quiet_client():
                path = hf_hub_download(
                    self.name,
                    inside,
                    revision=revision,
                    token=self._token,
                    cache_dir=self.cache_dir,
                    local_files_only=self._offline(),
                    force_download=self.force_download and not self._offline(),
                )
        except hub_errors.LocalEntryNotFoundError:
            self._unreachable = True  # or it was told to stay offline, which it will be again
            if self._snapshot() is None:
                raise NetworkError(self._not_here(self._why_offline(), self._way_online())) from None
            return None
        except hub_errors.EntryNotFoundError:
            return None
        except hub_errors.GatedRepoError:
            raise CheckpointError(
                f"{self}: this repository is gated; ask for access on its page on the hub, then run: hf auth login"
            ) from None
        except hub_errors.RevisionNotFoundError:
            raise CheckpointError(
                f"{self.name}: no revision {self.revision} in this repository of the hub; name a branch, tag or commit"
            ) from None
        except hub_errors.RepositoryNotFoundError:
            raise CheckpointError(
                f"{self.name}: no such folder, and no such repository on the hub or no access to it; "
                "check the spelling, or run: hf auth login"
            ) from None
        except hub_errors.HFValidationError:
            raise CheckpointError(f"{self.name!r} is not a hub id; name a folder, or an id such as org/name") from None
        except Exception as error:  # the client's transport has changed before: requests, now httpx
            raise self._failed(error) from None
        found = Path(path)
        self._commit = self._commit or _commit_of(found, inside)
        return found

    def _snapshot(self) -> Path | None:
        """The folder of the files fetched before for this revision, if there are any."""
        from huggingface_hub import constants

        cache = Path(self.cache_dir or constants.HF_HUB_CACHE).expanduser()
        repository = cache / ("models--" + self.name.replace("/", "--"))
        commit = self._commit or self.revision or "main"
        reference = repository / "refs" / commit
        if reference.is_file():
            commit = reference.read_text(encoding="utf-8").strip()
        folder = repository / "snapshots" / commit
        return folder if folder.is_dir() else None

    def _offline(self) -> bool:
        return self.local_files_only or self._unreachable or _offline_by_environment()

    def _why_offline(self) -> str:
        if self.local_files_only:
            return "offline was asked for"
        if _offline_by_environment():
            return "HF_HUB_OFFLINE is set"
        return "the hub cannot be reached"

    def _way_online(self) -> str:
        if self.local_files_only:
            return "fetch it once online"
        if _offline_by_environment():
            return "unset HF_HUB_OFFLINE to fetch it"
        return "check the network and its proxy settings"

    def _not_here(self, why: str, way: str) -> str:
        return (
            f"{self}: no such folder, and as a repository of the hub it was never fetched before while {why}; "
            f"{self._did_you_mean(f'{way}, or name a folder')}"
        )

    def _did_you_mean(self, otherwise: str) -> str:
        """What to do about a name that is no folder on disk."""
        close = near_path(Path(self.name).expanduser())
        return otherwise if close is None else f"did you mean {close}?"

    def _failed(self, error: Exception) -> Exception:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ResourceError(f"{self}: no space left to store the download; free some, or name another cache_dir")
        if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            return CheckpointError(f"{self}: the cache cannot be written ({error.strerror}); name a cache_dir")
        return NetworkError(
            f"{self}: the download from the hub failed ({type(error).__name__}); {self._way_online()}, or name a folder"
        )


# Keyword -> attribute that keeps it.
_KEYWORDS = {
    "revision": "revision",
    "token": "_token",
    "cache_dir": "cache_dir",
    "local_files_only": "local_files_only",
    "force_download": "force_download",
    "subfolder": "subfolder",
    "adapter": "adapter",
}


def _looks_like_a_path(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or name.endswith("/") or "\\" in name


def _plain_subfolder(subfolder: str) -> str:
    parts = [part for part in subfolder.split("/") if part not in ("", ".")]
    if ".." in parts or subfolder.startswith("/") or "\\" in subfolder:
        raise CheckpointError(f"subfolder {subfolder!r} leaves the checkpoint; name one below it")
    return "/".join(parts)


def _commit_of(path: Path, inside: str) -> str | None:
    """The commit in .../snapshots/<commit>/<inside>."""
    folder = path.parents[inside.count("/")]
    return folder.name if folder.parent.name == "snapshots" else None


def _offline_by_environment() -> bool:
    """What the environment says now; huggingface_hub looks only once, when it is imported."""
    return any(os.environ.get(word, "").upper() in _YES for word in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


@contextlib.contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep the hub client's warnings (each retry, with its traceback) from the user; our one sentence says the same."""
    logger = logging.getLogger("huggingface_hub")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
