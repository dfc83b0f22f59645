import { assert, assertEquals } from "@std/assert";
import { ToolConnection } from "../../../src/admin/page/tool_connection.ts";
import type { OwnEvent } from "../../../src/admin/page/tool_reasons.ts";
import { newSettings, type ToolSettings } from "../../../src/admin/page/tool_settings.ts";
import { Broker } from "../../../src/broker/broker.ts";
import type { BrokerOptions } from "../../../src/broker/options.ts";
import { Client } from "../../../src/client/client.ts";
import { ReasonCode } from "../../../src/codec/reason_code.ts";
import { within } from "../../deadline.ts";

/** Tool with a broker in this process; `change` waits for a state. */
class ToolAtBroker implements AsyncDisposable {
  readonly #broker: Broker;
  events: OwnEvent[] = [];
  #changed = Promise.withResolvers<void>();
  readonly #connections: ToolConnection[] = [];

  constructor(broker: Broker) {
    this.#broker = broker;
  }

  static async open(options: BrokerOptions = {}): Promise<ToolAtBroker> {
    return new ToolAtBroker(await Broker.open(options));
  }

  connection(
    clientId: string,
    change: Partial<ToolSettings> = {},
  ): ToolConnection {
    const settings = { ...newSettings("ws://page/mqtt", clientId), ...change };
    const connection = new ToolConnection(
      this.#connections.length + 1,
      settings,
      {
        connect: (_, options) => Client.connect(this.#broker, options),
        ownEvents: (after) => Promise.resolve(this.events.filter(({ id }) => id > after)),
        page: "http://page/",
        mayOpen: () => true,
        onChange: () => {
          this.#changed.resolve();
          this.#changed = Promise.withResolvers();
        },
      },
    );
    this.#connections.push(connection);
    return connection;
  }

  async until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      await within(this.#changed.promise, "a change of the tool");
    }
  }

  disconnect(clientId: string): void {
    this.#broker.disconnect({ clientId });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) await connection.remove();
    await this.#broker.close();
  }
}

Deno.test("two connections of the tool: a message goes from one to the other, with all of its bytes", async () => {
  await using tool = await ToolAtBroker.open();
  const [one, two] = [
    tool.connection("one"),
    tool.connection("two", { protocolVersion: 4 }),
  ];
  await Promise.all([one.connect(), two.connect()]);
  assertEquals([one.phase, two.phase], ["connected", "connected"]);
  assertEquals(await one.subscribe("test/#", { qos: 1 }), true);
  assertEquals(one.outcome, {
    of: "subscribe",
    isGood: true,
    text: "Subscribed to test/#, QoS 1 granted",
  });
  const payload = Uint8Array.of(0xff, 0x00, 0x0d);
  assertEquals(
    await two.publish("test/hello", payload, { qos: 1, retain: true }),
    true,
  );
  await tool.until(() => one.log.count === 1);
  const [received] = one.log.messages;
  assertEquals([
    received?.message.topic,
    received?.message.payload,
    received?.topicFilter,
  ], [
    "test/hello",
    payload,
    "test/#",
  ]);
  assert(/^The broker has it \(\d+\.\d ms\)$/.test(two.outcome?.text ?? ""));
  await one.publish("nobody", payload, { qos: 1 });
  assert(one.outcome?.text.startsWith("Nobody subscribes to nobody ("));
  await one.unsubscribe("test/#");
  assertEquals(one.subscriptions, []);
});

Deno.test("a connection of the tool says what is refused, and a second subscription to the same filter", async () => {
  await using tool = await ToolAtBroker.open({
    authorizer: { authorize: ({ action, topic }) => action !== "publish" || topic !== "secret" },
  });
  const connection = tool.connection("one");
  await connection.connect();
  assertEquals(
    await connection.publish("secret", new Uint8Array(), { qos: 1 }),
    false,
  );
  assertEquals(
    connection.outcome?.text.slice(0, 32),
    "refused with 0x87 Not authorized",
  );
  assertEquals(await connection.subscribe("a/#/b", { qos: 0 }), false);
  assertEquals(connection.subscriptions, []);
  assertEquals(await connection.subscribe("a", { qos: 0 }), true);
  assertEquals(await connection.subscribe("a", { qos: 1 }), false);
});

Deno.test("a refused password is said in words with the remedy of the broker", async () => {
  await using tool = await ToolAtBroker.open({
    authenticator: { authenticate: () => ({ isAccepted: false, reasonCode: ReasonCode.BadUserNameOrPassword }) },
  });
  tool.events = [
    {
      id: 2,
      kind: "refused",
      text: "wrong",
      remedy: "`brooklet passwd`",
      clause: "MQTT-3.1.4-2",
      timeMs: Date.now(),
    },
    { id: 1, kind: "refused", text: "long ago", timeMs: 0 },
  ];
  const connection = tool.connection("one");
  await connection.connect();
  assertEquals(connection.phase, "refused");
  assertEquals(connection.explanation, {
    title: "The broker refused the user name or the password",
    text: "CONNACK 0x86 Bad User Name or Password. It does not say which of them is wrong, so that nobody learns who " +
      "has an account.",
    remedy: "`brooklet passwd`",
    clause: "MQTT-3.1.4-2",
  });
  connection.set({ protocolVersion: 4 });
  await connection.connect();
  assertEquals(
    connection.explanation?.text.slice(0, 39),
    "CONNACK 0x04 Bad User Name or Password.",
  );
});

Deno.test("a connection that an operator ends says so, and can be opened again", async () => {
  await using tool = await ToolAtBroker.open();
  const connection = tool.connection("one");
  await connection.connect();
  await connection.subscribe("a", { qos: 0 });
  tool.disconnect("one");
  await tool.until(() => connection.phase === "lost");
  assertEquals([connection.explanation?.title, connection.subscriptions], [
    "An operator disconnected this client",
    [],
  ]);
  await connection.connect();
  assertEquals(connection.phase, "connected");
  await connection.disconnect();
  await tool.until(() => connection.phase === "closed");
});

Deno.test("a mistake in the form is said, and nothing is opened", async () => {
  await using tool = await ToolAtBroker.open();
  const connection = tool.connection("one", { keepAliveSeconds: "x" });
  await connection.connect();
  assertEquals([connection.phase, connection.mistake?.slice(0, 27)], [
    "idle",
    "Keep Alive is a whole numbe",
  ]);
});
