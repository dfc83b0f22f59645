"""A client with a Will. How it ends is its second argument: by disconnect, by exit, or it waits to be killed."""
import sys

from client import new_client, port, tell

ending = sys.argv[2]


def on_connect(client, userdata, flags, rc):
    tell("connected", rc)
    if ending == "disconnect":
        client.disconnect()
    if ending == "exit":
        sys.exit()


client = new_client(client_id="client05")
client.on_connect = on_connect
client.will_set("will", "the end of " + ending, qos=1)
client.connect("127.0.0.1", port, keepalive=300)
client.loop_forever()
