import { bytesOf } from "../codec/message.ts";
import type { Malformed } from "../codec/decoder.ts";
import { MqttError, protocolError } from "../codec/mqtt_error.ts";
import type { AuthPacket, ConnackPacket, ConnectPacket, ProtocolVersion, Will } from "../codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../codec/property.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import { deadlineSignal } from "../transport/abort.ts";
import type { CompleteOptions, WillOptions } from "./client_options.ts";
import { NetworkConnection } from "./network_connection.ts";
import { credentialsOf, openTransport, type TransportServer } from "./open_transport.ts";
import { lostConnection, RefusedError } from "./refused_error.ts";
import { type ServerTerms, serverTerms } from "./server_terms.ts";

/** A connection that the server has accepted. */
export interface Established {
  readonly connection: NetworkConnection;
  readonly connack: ConnackPacket;
  readonly terms: ServerTerms;
}

const LARGEST_PACKET_BYTES = 268_435_460;
const DEFAULT_SESSION_EXPIRY_SECONDS = 300;

/** Refusal of the version by a server, as far as can be told. */
class VersionRefused {
  constructor(readonly error: Error) {}
}

/** Connects to the server of a client, as often as needed, always as the same client. */
export class Connector {
  /** Client Identifier, the one that the server assigned if it did. */
  clientId: string;
  /** Session Expiry Interval that is requested. */
  readonly sessionExpirySeconds: number;
  readonly #server: URL | TransportServer;
  readonly #options: CompleteOptions;
  #version: ProtocolVersion;
  #isVersionOpen: boolean;
  #hasConnected = false;

  constructor(server: URL | TransportServer, options: CompleteOptions) {
    this.#server = server;
    this.#options = { ...credentialsOf(server), ...options };
    this.clientId = options.clientId ?? randomClientId();
    this.sessionExpirySeconds = options.sessionExpirySeconds ??
      (options.reconnect === false ? 0 : DEFAULT_SESSION_EXPIRY_SECONDS);
    this.#version = options.protocolVersion ?? 5;
    this.#isVersionOpen = options.protocolVersion === undefined && options.authentication === undefined;
  }

