"""Splunk's configuration files: their grammar, where they lie, and which of them wins.

conf      a file as stanzas and settings, each with its lines
places    what a path inside `etc/` says: area, app, user, scope
meta      what `.meta` files allow and export
layers    precedence: the effective configuration, with what is shadowed
btool     the effective configuration as `btool list --debug` prints it
patterns  stanza patterns of props.conf, filters of serverclass.conf
secrets   which values must not be kept
specs     what `.spec` files document
"""
