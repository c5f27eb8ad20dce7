"""Write docs/reference/openapi.json: what the web service can be asked, in OpenAPI's words.

    python tools/write_openapi.py

The description is made of the routes themselves; `tests/web/test_interface.py` fails while the two differ.
"""

import json
import tempfile
from pathlib import Path

from assay.bootstrap import build
from assay.settings import Settings
from assay.web.app import description

REFERENCE = Path(__file__).resolve().parents[1] / "docs" / "reference" / "openapi.json"


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory(prefix="assay-") as folder:
        home = Path(folder)
        home.chmod(0o755)
        with build(Settings(home=home)) as ctx:  # type: ignore[call-arg]  # the rest has defaults
            told = description(ctx)
    REFERENCE.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
