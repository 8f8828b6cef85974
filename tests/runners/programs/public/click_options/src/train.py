"""A command of a group of click, with a choice, a boolean and a text with a space."""

import click
import wandb


def metric(learning_rate, optimizer, amp, layers, note):
    value = learning_rate * 10 + {"sgd": 0.2, "adam": 0.1}[optimizer] + 0.05 * amp
    return value + layers / 100 + len(note) / 1e4


@click.group()
def cli():
    """Train."""


@cli.command()
@click.option("--learning-rate", type=float, required=True)
@click.option("--optimizer", type=click.Choice(["sgd", "adam"]), required=True)
@click.option("--amp", type=bool, required=True)
@click.option("--layers", default=1)
@click.option("--note", default="")
def fit(**values):
    """Log a loss that falls."""
    with wandb.init(project="click", config=values) as run:
        for epoch in range(3):
            run.log({"valid": {"loss": metric(**values) + 2 - epoch}})


if __name__ == "__main__":
    cli()
