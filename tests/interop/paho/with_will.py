"""A client with a Will. How it ends is its second argument: by disconnect, by exit, or it waits to be killed."""
import sys

from client import connect, named, new_client, tell

ending = sys.argv[2]
authority = sys.argv[3] if len(sys.argv) > 3 else None


def on_connect(client, userdata, flags, rc):
    tell("connected", rc)
    if ending == "disconnect":
        client.disconnect()
    if ending == "exit":
        sys.exit()


client = new_client(client_id=named("client05"))
client.on_connect = on_connect
client.will_set(named("will"), "the end of " + ending, qos=1)
connect(client, authority, keepalive=300)
client.loop_forever()
