import { type Packet, type ProtocolVersion, unreachable } from "../../codec/packet.ts";
import { isReasonCodeOf, ReasonCode } from "../../codec/reason_code.ts";
import type { Acceptance, AccessRequest } from "../../protocol/access.ts";
import type { Closing, ConnectionLoop } from "../../protocol/client_link.ts";
import { Connection } from "../../protocol/connection.ts";
import type { HttpRequest, Peer, Transport, WebSocketFrame } from "../../transport/transport.ts";
import type { PacketEvent } from "../events.ts";
import type { FanOutWrites } from "../turn.ts";
import type { ConnectionHandle } from "./connections.ts";
import type { BrokerHost } from "./host.ts";
import { ConnectionReader } from "./reader.ts";
import { ConnectionTimers, Due } from "./timers.ts";
import { alignedTap, FrameTaps, type Tap, Taps, type WatchedConnection } from "./watched.ts";

// A write that is not through in time ends the connection: a slow one must get through with a piece of this size.
const MOST_BYTES_A_WRITE = 131_072;
// Time that the last bytes may take, and time that the peer may then take to close its side.
const FAREWELL_MS = 4_000;
const LINGER_MS = 1_000;
const PING_ON_ITS_WAY_MS = 250;

const LOST: Closing = {
  reasonCode: ReasonCode.UnspecifiedError,
  reason: "the connection was lost",
  by: "network",
};

/** Serves one Network Connection: writes what it has to say, and looks after its deadlines and its end. */
export class ServedConnection implements ConnectionHandle, ConnectionLoop, WatchedConnection {
  readonly connection: Connection;
  isAdmitted = false;
  isWelcome = false;
  readonly connectedAtMs: number;
  sentBytes = 0;
  receivedPackets = 0;
  sentPackets = 0;
  onReceived: ((packet: Packet) => void) | undefined;
  onSent: ((packet: Packet) => void) | undefined;
  readonly #host: BrokerHost;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #isFlushLater = false;
  /** Bytes of its outbox that are counted with those of all. */
  #waitingBytes = 0;
  #isWriting = false;
  writingSinceMs = Infinity;
  /** Count of the transport when the write was last looked at. */
  #writtenBytes = 0;
  /** Writes to many that the one under way is one of. */
  #fanOutWrites: FanOutWrites | undefined;
  #isOver = false;
  #isPumpLater = false;
  #isFarewellSaid = false;
  readonly #reader: ConnectionReader;
  readonly #timers: ConnectionTimers;
  /** End of its authentication, in epoch milliseconds, and the Reason Code that is said then. */
  #acceptedUntilMs = Infinity;
  /** End of its authentication by the broker's own time. */
  #acceptedUntilOwnMs = Infinity;
  #expiryReasonCode: ReasonCode = ReasonCode.NotAuthorized;
  // Bound, where arrow functions as fields would do: with these, every connection outlives two collections of new objects,
  // and a connection costs a third more. (Deno 2.9, 2026-11)
  readonly #written: () => void;
  readonly #broken: () => void;
  /** Called with what is written; `undefined`: nobody looks. */
  #tap: Tap | undefined;
  #taps: Taps | undefined;
  #frameTaps: FrameTaps | undefined;
  #ended: PromiseWithResolvers<void> | undefined;

  constructor(readonly transport: Transport, host: BrokerHost) {
    this.#host = host;
    this.connectedAtMs = host.wallMs();
    this.#written = this.#onWritten.bind(this);
    this.#broken = this.#onBroken.bind(this);
    this.#writer = transport.writable.getWriter();
    this.#timers = new ConnectionTimers(host.deadlines, this.#isDue.bind(this));
    this.connection = new Connection(host, this);
    this.#reader = new ConnectionReader(this, transport, this.#timers, host);
  }

  get peer(): Peer {
    return this.transport.peer;
  }

  get request(): HttpRequest | undefined {
    return this.transport.request;
  }

