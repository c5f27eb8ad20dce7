"""What may be asked of signing in now: sign in and out, change people and tokens, note what was changed."""

from assay.auth.commands.acting import Act, record_change
from assay.auth.commands.filters import remove_filter, save_filter
from assay.auth.commands.people import (
    add_person,
    change_role,
    disable,
    enable,
    local_admin,
    make_link,
    set_password,
)
from assay.auth.commands.providing import Journey, begin_journey, end_journey, sign_in_by_provider
from assay.auth.commands.signing_in import (
    Needs,
    Opened,
    change_password,
    keep_session,
    noted,
    sign_in_by_link,
    sign_in_by_password,
    sign_out,
    sign_out_everywhere,
)
from assay.auth.commands.tokens import (
    PREFIX,
    Made,
    add_token,
    find_token_by_name,
    note_token,
    principal_of,
    revoke_token,
)
from assay.auth.rules import Admitting, admit, network_of
from assay.auth.tasks import remove_old_sign_ins

__all__ = [
    "PREFIX",
    "Act",
    "Admitting",
    "Journey",
    "Made",
    "Needs",
    "Opened",
    "add_person",
    "add_token",
    "admit",
    "begin_journey",
    "change_password",
    "change_role",
    "disable",
    "enable",
    "end_journey",
    "find_token_by_name",
    "keep_session",
    "local_admin",
    "make_link",
    "network_of",
    "note_token",
    "noted",
    "principal_of",
    "record_change",
    "remove_filter",
    "remove_old_sign_ins",
    "revoke_token",
    "save_filter",
    "set_password",
    "sign_in_by_link",
    "sign_in_by_password",
    "sign_in_by_provider",
    "sign_out",
    "sign_out_everywhere",
]
