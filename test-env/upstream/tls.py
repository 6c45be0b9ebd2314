"""TLS on the server's side: which protocols it offers, and the name that the client asked for (SNI)."""

import ssl


def context(certificate, key):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(certificate, key)
    made.set_alpn_protocols(["h2", "http/1.1"])

    def remember(connection, name, _context):
        connection.asked_for = name

    made.sni_callback = remember
    return made
