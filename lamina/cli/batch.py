"""Several files after each other or at the same time: where results go, what may be replaced, and what is told.

`render`, `encode` and `decode` share it; each gives the work of one file.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

from lamina.cli.answers import DONE, INCOMPLETE, code_of, told
from lamina.cli.interruption import Interruption

BAR_FORMAT = "{desc} {bar} {percentage:3.0f} %  {remaining} left"
PIPE = Path("-")
"""Standard input or output in the place of a file."""


@dataclass(frozen=True)
class Job:
    """One file to be made of another."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Outcome:
    """What came of a file, in a line, and what was missing of its source, in a sentence.

    The sentence is empty where nothing was.
    """

    line: str
    trouble: str = ""


Work = Callable[[Job, Callable[[float], None], Callable[[], bool]], Outcome]
"""Makes a job's target. It calls the first function with the share done, 0 … 1, and the second before each block, and
stops when that says so.
"""


def add_file_options(parser: argparse.ArgumentParser, inputs: str, output: str) -> None:
    """Declare inputs, output, and how files are treated; `inputs` and `output` tell what they are."""
    parser.add_argument(
        "files",
        nargs="+",
        type=named_path,
        metavar="FILE",
        help=f"IN [IN …] OUT: {inputs}, then {output}. - stands for standard input or output",
    )
    parser.add_argument("-o", "--output", type=named_path, metavar="OUT", help="where to; every FILE is an input then")
    existing = add_replacing_options(parser)
    existing.add_argument("--skip-existing", action="store_true", help="leave out what has its result already")
    parser.add_argument(
        "-j", "--jobs", type=int, default=1, metavar="N", help="so many files at the same time (default %(default)s)"
    )
    add_talk_options(parser)


def add_replacing_options(parser: argparse.ArgumentParser) -> Any:
    """Declare what may be replaced; returns the group, in which one option excludes the others."""
    existing = parser.add_mutually_exclusive_group()
    existing.add_argument("-f", "--force", action="store_true", help="replace files that exist")
    existing.add_argument("--no-clobber", action="store_true", help="never replace a file, and never ask")
    return existing


def named_path(text: str) -> Path:
    """A path as it was written, in which only a lone - is a pipe: ./- is a file."""
    path = Path(text)
    return path.absolute() if path == PIPE and text != "-" else path


def add_talk_options(parser: argparse.ArgumentParser) -> None:
    """Declare how much is told."""
    talk = parser.add_mutually_exclusive_group()
    talk.add_argument("-q", "--quiet", action="store_true", help="tell nothing but what went wrong")
    talk.add_argument("-v", "--verbose", action="store_true", help="tell model, settings and delay too")


def inputs_and_output(options: argparse.Namespace) -> tuple[list[Path], Path]:
    """The files to read, and where to; raises ValueError if one of the two is missing."""
    if options.jobs < 1:
        raise ValueError(f"--jobs is {options.jobs}; it must be at least 1.")
    if options.output is not None:
        return options.files, options.output
    if len(options.files) < 2:
        raise ValueError(f"There is an input ({options.files[0]}), but no output. Name it last, or with -o.")
    return options.files[:-1], options.files[-1]


def jobs_of(
    inputs: list[Path],
    output: Path,
    suffix_of: Callable[[Path], str],
    known_suffixes: frozenset[str],
    check_target: Callable[[Path, Path], Path],
) -> list[Job]:
    """Which file goes where: one into a file of any name, several into a folder, which is made if it isn't there.

    Args:
        inputs, output: as the user gave them.
        suffix_of: that of a result in a folder, by its source.
        known_suffixes: those that results may have.
        check_target: returns a target that can be written, or raises ValueError.

    Raises ValueError where two inputs would share a target, or the output can't be what is needed, and of it
    NotWrittenError or AudioFileError for names and folders that the system refuses.
    """
    try:
        return _planned(inputs, output, suffix_of, known_suffixes, check_target)
    except OSError as error:
        from lamina.plugin.files.atomic import NotWrittenError
        from lamina.plugin.files.sound import AudioFileError

        name, why = error.filename or output, error.strerror or error
        if str(name) in map(str, inputs):
            raise AudioFileError(f"{name} can't be read: {why}.") from error
        raise NotWrittenError(f"{name} can't be written: {why}.") from error


