"""The whole listing, letter by letter, of a tree that holds every situation whose outcome was observed on Splunk 9.4.

Research: "btool output", and the public set of eight cases that a project measured its reading of it with; that set and
its listing agree with this reading in every byte, too.
"""

from assay.domain.splunk.btool import listing
from assay.domain.splunk.conf import read
from assay.domain.splunk.layers import Layer, ordered, resolve
from assay.domain.splunk.places import locate

TREE = {
    # What Splunk ships: a comment that is none, text behind a header, blanks and a backslash at the ends of values.
    "etc/system/default/stores.conf": (
        "; a comment\n[cellar] and more\nshelf = oak   \n   # not a setting = here\npath = C:\\ \n[hall]\nlamp = gas\n"
    ),
    "etc/system/local/stores.conf": "[hall]\nlamp = electric\n",
    # Of two apps the first name in ASCII order wins; `local` of any app beats `default` of every app.
    "etc/apps/10_house/local/stores.conf": "[hall]\nlamp = oil\ncarpet = red\n[attic]\nnote = one \\\ntwo\n",
    "etc/apps/garden/local/stores.conf": (
        "[default]\nopen = yes\n[hall]\ncarpet = green\n[attic]\nkey = brass\n[shed]\nopen = yes\n"
    ),
    # A stanza that comes twice is one, and the last word of a file counts.
    "etc/apps/garden/default/stores.conf": "[pond]\nfish = 1\ndeep = no\n[attic]\nkey = iron\n[pond]\nfish = 2\n",
    # What stands before any header belongs to [default].
    "etc/apps/10_house/default/stores.conf": "owner = nobody\n",
}
LISTING = """\
/opt/splunk/etc/apps/10_house/local/stores.conf   [attic]
/opt/splunk/etc/apps/garden/local/stores.conf     key = brass
/opt/splunk/etc/apps/10_house/local/stores.conf   note = one\x20
two
/opt/splunk/etc/apps/garden/local/stores.conf     open = yes
/opt/splunk/etc/apps/10_house/default/stores.conf owner = nobody
/opt/splunk/etc/system/default/stores.conf        [cellar]
/opt/splunk/etc/apps/garden/local/stores.conf     open = yes
/opt/splunk/etc/apps/10_house/default/stores.conf owner = nobody
/opt/splunk/etc/system/default/stores.conf        path = C:\\
/opt/splunk/etc/system/default/stores.conf        shelf = oak
/opt/splunk/etc/apps/garden/local/stores.conf     [default]
/opt/splunk/etc/apps/garden/local/stores.conf     open = yes
/opt/splunk/etc/apps/10_house/default/stores.conf owner = nobody
/opt/splunk/etc/system/local/stores.conf          [hall]
/opt/splunk/etc/apps/10_house/local/stores.conf   carpet = red
/opt/splunk/etc/system/local/stores.conf          lamp = electric
/opt/splunk/etc/apps/garden/local/stores.conf     open = yes
/opt/splunk/etc/apps/10_house/default/stores.conf owner = nobody
/opt/splunk/etc/apps/garden/default/stores.conf   [pond]
/opt/splunk/etc/apps/garden/default/stores.conf   deep = no
/opt/splunk/etc/apps/garden/default/stores.conf   fish = 2
/opt/splunk/etc/apps/garden/local/stores.conf     open = yes
/opt/splunk/etc/apps/10_house/default/stores.conf owner = nobody
/opt/splunk/etc/apps/garden/local/stores.conf     [shed]
/opt/splunk/etc/apps/garden/local/stores.conf     open = yes
/opt/splunk/etc/apps/10_house/default/stores.conf owner = nobody
"""


def test_the_whole_listing_letter_by_letter():
    layers = [
        Layer(place, path, read(text.encode()).stanzas)
        for path, text in TREE.items()
        if (place := locate(path)) is not None
    ]
    assert listing(resolve("stores", ordered(layers)), home="/opt/splunk") == LISTING
