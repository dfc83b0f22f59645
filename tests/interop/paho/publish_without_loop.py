"""The publisher of article 003: it never reads, so PUBLISH and DISCONNECT leave before CONNACK has come."""
from client import connect, new_client, tell

client = new_client(client_id="client04")
connect(client)
info = client.publish("test", "from paho", qos=1)
tell("rc:", info.rc)
tell("mid:", info.mid)
client.disconnect()