def _planned(
    inputs: list[Path],
    output: Path,
    suffix_of: Callable[[Path], str],
    known_suffixes: frozenset[str],
    check_target: Callable[[Path, Path], Path],
) -> list[Job]:
    if PIPE in inputs and len(inputs) > 1:
        raise ValueError("- is standard input, which can be the only input.")
    if output == PIPE and len(inputs) > 1:
        raise ValueError("- is standard output, which takes one sound. Name a folder for several.")
    if output == PIPE or (len(inputs) == 1 and not output.is_dir() and output.suffix):
        return [Job(inputs[0], output if output == PIPE else check_target(output, inputs[0]))]
    if PIPE in inputs:
        raise ValueError(f"What comes from standard input needs a file to go to; {output} is none.")
    if output.suffix and not output.is_dir():
        raise ValueError(f"Several inputs need a folder to go to; {output} looks like a file.")
    if output.exists() and not output.is_dir():
        raise ValueError(
            f"{output} is a file; name a folder, or a file with one of the suffixes "
            f"{', '.join(sorted(known_suffixes))}."
        )
    targets: dict[Path, Path] = {}
    for source in inputs:
        target = output / (source.stem + suffix_of(source))
        if target in targets:
            raise ValueError(
                f"{targets[target]} and {source} would both be written to {target}. Send them into different folders."
            )
        targets[target] = source
    output.mkdir(parents=True, exist_ok=True)
    return [Job(source, check_target(target, source)) for target, source in targets.items()]


def without_existing(jobs: list[Job], options: argparse.Namespace) -> list[Job]:
    """The jobs to be done. What exists is replaced if the user says so, by option or when asked on a terminal.

    Raises NotWrittenError, before anything is written, if something exists and may not be replaced.
    """
    there = [job.target for job in jobs if job.target != PIPE and job.target.exists()]
    if there and options.skip_existing:
        for target in there:
            say(options, f"{target} exists already and is left as it is.")
        return [job for job in jobs if job.target not in there]
    check_replacing(there, options, "--force to replace, --skip-existing to leave out what is there, or another name")
    return jobs


def check_replacing(there: list[Path], options: argparse.Namespace, advice: str) -> None:
    """Raises NotWrittenError if files are there that may not be replaced: neither by option nor by an answer.

    Args:
        there: files that would be replaced.
        options: with `force` and `no_clobber`.
        advice: what the user may give instead.
    """
    from lamina.plugin.files.atomic import NotWrittenError

    if not there or options.force:
        return
    more = f", and {len(there) - 1} more" if len(there) > 1 else ""
    if options.no_clobber or not is_yes(f"{there[0]} exists already{more}. Replace? [y/N] "):
        raise NotWrittenError(f"{there[0]} exists already{more}. Nothing was written: give {advice}.")


def run_jobs(jobs: list[Job], work: Work, options: argparse.Namespace, interruption: Interruption) -> int:
    """Do them, `options.jobs` at the same time; returns the command's exit code.

    Raises as `interruption.check` does, at the next block at the latest, once the command was told to end.

    A lone job raises what stops it. Of several one bad file doesn't lose the others: what stops it is told.
    """
    stop = threading.Event()
    codes: list[int] = []

    def is_over() -> bool:
        interruption.check()
        return stop.is_set()

    run = _each if options.jobs == 1 or len(jobs) == 1 else _together
    with contextlib.closing(run(jobs, work, options, stop, is_over)) as outcomes:
        for job, outcome in outcomes:
            if isinstance(outcome, BaseException):
                # Who reads the results is gone: nobody waits for the rest.
                if len(jobs) == 1 or isinstance(outcome, BrokenPipeError):
                    raise outcome
                print(told(outcome), file=sys.stderr)
                codes.append(code_of(outcome))
                continue
            if outcome.trouble:
                print(f"lamina: {job.source}: {outcome.trouble}", file=sys.stderr)
                codes.append(INCOMPLETE)
            say(options, outcome.line, job.target == PIPE)
    failed = [code for code in codes if code != INCOMPLETE]
    if failed:
        print(f"lamina: {len(failed)} of {len(jobs)} files failed; the reasons stand above.", file=sys.stderr)
        return failed[0]
    return INCOMPLETE if codes else DONE


