"""Why a bridge ends."""


class BridgeError(Exception):
    """The bridge cannot work; the message is one line with the fix."""
