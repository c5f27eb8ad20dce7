"""What the pipeline can show: runs (`runs`), their files (`files`), and the layers from which everything else is
resolved (`layers`).
"""

from assay.pipelines.configs.queries.files import (
    ConfCount,
    ConfFile,
    FilePart,
    Folder,
    count_settings,
    get_file,
    list_confs,
    list_files,
    list_folder,
    list_folders,
    list_lookups,
    load_file,
    search,
)
from assay.pipelines.configs.queries.layers import (
    INSTANCE,
    META,
    View,
    list_names,
    load_files,
    load_layers,
)
from assay.pipelines.configs.queries.runs import (
    complete_run,
    find_run,
    get_run,
    list_apps,
    list_documented,
    list_objects,
    list_problems,
    list_runs,
)

__all__ = [
    "INSTANCE",
    "META",
    "ConfCount",
    "ConfFile",
    "FilePart",
    "Folder",
    "View",
    "complete_run",
    "count_settings",
    "find_run",
    "get_file",
    "get_run",
    "list_apps",
    "list_confs",
    "list_documented",
    "list_files",
    "list_folder",
    "list_folders",
    "list_lookups",
    "list_names",
    "list_objects",
    "list_problems",
    "list_runs",
    "load_file",
    "load_files",
    "load_layers",
    "search",
]
