"""Gemfile.lock: sources, platforms, checksums, and what is direct."""

import pytest

from assay.errors import BadRecord
from assay.pipelines.packages.model import Inventory, Origin
from assay.pipelines.packages.sources.gemfile_lock import FORMAT

SHA256 = "00" * 32
SRI = f"sha256-{'A' * 43}="


def read(content: str) -> Inventory:
    return FORMAT.read("Gemfile.lock", content.encode())


LOCK = f"""\
GIT
  remote: https://git.example.org/mine.git
  revision: 0123456789abcdef0123456789abcdef01234567
  branch: main
  specs:
    mine (1.0.0)
      rack (>= 2.0)

PATH
  remote: engines/own
  specs:
    own (0.1.0)

PLUGIN SOURCE
  remote: https://plugins.example.org/
  type: special
  specs:
    plugged (1.0)

GEM
  remote: https://rubygems.org/
  specs:
    nokogiri (1.13.3)
      mini_portile2 (~> 2.8.0)
      racc (~> 1.4)
    nokogiri (1.13.3-x86_64-linux)
      racc (~> 1.4)
    mini_portile2 (2.8.0)
    racc (1.6.0)
    rack (2.2.3)
      bundler (>= 1.0)
    ffi (1.15.5-x64-mingw-ucrt)

GEM
  remote: https://gems.example.org/
  specs:
    secret (1.0.0.pre1)

PLATFORMS
  ruby
  x86_64-linux

DEPENDENCIES
  mine!
  nokogiri (~> 1.13)
  own!
  secret!

CHECKSUMS
  mine (1.0.0)
  nokogiri (1.13.3) sha256={SHA256}
  nokogiri (1.13.3-x86_64-linux) sha256={"11" * 32},sha512={"22" * 64}
  racc (1.6.0) sha256=short

RUBY VERSION
   ruby 3.1.2p20

BUNDLED WITH
   2.6.9
"""


def test_every_section():
    found = read(LOCK)
    packages = {package.key: package for package in found.packages}
    assert found.version == "2.6.9"
    assert found.faults == ()
    assert {key: package.origin for key, package in packages.items()} == {
        "mine@1.0.0": Origin.GIT,
        "own@0.1.0": Origin.PATH,
        "plugged@1.0": Origin.OTHER_REGISTRY,
        "nokogiri@1.13.3": Origin.REGISTRY,
        "mini_portile2@2.8.0": Origin.REGISTRY,
        "racc@1.6.0": Origin.REGISTRY,
        "rack@2.2.3": Origin.REGISTRY,
        "ffi@1.15.5": Origin.REGISTRY,
        "secret@1.0.0.pre1": Origin.OTHER_REGISTRY,
    }
    assert {package.name for package in found.packages if package.is_direct} == {
        "mine",
        "own",
        "nokogiri",
        "secret",
    }
    assert packages["mine@1.0.0"].commit == "0123456789abcdef0123456789abcdef01234567"
    assert packages["mine@1.0.0"].requires == ("rack@2.2.3",)
    assert packages["secret@1.0.0.pre1"].resolved == "https://gems.example.org/"


def test_the_platforms_of_a_version_are_one_package():
    nokogiri = next(package for package in read(LOCK).packages if package.name == "nokogiri")
    assert nokogiri.requires == ("mini_portile2@2.8.0", "racc@1.6.0")
    assert len(nokogiri.integrity) == 3
    assert nokogiri.integrity[0] == SRI
    assert nokogiri.place == "line 23"


def test_a_checksum_that_is_none_stays_as_it_is_written():
    racc = next(package for package in read(LOCK).packages if package.name == "racc")
    assert racc.integrity == ("sha256:short",)


def test_wrong_lines_are_named_and_the_others_stand():
    found = read("GEM\n  specs:\n      lost (1.0)\n    bare\n    a (1.0)\n\nDEPENDENCIES\n  a\n")
    assert [package.key for package in found.packages] == ["a@1.0"]
    assert [fault.place for fault in found.faults] == ["line 3", "line 4"]


def test_lines_and_names_that_would_take_too_long():
    many = "".join(f"    a (1.{number})\n      a (> 0)\n      b\n" for number in range(2_000))
    found = read(f"GEM\n  specs:\n    b (1.0)\n{many}    c ({' (' * 500}\n")
    assert len(found.packages) == 2_001
    # 2,000 versions of one gem that need each other would be 4 million edges.
    assert {package.requires for package in found.packages} == {(), ("b@1.0",)}
    assert [fault.place for fault in found.faults] == ["line 6004"]


def test_conflicts_and_other_files():
    with pytest.raises(BadRecord) as bad:
        read("GEM\n  specs:\n<<<<<<< ours\n    a (1.0)\n=======\n    a (2.0)\n>>>>>>> theirs\n")
    assert bad.value.reason == "merge-conflict"
    with pytest.raises(BadRecord) as bad:
        read("source 'https://rubygems.org'\ngem 'rails'\n")
    assert bad.value.reason == "not-gemfile-lock"
