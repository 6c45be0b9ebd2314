"""An HTTP client that knows nothing of Envoy or meshcapture: prints what URL answers.

    python3 get.py URL [CERTIFICATE]
"""

import ssl
import sys
import urllib.request

trust = ssl.create_default_context(cafile=sys.argv[2]) if len(sys.argv) > 2 else None
with urllib.request.urlopen(sys.argv[1], timeout=10, context=trust) as answer:
    print(answer.read().decode(), end="")
