"""What the scripts share: arguments, and one way to build a client with paho-mqtt 1 and 2."""
import sys

import paho.mqtt.client as mqtt

port = int(sys.argv[1])


def new_client(**options):
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, **options)
    return mqtt.Client(**options)


def tell(*words):
    print(*words, flush=True)
