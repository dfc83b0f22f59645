import { type Broker, memoryTransport, type MemoryTransportPair } from "../../mod.ts";
import { encodePacket, type Packet, PacketDecoder, type PublishPacket } from "../../src/codec/mod.ts";
import { within } from "../deadline.ts";

const NO_PROPERTIES = {};

/** A client whose session outlives its connections, and its broker: it acknowledges what comes when it is told to. */
export class RetainedReader {
  /** PUBLISH packets that came, without repetitions. */
  readonly got: PublishPacket[] = [];
  /** Those that were repetitions. */
  repeated = 0;
  readonly #clientId: string;
  readonly #receiveMaximum: number;
  /** Packet Identifiers of QoS 2 messages that are not released; they outlive a connection. */
  readonly #unreleased = new Set<number>();
  #unacknowledged: PublishPacket[] = [];
  #transport: MemoryTransportPair["client"] | undefined;
  #writer: WritableStreamDefaultWriter<Uint8Array> | undefined;
  #served: Promise<unknown> = Promise.resolve();
  #awaited: { readonly type: Packet["type"]; readonly resolve: (packet: Packet) => void } | undefined;
  #packetIdentifier = 0;

  constructor(clientId: string, receiveMaximum: number) {
    this.#clientId = clientId;
    this.#receiveMaximum = receiveMaximum;
  }

  /** Gives Session Present. */
  async connect(broker: Broker): Promise<boolean> {
    const { server, client } = memoryTransport();
    this.#transport = client;
    this.#writer = client.writable.getWriter();
    this.#writer.closed.catch(() => {}); // The broker may close first.
    this.#unacknowledged = [];
    this.#served = Promise.all([broker.serve(server), this.#read(client)]);
    const connack = await this.#ask("connack", {
      type: "connect",
      protocolVersion: 5,
      isBridge: false,
      cleanStart: false,
      keepAliveSeconds: 0,
      clientId: this.#clientId,
      will: undefined,
      userName: undefined,
      password: undefined,
      properties: { sessionExpiryInterval: 3_600, receiveMaximum: this.#receiveMaximum },
    });
    return connack.type === "connack" && connack.sessionPresent;
  }

  async subscribe(topicFilter: string, qos: 0 | 1 | 2, retainHandling: 0 | 1 | 2, identifier: number): Promise<void> {
    await this.#ask("suback", {
      type: "subscribe",
      packetIdentifier: this.#nextIdentifier(),
      subscriptions: [{ topicFilter, qos, noLocal: false, retainAsPublished: false, retainHandling }],
      properties: { subscriptionIdentifiers: [identifier] },
    });
  }

  async unsubscribe(topicFilter: string): Promise<void> {
    const packetIdentifier = this.#nextIdentifier();
    await this.#ask("unsuback", {
      type: "unsubscribe",
      packetIdentifier,
      topicFilters: [topicFilter],
      properties: NO_PROPERTIES,
    });
  }

  /** All has come that the broker had to say. */
  async ping(): Promise<void> {
    await this.#ask("pingresp", { type: "pingreq" });
  }

  /** Acknowledges the first messages of those that are not. */
  acknowledge(count = Infinity): void {
    for (const { qos, packetIdentifier } of this.#unacknowledged.splice(0, count)) {
      const type = qos === 1 ? "puback" : "pubrec";
      this.#send({ type, packetIdentifier, reasonCode: 0, properties: NO_PROPERTIES });
    }
  }

  /** Acknowledges all, and what follows, until nothing more comes. */
  async drain(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet++) {
      const before = this.got.length + this.repeated;
      this.acknowledge();
      await this.ping();
      await new Promise((resolve) => setTimeout(resolve, 0)); // Work that was left for another turn.
      if (this.got.length + this.repeated > before) quiet = -1;
    }
  }

  /** Closes the connection at once. */
  async drop(): Promise<void> {
    this.#transport?.close();
    await within(this.#served, "the broker still serves the connection");
  }

  async #read(transport: MemoryTransportPair["client"]): Promise<void> {
    const decoder = new PacketDecoder({ protocolVersion: 5 });
    try {
      for await (const chunk of transport.readable) {
        for (const packet of decoder.decode(chunk)) this.#receive(packet as Packet); // The broker sends none other.
      }
    } catch {
      // The same as its end.
    }
  }

  #receive(packet: Packet): void {
    if (packet.type === "publish") {
      this.#take({ ...packet, payload: packet.payload.slice() });
    } else if (packet.type === "pubrel") {
      const { packetIdentifier } = packet;
      this.#unreleased.delete(packetIdentifier);
      this.#send({ type: "pubcomp", packetIdentifier, reasonCode: 0, properties: NO_PROPERTIES });
    } else if (packet.type === this.#awaited?.type) {
      this.#awaited.resolve(packet);
    }
  }

  #take(packet: PublishPacket): void {
    const { qos, packetIdentifier, dup } = packet;
    const isRepeated = qos === 1 ? dup : this.#unreleased.has(packetIdentifier);
    if (isRepeated) this.repeated += 1;
    else this.got.push(packet);
    if (qos === 2) this.#unreleased.add(packetIdentifier);
    if (qos > 0) this.#unacknowledged.push(packet);
  }

  #ask(type: Packet["type"], packet: Packet): Promise<Packet> {
    const { promise, resolve } = Promise.withResolvers<Packet>();
    this.#awaited = { type, resolve };
    this.#send(packet);
    return within(promise, `there is no ${type}`);
  }

  #send(packet: Packet): void {
    this.#writer?.write(encodePacket(packet, 5)).catch(() => {}); // A broker that has ended takes nothing.
  }

  #nextIdentifier(): number {
    return this.#packetIdentifier = this.#packetIdentifier % 65_535 + 1;
  }
}
