"""What templates may call."""

import pytest

from assay.web.rendering import told


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (
            "see `assay jobs list`, `assay alerts`",
            "see <code>assay jobs list</code>, <code>assay alerts</code>",
        ),
        ("a lone ` stays", "a lone ` stays"),
        ("`<b>` & <script>", "<code>&lt;b&gt;</code> &amp; &lt;script&gt;"),
        ("`a\x1b[2J`", "<code>a\\x1b[2J</code>"),
    ],
)
def test_commands_stand_as_code_and_nothing_else_becomes_markup(text, html):
    assert str(told(text)) == html
