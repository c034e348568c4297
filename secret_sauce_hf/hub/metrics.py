"""Publishing a metric as a Space."""

from importlib.metadata import version

from secret_sauce_hf.cards.metric import metric_card
from secret_sauce_hf.cards.names import TAG
from secret_sauce_hf.hub.repository import CARD, Publication, RepositoryFile, look_at, publish
from secret_sauce_hf.instruments import InputError
from secret_sauce_hf.metrics.modules import MODULES, module_files


def publish_metric(
    name: str,
    repo: str,
    *,
    private: bool | None = None,
    tag: str | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
) -> Publication:
    """Publish a metric as a Space that `evaluate.load` fetches it from and that shows it in a browser.

    Args:
        name: one of `secret_sauce_hf.metrics.modules.MODULES`.
        repo: `ORG/NAME`.
        private: see `publish`, as for the others.
        tag: the revision that names this state; v and the package's version if None.
        overwrite: replace other content, and move the tag.
        dry_run: only say what would be done.

    Raises:
        InputError: there is no such metric, `evaluate` is not installed, and what `publish` raises.
    """
    if name not in MODULES:
        raise InputError(f"There is no metric {name!r}; there are {', '.join(MODULES)}.")
    if not repo.endswith(f"/{name}"):
        # `evaluate` looks for the file that is named like the repository.
        raise InputError(f"The Space of {name} must be called ORG/{name}, or evaluate.load will not find it.")
    # `evaluate` puts this letter before what it is given as a revision.
    tag = f"v{version('secret_sauce_hf')}" if tag is None else tag
    there = look_at(repo, "space", [TAG, name], tag=tag, overwrite=overwrite, dry_run=dry_run)
    files = [RepositoryFile(path, content) for path, content in module_files(name).items()]
    return publish(
        there,
        [RepositoryFile(CARD, metric_card(name, repo).encode()), *files],
        removable=lambda path: path.endswith(".py"),
        message=f"Publish {name} with secret_sauce_hf {version('secret_sauce_hf')}",
        private=private,
        overwrite=overwrite,
        dry_run=dry_run,
        space_sdk="gradio",
    )
