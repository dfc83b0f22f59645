"""MQTT 5: publishes to itself with properties and tells what came back."""
import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from client import connect, named, new_client, tell


def on_connect(client, userdata, flags, reason_code, properties=None):
    tell("connected", reason_code.value)
    subscribe = Properties(PacketTypes.SUBSCRIBE)
    subscribe.SubscriptionIdentifier = 42
    client.subscribe(named("v5/#"), options=mqtt.SubscribeOptions(qos=2), properties=subscribe)


def on_subscribe(client, userdata, mid, reason_codes, properties=None):
    tell("subscribed", *[code.value for code in reason_codes])
    publish = Properties(PacketTypes.PUBLISH)
    publish.ContentType = "text/plain"
    publish.ResponseTopic = named("v5/answer")
    publish.CorrelationData = b"c1"
    publish.UserProperty = [("unit", "degree"), ("unit", "again")]
    publish.MessageExpiryInterval = 60
    client.publish(named("v5/test"), "21", qos=2, properties=publish)


def on_message(client, userdata, message):
    properties = message.properties
    tell("message", message.topic, message.payload.decode(), message.qos)
    tell("content", properties.ContentType, properties.ResponseTopic, properties.CorrelationData.decode())
    tell("user", properties.UserProperty)
    tell("identifier", properties.SubscriptionIdentifier)
    client.disconnect()


client = new_client(client_id=named("client06"), protocol=mqtt.MQTTv5)
client.on_connect = on_connect
client.on_subscribe = on_subscribe
client.on_message = on_message
connect(client)
client.loop_forever()
