"""The subscriber of article 003: client03 with a session that stays, until it has as many messages as it is told."""
import sys

from client import connect, named, new_client, tell

wanted = int(sys.argv[2])
received = 0


def on_connect(client, userdata, flags, rc):
    tell("connected", rc, flags["session present"])
    client.subscribe(named("test"), qos=1)


def on_subscribe(client, userdata, mid, granted_qos):
    tell("subscribed", *granted_qos)
    if wanted == 0:
        client.disconnect()


def on_message(client, userdata, message):
    global received
    tell("message", message.topic, message.payload.decode(), message.qos)
    received += 1
    if received == wanted:
        client.disconnect()


client = new_client(client_id=named("client03"), clean_session=False)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
connect(client)
client.loop_forever()
