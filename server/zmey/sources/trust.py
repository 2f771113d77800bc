"""How https and ftps servers prove who they are."""

import ssl

from zmey.sources.settings import Secret


def tls_context(secret: Secret) -> ssl.SSLContext:
    """Returns what verifies a server: the authorities of the system, and those of the secret."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if secret.ca_file:
        context.load_verify_locations(cafile=secret.ca_file)
    return context