  /** Connects; rejects with RefusedError if the server refuses, and with other errors of the network. */
  async connect(signal: AbortSignal | undefined): Promise<Established> {
    const deadline = deadlineSignal(this.#options.connectTimeoutMs, "the server to accept the connection", signal);
    try {
      for (;;) {
        try {
          return await this.#connect(deadline.signal);
        } catch (refused) {
          if (!(refused instanceof VersionRefused)) throw refused;
          if (!this.#isVersionOpen) throw refused.error;
          this.#version = 4;
          this.#isVersionOpen = false;
        }
      }
    } finally {
      deadline.stop();
    }
  }

  async #connect(signal: AbortSignal): Promise<Established> {
    const open = await openTransport(this.#server, this.#options.tls, signal);
    const connection = new NetworkConnection(open, this.#version, this.#options.maximumPacketBytes);
    const abort = () => connection.fail(asError(signal.reason));
    signal.addEventListener("abort", abort);
    try {
      if (signal.aborted) throw signal.reason;
      connection.send(await this.#connectPacket());
      const connack = await this.#connack(connection);
      return this.#accepted(connection, connack);
    } catch (error) {
      await connection.release();
      throw signal.aborted ? signal.reason : error;
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Waits for CONNACK, and answers AUTH until it comes. */
  async #connack(connection: NetworkConnection): Promise<ConnackPacket> {
    for (;;) {
      const batch = await connection.read();
      if (batch === undefined) throw this.#closedWithoutAnswer(connection);
      const [packet] = batch;
      if (packet === undefined) continue;
      connection.putBack(batch.slice(1));
      switch (packet.type) {
        case "connack":
          await this.#finishAuthentication(packet);
          return packet;
        case "auth":
          connection.send(await this.#answerAuth(packet));
          break;
        case "malformed":
          throw isOldRefusal(packet) ? new VersionRefused(packet.error) : packet.error;
        default:
          throw protocolError(`${packet.type.toUpperCase()} came before CONNACK`, "MQTT-3.2.0-1");
      }
    }
  }

  #accepted(connection: NetworkConnection, connack: ConnackPacket): Established {
    const { reasonCode, properties } = connack;
    if (reasonCode !== ReasonCode.Success) {
      const error = new RefusedError("Cannot connect", reasonCode, "MQTT-3.2.2-7", properties);
      throw reasonCode === ReasonCode.UnsupportedProtocolVersion ? new VersionRefused(error) : error;
    }
    if (connack.sessionPresent && this.#isCleanStart()) {
      throw protocolError("The server has a session where a clean start was asked for", "MQTT-3.2.2-2");
    }
    this.#isVersionOpen = false;
    this.#hasConnected = true;
    this.clientId = properties.assignedClientIdentifier ?? this.clientId;
    return { connection, connack, terms: serverTerms(connack, this.#version, this.#options.keepAliveSeconds) };
  }

  /** Error for a close without CONNACK: a server that does not know MQTT 5 may just close, others for any reason. */
  #closedWithoutAnswer({ error, hasReceived }: NetworkConnection): Error | VersionRefused {
    const lost = lostConnection(error);
    return this.#version === 5 && !hasReceived ? new VersionRefused(lost) : lost;
  }

  /** Clean Start: after the first connection the session is resumed if the server was asked to keep it. */
  #isCleanStart(): boolean {
    if (!this.#hasConnected || this.#version < 5) return this.#options.cleanStart;
    return this.sessionExpirySeconds === 0;
  }

  async #connectPacket(): Promise<ConnectPacket> {
    const { userName, password, will, keepAliveSeconds } = this.#options;
    return {
      type: "connect",
      protocolVersion: this.#version,
      isBridge: false,
      cleanStart: this.#isCleanStart(),
      keepAliveSeconds,
      clientId: this.clientId,
      will: will === undefined ? undefined : willOf(will),
      userName,
      password: password === undefined ? undefined : bytesOf(password),
      properties: this.#version < 5 ? NO_PROPERTIES : await this.#connectProperties(),
    };
  }

  async #connectProperties(): Promise<Properties> {
    const { properties, authentication, receiveMaximum, maximumPacketBytes, topicAliasMaximum } = this.#options;
    const authenticationData = await authentication?.start?.();
    return {
      ...properties,
      receiveMaximum,
      topicAliasMaximum,
      ...this.sessionExpirySeconds > 0 && { sessionExpiryInterval: this.sessionExpirySeconds },
      ...maximumPacketBytes < LARGEST_PACKET_BYTES && { maximumPacketSize: maximumPacketBytes },
      ...authentication !== undefined && { authenticationMethod: authentication.method },
      ...authenticationData !== undefined && { authenticationData },
    };
  }

  async #answerAuth({ reasonCode, properties }: AuthPacket): Promise<AuthPacket> {
    const { authentication } = this.#options;
    const { method } = authentication ?? {};
    if (
      authentication === undefined || method === undefined || reasonCode !== ReasonCode.ContinueAuthentication ||
      properties.authenticationMethod !== method
    ) {
      throw protocolError("AUTH that was not asked for", "MQTT-4.12.0-6");
    }
    const data = await authentication.answer(properties.authenticationData);
    const answer = { authenticationMethod: method, ...data !== undefined && { authenticationData: data } };
    return { type: "auth", reasonCode, properties: answer };
  }

  /** Verifies the server's last data: with CONNACK the server may prove its identity too. */
  async #finishAuthentication({ reasonCode, properties }: ConnackPacket): Promise<void> {
    const { authentication } = this.#options;
    if (authentication === undefined || reasonCode !== ReasonCode.Success) return;
    if (properties.authenticationMethod !== authentication.method) {
      throw protocolError("CONNACK does not name the Authentication Method", "MQTT-4.12.0-5");
    }
    if (properties.authenticationData !== undefined) await authentication.answer(properties.authenticationData);
  }
}

function willOf({ topic, payload = "", qos = 0, retain = false, properties = NO_PROPERTIES }: WillOptions): Will {
  return { topic, payload: bytesOf(payload), qos, retain, properties };
}

/** Whether this is a CONNACK of 3.1.1 with return code 1, in answer to a CONNECT of 5: it has no properties. */
function isOldRefusal({ firstBytes }: Malformed): boolean {
  return firstBytes[0] === 0x20 && firstBytes[3] === 0x01;
}

/** Random Client Identifier of at most 23 characters, which every server must accept. [MQTT-3.1.3-5] */
function randomClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(7));
  return `brooklet-${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new MqttError(String(reason), ReasonCode.UnspecifiedError, "MQTT 4.13");
}
