"""What findings mean: for every rule what it is called, why it matters, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Explained:
    """One rule as people are told of it."""

    title: str
    why: str
    advice: str


RULES: Mapping[str, Explained] = {
    "undefined-index": Explained(
        "Data for an index that is not defined",
        "An indexer that does not know an event's index drops the event, or puts it into "
        "lastChanceIndex if that is set.",
        "Define the index in indexes.conf, correct the name, or ignore it where the indexers are "
        "other machines.",
    ),
    "dangling-transform": Explained(
        "A transform or lookup that is nowhere",
        "Splunk skips what it cannot find: the field is not extracted, the event is not routed, and "
        "only splunkd.log says so.",
        "Add the stanza to transforms.conf, or take the name out of props.conf.",
    ),
    "in-disabled-app": Explained(
        "A transform that only a disabled app has",
        "While the app is disabled, its transforms.conf takes no part, and whoever refers to it "
        "goes without.",
        "Enable the app, or move the stanza into the app that needs it.",
    ),
    "dangling-output": Explained(
        "An output group that is not there",
        "Splunk does not forward to a group without a [tcpout:<group>] stanza; what is routed to it "
        "may block the queue.",
        "Define the group in outputs.conf, or correct its name.",
    ),
    "duplicate-input": Explained(
        "Several apps configure one input",
        "The stanzas are merged into one, and the strongest file wins each setting: one of the apps "
        "does not get what it says.",
        "Keep the input in one app.",
    ),
    "missing-app": Explained(
        "A server class gives an app that is not there",
        "The deployment server cannot hand out what deployment-apps does not hold; its clients go without.",
        "Put the app into deployment-apps, or take it out of the server class.",
    ),
    "missing-lookup-file": Explained(
        "A lookup whose file is not there",
        "A search that uses the lookup fails, or goes without its fields. Files in lookups folders were "
        "packed along, and this one is in none of them.",
        "Put the file into the app's lookups folder, or correct the name; ignore it where a script or a "
        "dashboard's search writes the file.",
    ),
    "unknown-setting": Explained(
        "A setting that its specification does not know",
        "Splunk ignores settings that it does not know, so this line does nothing. The .spec file "
        "in the archive documents all others.",
        "Look for a slip, or for a setting of another version of Splunk or of the app.",
    ),
    "misspelt-setting": Explained(
        "A setting that is nearly a documented one",
        "Names of settings are case-sensitive, and a misspelt one is ignored without a word.",
        "If it is a slip, correct it; an app may also have settings of its own.",
    ),
    "local-repeats-default": Explained(
        "Local says what default says",
        "The line changes nothing today, and will hide the new default when the app is upgraded.",
        "Take the line out of local.",
    ),
    "local-hides-upgrade": Explained(
        "A new default that local hides",
        "The app's author changed the default between the two uploads, and the machine keeps the "
        "old way because of local.",
        "Compare both values, and take the line out of local if the new one is better.",
    ),
    "plain-secret": Explained(
        "A secret in the clear",
        "Splunk encrypts such values when it starts; in the clear they are in backups and "
        "deployment apps for everybody to read.",
        "Change the secret, and distribute it encrypted or by other means.",
    ),
}
