"""Where a service is reached: what the settings say, else what runs, else what would run."""

import os
import subprocess
import sys

import pytest

from assay.cli.served import public_url, reachable, served_at, told
from assay.settings import Settings


def settings(home, **given) -> Settings:
    return Settings(home=home, **given)


def test_links_lead_to_the_service_that_runs(tmp_path):
    chosen = settings(tmp_path, web_port=8080)
    assert public_url(chosen) == "http://127.0.0.1:8080/"
    with told(tmp_path, "http://127.0.0.1:40123/"):
        assert public_url(chosen) == "http://127.0.0.1:40123/"
        assert public_url(chosen, "http://127.0.0.1:9/") == "http://127.0.0.1:9/"
    assert served_at(tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_what_the_settings_say_comes_first(tmp_path):
    chosen = settings(tmp_path, web_public_url="https://assay.example.org")
    with told(tmp_path, "http://127.0.0.1:40123/"):
        assert public_url(chosen) == "https://assay.example.org"


def test_who_was_killed_serves_nothing(tmp_path):
    script = (
        "import os, pathlib, signal, sys\n"
        "from assay.cli.served import told\n"
        "with told(pathlib.Path(sys.argv[1]), 'http://127.0.0.1:40123/'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, os.fspath(tmp_path)], check=False)
    assert list(tmp_path.iterdir())
    assert served_at(tmp_path) is None


def test_another_service_that_started_since_keeps_its_address(tmp_path):
    with told(tmp_path, "http://127.0.0.1:40123/"):
        other = told(tmp_path, "http://127.0.0.1:40124/")
        other.__enter__()
    assert served_at(tmp_path) == "http://127.0.0.1:40124/"
    other.__exit__(None, None, None)
    assert served_at(tmp_path) is None


def test_a_file_that_is_not_ours_says_nothing(tmp_path):
    (tmp_path / "served.json").write_text("half of")
    assert served_at(tmp_path) is None


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8080/"),
        ("::", "http://[::1]:8080/"),
        ("assay.example.org", "http://assay.example.org:8080/"),
    ],
)
def test_every_address_is_reached_at_one(tmp_path, host, url):
    assert public_url(settings(tmp_path, web_host=host, web_port=8080)) == url
    assert reachable(url) == url
