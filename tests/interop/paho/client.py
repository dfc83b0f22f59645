"""What the scripts share: arguments, one way to build a client with paho-mqtt 1 and 2, and one to connect it."""
import os
import sys
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt

url = urlsplit(sys.argv[1])
NAMES_BEGIN_WITH = os.environ["NAMES_BEGIN_WITH"]  # Others may speak to the same broker.
SECURE_SCHEMES = ("mqtts", "wss")


def named(name):
    return NAMES_BEGIN_WITH + name


def new_client(**options):
    if url.scheme in ("ws", "wss"):
        options["transport"] = "websockets"
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, **options)
    return mqtt.Client(**options)


def connect(client, authority=None, keepalive=60):
    if url.scheme in ("ws", "wss"):
        client.ws_set_options(path=url.path)
    if url.scheme in SECURE_SCHEMES:
        client.tls_set(ca_certs=authority)
    client.connect(url.hostname, url.port, keepalive=keepalive)


def tell(*words):
    print(*words, flush=True)
