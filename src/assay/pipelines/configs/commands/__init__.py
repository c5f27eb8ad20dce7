"""What may be asked of configuration archives now.

uploading  take an upload, parse it here and now, forget it
answering  what holds, where data goes, which client is given what, what changed, what is wrong
installed  the apps as packages, with what the catalog knows of them
exporting  answers as CSV and Markdown
"""
