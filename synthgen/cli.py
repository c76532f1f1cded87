"""The command line: its group, and the commands in the order of use. Imports nothing heavy."""

from __future__ import annotations

import click

from synthgen import __version__
from synthgen.commands import options
from synthgen.commands.datasets import check, preview, replay, run, validate
from synthgen.commands.evaluating import evaluate
from synthgen.commands.group import Commands
from synthgen.commands.learning import pairs, train
from synthgen.commands.measuring import bench, score
from synthgen.commands.pipelines import calibrate, init, schema


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="synthgen")
@click.option("--debug", is_flag=True, help="Show Python tracebacks of errors.")
def cli(debug: bool) -> None:
    """Labelled image datasets for robot perception, from meshes, photographs and one YAML file.

    \b
    Start here:
      synthgen run smoke                      a tiny dataset, in seconds
      synthgen preview grasping               a contact sheet, before a long run
      synthgen run grasping --count 2000      a table-top dataset in ./out/grasping
      synthgen init grasping my_cell.yaml     a pipeline of your own to edit

    \b
    Exit codes: 0 done, 1 a bug of ours, 2 your input, 3 a check failed,
    4 incomplete, 5 disk, scheduler or permission, 130/143 interrupted.
    """


@click.command(short_help="Print a shell completion script.")
@options.shell
def completion(shell: str) -> None:
    """Print the script that teaches a shell to complete synthgen's commands, options, pipelines and keys.

    \b
    Examples:
      synthgen completion bash > ~/.local/share/bash-completion/completions/synthgen
      synthgen completion zsh  > ~/.zfunc/_synthgen
      synthgen completion fish > ~/.config/fish/completions/synthgen.fish
    """
    from click.shell_completion import get_completion_class

    script = get_completion_class(shell)
    if script is None:  # click knows all three
        raise click.UsageError(f"{shell} is not supported; allowed: bash, zsh, fish.")
    click.echo(script(cli, {}, "synthgen", "_SYNTHGEN_COMPLETE").source())


COMMANDS: tuple[click.Command, ...] = (
    *(run, pairs, preview, check, validate, replay, schema, init),
    *(calibrate, bench, evaluate, train, score, completion),
)
for command in COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Entry point of the ``synthgen`` command."""
    cli(prog_name="synthgen")


if __name__ == "__main__":
    main()
