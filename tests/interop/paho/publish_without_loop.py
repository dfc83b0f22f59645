"""The publisher of article 003: it never reads, so PUBLISH and DISCONNECT leave before CONNACK has come."""
from client import connect, named, new_client, tell

client = new_client(client_id=named("client04"))
connect(client)
info = client.publish(named("test"), "from paho", qos=1)
tell("rc:", info.rc)
tell("mid:", info.mid)
client.disconnect()
