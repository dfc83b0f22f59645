import java.util.Arrays;
import org.eclipse.paho.client.mqttv3.IMqttDeliveryToken;
import org.eclipse.paho.client.mqttv3.MqttCallback;
import org.eclipse.paho.client.mqttv3.MqttClient;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.MqttMessage;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

/** The client of article 004: it tells what happens to it, a line each, and leaves when its input ends. */
class Conversation implements MqttCallback {
  private static final byte[] SENT = new byte[100_000];

  public static void main(String[] args) throws Exception {
    for (int i = 0; i < SENT.length; i++) SENT[i] = (byte) (i % 251);
    MqttClient client = new MqttClient(args[0], "java", new MemoryPersistence());
    client.setCallback(new Conversation());
    MqttConnectOptions options = new MqttConnectOptions();
    options.setKeepAliveInterval(2);
    client.connect(options);
    say("Connected");
    client.subscribe("big", 2);
    for (int qos = 0; qos <= 2; qos++) client.publish("big", SENT, qos, false);
    while (System.in.read() != -1) continue;
    client.disconnect();
    say("Disconnected");
    client.close();
  }

  @Override
  public void messageArrived(String topic, MqttMessage message) {
    boolean isSame = Arrays.equals(message.getPayload(), SENT);
    say(topic + ", QoS " + message.getQos() + ", " + (isSame ? "as sent" : "changed"));
  }

  @Override
  public void connectionLost(Throwable cause) {
    say("Connection lost: " + cause);
    System.exit(0);
  }

  @Override
  public void deliveryComplete(IMqttDeliveryToken token) {}

  private static void say(String line) {
    System.out.println(line);
  }
}