def say(options: argparse.Namespace, line: str, aside: bool = False) -> None:
    """Print a line unless the user wants it quiet; `aside`, on stderr, where standard output carries sound."""
    if not options.quiet and line:
        print(line, file=sys.stderr if aside else sys.stdout)


def pipe_of(stream: Any, name: str) -> BinaryIO:
    """The bytes of a standard stream; raises AudioFileError if it is closed or a terminal."""
    from lamina.plugin.files.sound import AudioFileError, TargetError

    kind = AudioFileError if name.endswith("input") else TargetError
    if stream is None:
        raise kind(f"{name} is closed.")
    if stream.isatty():
        raise kind(f"{name} is a terminal, which is no place for sound. Connect a program or a file: | or < or >.")
    pipe: BinaryIO = stream.buffer
    return pipe


@contextlib.contextmanager
def new_folders(output: Path) -> Iterator[None]:
    """Takes folders away again that were made for results and got none."""
    missing = []
    with contextlib.suppress(OSError):  # of a name that the system refuses nothing is made
        missing = [folder for folder in (output, *output.parents) if not folder.exists()]
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()


def progress_bar(options: argparse.Namespace, description: str, is_hidden: bool = False) -> Any:
    """Show progress as a bar on stderr.

    Without a terminal to draw on there is none; with stderr closed there is not even a place to ask.
    """
    from tqdm import tqdm

    hidden = True if is_hidden or options.quiet or sys.stderr is None else None
    return tqdm(total=100, desc=description, bar_format=BAR_FORMAT, disable=hidden)


def advance(bar: Any, share: float) -> None:
    """Move a bar to the share done, 0 … 1."""
    bar.update(round(share * 100) - bar.n)


Results = Generator[tuple[Job, "Outcome | Exception"], None, None]


def _each(
    jobs: list[Job], work: Work, options: argparse.Namespace, _stop: threading.Event, is_over: Callable[[], bool]
) -> Results:
    for job in jobs:
        try:
            # How long a pipe will be, nobody knows.
            with progress_bar(options, job.source.name, job.source == PIPE) as bar:
                outcome = work(job, partial(advance, bar), is_over)
        except (ValueError, OSError) as error:
            yield job, error
        else:
            yield job, outcome


def _together(
    jobs: list[Job], work: Work, options: argparse.Namespace, stop: threading.Event, is_over: Callable[[], bool]
) -> Results:
    """Threads do: whatever takes time here lets other threads run meanwhile."""
    shares = [0.0] * len(jobs)
    with progress_bar(options, f"{len(jobs)} files") as bar, ThreadPoolExecutor(options.jobs) as pool:

        def follow(index: int, share: float) -> None:
            shares[index] = share
            with bar.get_lock():
                advance(bar, sum(shares) / len(shares))

        waiting = {
            pool.submit(work, job, partial(follow, index), is_over): (index, job) for index, job in enumerate(jobs)
        }
        try:
            for done in as_completed(waiting):
                index, job = waiting[done]
                follow(index, 1.0)
                error = done.exception()
                if error is not None and not isinstance(error, ValueError | OSError):
                    raise error
                yield job, error if isinstance(error, Exception) else done.result()
        finally:
            # Whatever ends the command, Ctrl-C too: what runs stops at its next block and leaves nothing.
            stop.set()
            pool.shutdown(cancel_futures=True)


def is_yes(question: str) -> bool:
    """Ask on the terminal; no without one."""
    if sys.stdin is None or sys.stderr is None or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(question, end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
