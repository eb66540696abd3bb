"""Print a script that makes a shell complete commands and options."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print a script that makes a shell complete commands and options.

    \b
    Examples:
      connector completion bash > ~/.local/share/bash-completion/completions/connector
      connector completion zsh > "${fpath[1]}/_connector"
      connector completion fish > ~/.config/fish/completions/connector.fish
    """  # noqa: D301 - click keeps the lines behind this mark as they are
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - needed here only

    made = get_completion_class(shell)
    if made is None:  # the argument allows no other shell
        message = f"no completion for {shell}"
        raise click.ClickException(message)
    root = ctx.find_root().command
    complete = made(root, {}, "connector", "_CONNECTOR_COMPLETE")
    click.echo(complete.source_template % complete.source_vars())
