"""How a package came in: the shortest chain of needs from a direct dependency."""

from collections import deque
from collections.abc import Mapping, Sequence

from assay.pipelines.packages.model import Package


def paths(packages: Sequence[Package]) -> Mapping[str, tuple[str, ...]]:
    """For each key that a direct dependency leads to: `name@version` of every package on the way, its own last.

    Where a file does not say what is direct, what no other package needs is: nothing else would have brought it in.
    """
    if not any(package.requires for package in packages):
        return {}
    by_key = {package.key: package for package in packages}
    needed = {need for package in packages for need in package.requires if need != package.key}
    above: dict[str, str | None] = {
        package.key: None
        for package in packages
        if package.is_direct or (package.is_direct is None and package.key not in needed)
    }
    waiting = deque(above)
    while waiting:
        key = waiting.popleft()
        for need in by_key[key].requires:
            if need in by_key and need not in above:
                above[need] = key
                waiting.append(need)
    found: dict[str, tuple[str, ...]] = {}
    # Breadth first: what is above a package has its path already.
    for key, parent in above.items():
        found[key] = (*(found[parent] if parent is not None else ()), _label(by_key[key]))
    return found


def _label(package: Package) -> str:
    return package.name if package.version is None else f"{package.name}@{package.version}"
