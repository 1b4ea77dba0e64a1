"""What can go wrong, one family. Each error is one sentence: what, where, what to do about it.

RobertaError
├── UsageError       arguments that do not fit together, or nothing to read
├── InputError       a record, text or array that cannot be answered (also a ValueError)
├── ReadError        an input file or stream that cannot be read or parsed
├── CheckpointError  a model that cannot be found, read, or does not fit the job (also an OSError)
├── ResourceError    out of memory, or a device that cannot be used
├── MissingExtra     an optional package is not installed
├── NetworkError     the network is needed and refused, or offline was asked for
└── CheckFailed      a comparison or a required score was missed

The command line alone knows the exit codes.
"""

import copyreg


class RobertaError(Exception):
    """Any error that the user can do something about."""

    def __reduce__(self):
        # With its sentence as it stands: some kinds make theirs from other arguments, which nobody keeps.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__


class UsageError(RobertaError):
    """Arguments that do not fit together, or nothing to read."""


class InputError(RobertaError, ValueError):
    """A record, text or array that cannot be answered.

    code: a short fixed word for programs, such as "no_mask" or "empty_text".
    """

    def __init__(self, message: str, *, code: str = "bad_input"):
        super().__init__(message)
        self.code = code


class ReadError(RobertaError):
    """An input file or stream that cannot be read or parsed."""


class CheckpointError(RobertaError, OSError):
    """A model that cannot be found, read, or does not fit the job."""


class ResourceError(RobertaError):
    """Out of memory, or a device that cannot be used."""


class MissingExtra(RobertaError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs the package {package}; install it with: pip install 'roberta[{extra}]'")


class NetworkError(RobertaError):
    """The network is needed and refused, or offline was asked for."""


class CheckFailed(RobertaError):
    """A comparison or a required score was missed."""
