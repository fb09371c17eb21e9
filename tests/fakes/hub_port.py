"""The port `Hub` without a network: repositories as in `tests.fakes.hub`, and failures on demand."""

from __future__ import annotations

from tests.fakes.hub import HubFile, Repository
from wan_healthd.domain.errors import HubUnreachable
from wan_healthd.domain.hub import RepoEntry, RepoTree
from wan_healthd.domain.source_ref import SourceRef


class FakeHub:
    """`asked` are the sources in order; while `failure` is set, it is what comes of asking."""

    def __init__(self, *repositories: Repository) -> None:
        self._repositories = {repository.name: repository for repository in repositories}
        self.asked: list[SourceRef] = []
        self.failure: HubUnreachable | None = None

    async def tree(self, ref: SourceRef) -> RepoTree:
        self.asked.append(ref)
        if self.failure is not None:
            raise self.failure
        repository = self._repositories.get(ref.repo)
        commit = None if repository is None else repository.resolve(ref.revision or "main")
        if repository is None or commit is None:
            raise HubUnreachable(f"cannot look up {ref}: there is no such thing", "correct it")
        return RepoTree(commit, tuple(_entry(file) for file in repository.commits[commit].values()))


def _entry(file: HubFile) -> RepoEntry:
    sha256 = file.sha256 if file.is_lfs else None
    return RepoEntry(file.path, len(file.content), file.blob_id, sha256, file.is_lfs)