  get clientId(): string {
    return this.connection.clientId;
  }

  get principal(): string | undefined {
    return this.connection.principal;
  }

  get protocolVersion(): ProtocolVersion {
    return this.connection.version;
  }

  get partialBytes(): number {
    return this.#reader.partial.length;
  }

  get ended(): Promise<void> {
    return (this.#ended ??= Promise.withResolvers()).promise;
  }

  tap(onBytes: Tap): () => void {
    this.#taps ??= new Taps((tap) => {
      this.#tap = tap;
      this.#reader.onBytes = tap && ((bytes) => tap(bytes, false));
    });
    const { outbox } = this.connection;
    return this.#taps.add(alignedTap(onBytes, () => this.#reader.partial, outbox.isCut ? outbox.bytes : 0));
  }

  watchFrames(onFrame: (frame: WebSocketFrame) => void): () => void {
    return (this.#frameTaps ??= new FrameTaps(this.transport)).add(onFrame);
  }

  get receivedBytes(): number {
    return this.#reader.receivedBytes;
  }

  /** Reports each packet from now on; `undefined`: none, which costs nothing. */
  tellPackets(onPacket: ((event: PacketEvent) => void) | undefined): void {
    if (onPacket === undefined) {
      this.onReceived = this.onSent = undefined;
      return;
    }
    const { connection, transport: { peer } } = this;
    const tell = (direction: PacketEvent["direction"], packet: Packet) =>
      onPacket({ direction, peer, clientId: connection.clientId, protocolVersion: connection.version, packet });
    this.onReceived = (packet) => tell("received", packet);
    this.onSent = (packet) => tell("sent", packet);
  }

  /** Serves it to its end; never rejects. */
  run(): Promise<void> {
    this.#setDue(Due.Connect, this.#host.limits.connectTimeoutMs);
    const end = () => this.#end(); // Whether the transport has ended or broken.
    return this.#reader.run().then(end, end);
  }

  #end(): void {
    try {
      this.#over(LOST);
    } catch (error) {
      this.#host.unexpectedError(error); // A defect of ours: it ends this connection only.
    }
    this.#timers.clear();
    this.connection.outbox.clear();
    this.#countWaiting(0);
    this.close();
    (this.#ended ??= Promise.withResolvers()).resolve();
  }

  /** Ends it at once; safe to call again. */
  close(): void {
    this.transport.close();
    this.#reader.closed();
  }

  wake(): void {
    if (this.#isFlushLater) return;
    this.#isFlushLater = true;
    this.#host.turn.flushLater(this);
  }

  denied(request: AccessRequest): void {
    this.#host.hooks.tellDenied(request, this.transport.peer);
  }

  get listener(): string {
    return this.transport.peer.listener;
  }

  accepted(acceptance: Acceptance): void {
    const { expiresAtMs = Infinity, expiresInMs = Infinity, expiryReasonCode = ReasonCode.NotAuthorized } = acceptance;
    const isSayable = isReasonCodeOf("disconnect", expiryReasonCode) && expiryReasonCode >= 0x80;
    this.#expiryReasonCode = isSayable ? expiryReasonCode : ReasonCode.NotAuthorized;
    // A value that is no time, from a hook without types, is over: as a deadline it would stand in the way of all others.
    this.#acceptedUntilMs = Number.isNaN(expiresAtMs) ? 0 : expiresAtMs;
    this.#acceptedUntilOwnMs = this.#host.turn.now() + (Number.isNaN(expiresInMs) ? 0 : expiresInMs);
    this.wallClockSet();
  }

  /** Sets the end of its authentication anew: it is by the wall clock, which was set. */
  wallClockSet(): void {
    const leftMs = this.#acceptedUntilMs - this.#host.wallMs();
    this.#timers.set(Due.Expiry, Math.min(this.#host.turn.now() + leftMs, this.#acceptedUntilOwnMs));
  }

  #isDue(what: Due, nowMs: number): void {
    const { connection } = this;
    switch (what) {
      case Due.Connect: // However slowly its bytes come: the time is absolute.
        if (!connection.isConnected) connection.disconnect(ReasonCode.UnspecifiedError, "no CONNECT in time");
        return;
      case Due.KeepAlive:
        return this.#checkKeepAlive(nowMs);
      case Due.Expiry:
        connection.disconnect(this.#expiryReasonCode, "the authentication has expired");
        return;
      case Due.Write:
        return this.#checkWrite(nowMs);
      case Due.Pause:
        this.#reader.pauseIsOver();
        return;
      case Due.Close:
        this.close();
        return;
      default:
        unreachable(what);
    }
  }

  get isPumpLater(): boolean {
    return this.#isPumpLater;
  }

  pumpLater(): void {
    if (this.#isPumpLater) return;
    this.#isPumpLater = true;
    this.#host.turn.budget.later(() => {
      this.#isPumpLater = false;
      if (!this.#isOver) this.#pump();
    });
  }

  /** Writes what may leave: one write at a time. */
  flush(): void {
    this.#isFlushLater = false;
    this.#write();
    this.#countWaiting(this.connection.outbox.bytes);
  }

  #countWaiting(bytes: number): void {
    if (bytes === this.#waitingBytes) return;
    this.#host.outboxTotal.bytes += bytes - this.#waitingBytes;
    this.#waitingBytes = bytes;
  }

  #write(): void {
    const { connection } = this;
    if (connection.closing !== undefined) this.#over(connection.closing);
    else if (connection.session?.wantsPage) this.#host.pages.load(connection);
    if (this.#isWriting) {
      connection.outbox.compact();
      return;
    }
    const { isMessageBased } = this.transport;
    const bytes = connection.outbox.take(this.#host.log.durableSequence, MOST_BYTES_A_WRITE, isMessageBased);
    if (bytes === undefined) {
      if (connection.closing === undefined) this.#reader.written();
      else if (connection.outbox.bytes === 0) this.#sayFarewell();
      if (connection.outbox.bytes > 0) this.#host.storageWait.wakeWhenDurable(this);
      return;
    }
    if (this.#tap !== undefined) this.#tap(bytes, true);
    this.#isWriting = true;
    const { fanOutWrites } = this.#host.turn;
    this.#fanOutWrites = fanOutWrites;
    fanOutWrites?.begin();
    this.#countSent(bytes.length);
    // The one that waits looks itself whether it is still the same write.
    if (this.#timers.of(Due.Write) === Infinity) this.#setDue(Due.Write, this.#host.limits.writeTimeoutMs);
    this.writingSinceMs = this.#host.turn.now();
    this.#writer.write(bytes).then(this.#written, this.#broken);
    if (connection.outbox.bytes > 0) connection.outbox.compact();
  }

  #countSent(bytes: number): void {
    const { traffic } = this.#host;
    const { outbox } = this.connection;
    this.sentBytes += bytes;
    this.sentPackets += outbox.packets;
    traffic.sentBytes += bytes;
    traffic.sentPackets += outbox.packets;
    traffic.sentPublishes += outbox.publishes;
    traffic.sentPublishesQos1 += outbox.publishesQos1;
    traffic.sentPublishesQos2 += outbox.publishesQos2;
    traffic.sentPayloadBytes += outbox.payloadBytes;
    outbox.packets =
      outbox.publishes =
      outbox.publishesQos1 =
      outbox.publishesQos2 =
      outbox.payloadBytes =
        0;
  }

  flushNow(): void {
    if (!this.#isWriting && this.connection.closing === undefined) this.flush();
  }

  refuseHeld(
    reasonCode: ReasonCode = ReasonCode.ImplementationSpecificError,
    reason = "the server could not store a message",
  ): void {
    const { connection, connection: { outbox } } = this;
    const { isCut } = outbox;
    outbox.clear();
    if (isCut) connection.end({ reasonCode, reason, by: "server" }); // Nothing can be said within a packet.
    else connection.disconnect(reasonCode, reason);
    this.wake();
  }

  /** Watches Keep Alive (MQTT 5, section 3.1.2.10); without one it is left to the transport. */
  watchKeepAlive(): void {
    if (this.connection.keepAliveSeconds > 0) this.#setDue(Due.KeepAlive, this.#keepAliveMs);
    else this.transport.keepAlive?.();
  }

  /** Time of one and a half Keep Alives [MQTT-3.1.2-22], and a little for a PINGREQ on its way: some clients ping just then. */
  get #keepAliveMs(): number {
    return this.connection.keepAliveSeconds * 1500 + PING_ON_ITS_WAY_MS;
  }

  #checkKeepAlive(nowMs: number): void {
    const dueMs = this.#reader.heardMs(nowMs) + this.#keepAliveMs;
    if (nowMs >= dueMs) this.connection.disconnect(ReasonCode.KeepAliveTimeout, "Keep Alive timeout");
    else this.#timers.set(Due.KeepAlive, dueMs);
  }

  #onWritten(): void {
    this.#endWrite();
    // Before more is added: a client whose backlog is long must be heard meanwhile.
    if (this.connection.outbox.bytes <= this.#host.limits.maximumOutboxBytes) this.#reader.written();
    this.#pump();
  }

  #endWrite(): void {
    this.#isWriting = false;
    this.writingSinceMs = Infinity;
    this.#fanOutWrites?.end();
    this.#fanOutWrites = undefined;
  }

  /** Lets the session send what waits, and writes it. */
  #pump(): void {
    try {
      const { session } = this.connection;
      if (!this.#isOver && session?.isPumpDue) session.pump(this.#host.turn.now()); // Asking the clock costs too.
      this.flush();
    } catch (error) {
      this.#host.unexpectedError(error); // A defect of ours: it ends this connection only.
      this.close();
    }
  }

  #onBroken(): void {
    this.#endWrite();
    this.#over(LOST);
    this.close();
  }

  /** Ends it, once only: session and Will are taken care of at once, whatever the bytes still do. */
  #over(closing: Closing): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.connection.end(closing);
    this.#host.storageWait.ended(this);
    this.#host.admission.ended(this, this.connection.closing ?? closing);
    this.#reader.over();
    this.#setDue(Due.Close, FAREWELL_MS);
  }

  /**
   * The last bytes are gone: says that no more will come, and gives the peer time to close its side, because closing
   * both at once could destroy what it has not read yet.
   */
  #sayFarewell(): void {
    if (this.#isFarewellSaid) return;
    this.#isFarewellSaid = true;
    if (this.connection.closing?.by === "client") {
      this.close(); // A client that said DISCONNECT reads nothing more.
      return;
    }
    this.#timers.set(Due.Close, Math.min(this.#timers.of(Due.Close), this.#host.turn.now() + LINGER_MS));
    this.#writer.close().catch(() => this.close()); // It is broken already.
  }

  /** Closes the connection when a write makes no progress. */
  #checkWrite(nowMs: number): void {
    if (!this.#isWriting) return;
    const { writtenBytes = 0 } = this.transport;
    const isProgress = writtenBytes > this.#writtenBytes; // Of a packet that is larger than a usual write.
    this.#writtenBytes = writtenBytes;
    const dueMs = (isProgress ? nowMs : this.writingSinceMs) + this.#host.limits.writeTimeoutMs;
    if (nowMs < dueMs) {
      this.#timers.set(Due.Write, dueMs);
      return;
    }
    this.connection.disconnect(ReasonCode.QuotaExceeded, "the client does not read");
    this.close();
  }

  #setDue(what: Due, inMs: number): void {
    this.#timers.set(what, this.#host.turn.now() + inMs);
  }
}
