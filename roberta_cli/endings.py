"""How a run ends: an exit code, a contract with scripts, and at most one sentence on stderr."""

import contextlib
import errno
import os
import signal
import sys
import traceback
from collections.abc import Callable
from enum import IntEnum

import typer
from typer._click.core import ParameterSource  # Typer carries its own Click
from typer._click.exceptions import BadParameter, MissingParameter, NoSuchOption
from typer._click.exceptions import UsageError as ParseError

from roberta import errors


class ExitCode(IntEnum):
    """What the exit status of `roberta` says; `meaning` is what the manual says of it."""

    meaning: str

    def __new__(cls, value: int, meaning: str):
        code = int.__new__(cls, value)
        code._value_, code.meaning = value, meaning
        return code

    ANSWERED = 0, "all records answered"
    RECORD_FAILED = 1, "a record failed"
    WRONG_USE = 2, "wrong use: an unknown flag, an impossible combination, nothing to read"
    UNREADABLE_INPUT = 3, "an input file or stream cannot be read or parsed"
    NO_MODEL = 4, "the model cannot be found, read, or does not fit the command"
    NO_RESOURCES = 5, "out of memory, or a device or the output cannot be used"
    MISSING_EXTRA = 6, "an optional package is missing; the install command is printed"
    NO_NETWORK = 7, "the network is needed, and refused or offline"
    CHECK_FAILED = 8, "a check failed"
    BUG = 70, "a fault of ours: one sentence, and `--debug`"
    INTERRUPTED = 130, "Ctrl-C"
    CLOSED_PIPE = 141, "a closed pipe (silent)"
    TERMINATED = 143, "SIGTERM"


_CODE_OF = {
    errors.UsageError: ExitCode.WRONG_USE,
    errors.InputError: ExitCode.RECORD_FAILED,
    errors.ReadError: ExitCode.UNREADABLE_INPUT,
    errors.CheckpointError: ExitCode.NO_MODEL,
    errors.ResourceError: ExitCode.NO_RESOURCES,
    errors.MissingExtra: ExitCode.MISSING_EXTRA,
    errors.NetworkError: ExitCode.NO_NETWORK,
    errors.CheckFailed: ExitCode.CHECK_FAILED,
}
_OUTPUT_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Terminated(BaseException):
    """SIGTERM arrived. Not an Exception, so that no handler of ordinary errors takes it for one."""


def end(action: Callable[[], None], wants_traceback: Callable[[], bool] = lambda: False) -> ExitCode:
    """Run `action`, let what it wrote go out, and say how it ended.

    wants_traceback: asked once there is an error to tell.
    """
    code = ExitCode.ANSWERED
    try:
        try:
            action()
        except typer.Exit as early:  # after help and the version
            code = ExitCode(early.exit_code)
        sys.stdout.flush()
        return code
    except BaseException as error:
        code, sentence = _ending(error)
        if sentence and wants_traceback():
            traceback.print_exception(error)
        _settle_stdout()
        if sentence:
            print("error:", sentence.replace("\n", " "), file=sys.stderr)
        return code


def raise_on_sigterm() -> None:
    """From now on SIGTERM unwinds the program as Ctrl-C does."""

    def terminate(number, frame):
        raise Terminated

    signal.signal(signal.SIGTERM, terminate)


def _ending(error: BaseException) -> tuple[ExitCode, str]:
    """The exit code, and the sentence for stderr if there is something to say."""
    match error:
        case ParseError():
            return ExitCode.WRONG_USE, _parse_sentence(error)
        case errors.RobertaError():
            return next(_CODE_OF[kind] for kind in type(error).__mro__ if kind in _CODE_OF), str(error)
        case KeyboardInterrupt():
            return ExitCode.INTERRUPTED, ""
        case Terminated():
            return ExitCode.TERMINATED, ""
        case BrokenPipeError():
            return ExitCode.CLOSED_PIPE, ""
        case SystemExit() if isinstance(error.__context__, BrokenPipeError):  # rich, writing help into a closed pipe
            return ExitCode.CLOSED_PIPE, ""
        case MemoryError():
            return ExitCode.NO_RESOURCES, "out of memory; give fewer or shorter texts, or a smaller model"
        case OSError() if error.errno in _OUTPUT_FULL:
            return ExitCode.NO_RESOURCES, f"the output cannot be written ({error.strerror})"
    what = f"{type(error).__name__}: {error}".removesuffix(": ")
    return ExitCode.BUG, f"a fault in roberta itself ({what}); --debug shows where, please report it"


def _parse_sentence(error: ParseError) -> str:
    """Typer's complaint about the arguments, as one sentence that ends in what to do.

    "Invalid value for '--top' / '-k': 0 is below 1." becomes "--top: 0 is below 1; see roberta fill-mask --help".
    """
    program = error.ctx.command_path if error.ctx else "roberta"
    if isinstance(error, NoSuchOption):
        problem = f"no such option {error.option_name}"
        if near := _near(error):
            return f"{problem}; did you mean {' or '.join(near)}?"
        return f"{problem}; {_how_to_use(error, program)}"
    problem = error.message if isinstance(error, BadParameter) else error.format_message()
    problem = problem.removeprefix("Value error, ").rstrip(".")
    if not problem.startswith("'"):
        problem = problem[:1].lower() + problem[1:]
    if isinstance(error, MissingParameter) and error.param is not None and not problem:
        problem = f"{error.param.metavar or _place(error)} is missing"
    elif isinstance(error, BadParameter) and error.param is not None:
        problem = f"{_place(error)}: {problem}"
    return problem if problem.endswith("?") else f"{problem}; see {program} --help"


def _near(error: NoSuchOption) -> list[str]:
    """The flags that were probably meant. Typer's guess counts the dashes too, which makes all short names alike."""
    from difflib import get_close_matches  # only on the way to an error

    bare = {name.lstrip("-"): name for name in error.possibilities or ()}
    return sorted(bare[name] for name in get_close_matches(error.option_name.lstrip("-"), bare, cutoff=0.55))


def _how_to_use(error: NoSuchOption, program: str) -> str:
    """Where texts are taken, what looked like a flag may be one; elsewhere what stands in its place is named, such as
    the [MODEL] of `roberta info`, since other commands have a flag for it."""
    arguments = [one for one in error.ctx.command.params if one.param_type_name == "argument"] if error.ctx else []
    taken = [one.metavar if one.required else f"[{one.metavar}]" for one in arguments]
    if not taken or taken == ["[TEXT]"]:
        return f"see {program} --help, or write -- before a text that begins with a dash"
    return f"use it as {program} {' '.join(taken)}, and see {program} --help"


def _place(error: BadParameter) -> str:
    """The flag with the value that was refused, or where that value was configured."""
    source = error.ctx.get_parameter_source(error.param.name) if error.ctx else None
    if source is ParameterSource.DEFAULT_MAP:
        return error.ctx.default_map.settings[error.param.name][0].origin
    return max(error.param.opts, key=len)


def _settle_stdout() -> None:
    """Let finished results go out; what cannot go out must not raise once more while Python exits."""
    try:
        sys.stdout.flush()
    except OSError:
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
