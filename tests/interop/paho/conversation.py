"""Publishes to itself with every QoS and 100,000 bytes, then stays until it has had three PINGRESP."""
import sys

import paho.mqtt.client as mqtt

from client import connect, named, new_client, tell

topic = named(sys.argv[1])
authority = sys.argv[2]
protocol = mqtt.MQTTv5 if sys.argv[3] == "5" else mqtt.MQTTv311
BIG = bytes(range(250)) * 400
pings = 0


def on_connect(client, userdata, flags, reason_code, properties=None):
    tell("connected")
    client.subscribe(topic, qos=2)


def on_subscribe(client, userdata, mid, granted_qos, properties=None):
    for qos in range(3):
        client.publish(topic, "sent %d" % qos, qos=qos)
    client.publish(topic, BIG, qos=1)


def on_message(client, userdata, message):
    payload = "big" if message.payload == BIG else message.payload.decode()
    tell("message", payload, "QoS", message.qos)


def on_log(client, userdata, level, line):
    global pings
    if line == "Received PINGRESP":
        pings += 1
        tell("PINGRESP")
        if pings == 3:
            client.disconnect()


def on_disconnect(client, userdata, reason_code, properties=None):
    tell("disconnected", int(getattr(reason_code, "value", reason_code)))


client = new_client(protocol=protocol)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
client.on_log = on_log
client.on_disconnect = on_disconnect
connect(client, authority, keepalive=2)
client.loop_forever(timeout=0.1)
