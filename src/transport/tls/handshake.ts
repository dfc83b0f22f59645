import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { channelOf, ChannelTransport } from "../channel_transport.ts";
import { foreignToTls } from "../first_bytes.ts";
import type { ByteChannel, Peer, Transport } from "../transport.ts";
import { checkServerCertificate, ClientCertificates, type ServerCertificate } from "./certificates.ts";
import { ClientHello } from "./client_hello.ts";
import { ChannelStream, SocketChannel } from "./node_streams.ts";

/** Options of TLS. */
export interface TlsOptions extends ServerCertificate {
  /**
   * Protocols within TLS (ALPN) that are chosen if a client asks for them, best first: `["http/1.1"]` below WebSocket.
   * With a client that asks for none of them no protocol is chosen, as by a server without ALPN: devices ask for names
   * of other services. @default {["mqtt"]}
   */
  readonly alpnProtocols?: readonly string[];
  /** Lowest version of TLS. @default {"1.2"} */
  readonly minimumVersion?: "1.2" | "1.3";
  /** PEM text: authorities of client certificates. With it clients are asked for one, and a wrong one is refused. */
  readonly clientAuthority?: string;
  /** Refuses clients without a certificate; needs `clientAuthority`. @default {false} */
  readonly requireCertificate?: boolean;
  /** Time limit for a handshake. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
}

/** Contents of files that were read again. */
export interface ReloadedTls extends ServerCertificate {
  /** PEM text, only for listeners that already have one. @default the one that the listener has */
  readonly clientAuthority?: string;
}

/** Reports a connection that did not become a TLS connection. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
}

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
const LOST = "the client closed the connection during the handshake";

/**
 * Performs TLS handshakes on connections, as the server.
 *
 * Uses `node:tls`, because `Deno.listenTls` has no client certificates, no minimum version, no first bytes and no
 * address of a proxy, and takes another certificate only by closing the port, which refuses or resets clients that
 * connect just then (Deno 2.9.6). But it does not use the sockets of `node:net`: their server never accepts again after
 * descriptors ran out, without an event, and large writes through them are slow at times.
 *
 * Cost compared with `Deno.listenTls` (2 cores, 64-byte QoS 0, 2026-11): 6.4 M instead of 9.4 M messages/s to 20
 * subscribers, 500 instead of 610 handshakes/s, 90 instead of 54 KiB for an idle connection with its session.
 */
export class TlsHandshakes {
  readonly #options: TlsOptions;
  /** `undefined`: clients are not asked for certificates. */
  #clientCertificates: ClientCertificates | undefined;
  /** TLS server that does not listen: connections are handed to it. */
  readonly #server: Server;
  /** The same without ALPN, for clients that ask for other protocols only: the runtime would refuse them. */
  readonly #serverWithoutAlpn: Server;
  readonly #alpnProtocols: readonly string[];

  /** Throws TypeError for unusable certificates or keys. */
  constructor(options: TlsOptions) {
    const { clientAuthority, alpnProtocols = ["mqtt"], requireCertificate = false, handshakeTimeoutMs } = options;
    checkServerCertificate(options);
    if (clientAuthority !== undefined) this.#clientCertificates = new ClientCertificates(clientAuthority);
    else if (requireCertificate) throw new TypeError("Cannot require certificates: clientAuthority is not given");
    this.#options = options;
    this.#alpnProtocols = alpnProtocols;
    const common = {
      ...secureContext(options, options, clientAuthority),
      requestCert: clientAuthority !== undefined,
      rejectUnauthorized: false, // It would give no reason: #accepted() refuses.
      handshakeTimeout: 2 * (handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS), // The timer of handshake() fires first.
      pauseOnConnect: true,
    };
    this.#server = createServer({ ...common, ALPNProtocols: [...alpnProtocols] });
    this.#serverWithoutAlpn = createServer(common);
  }

  /**
   * Uses another certificate from the next handshake on, and asks for certificates of other authorities if they are
   * given, for resumed sessions too. Throws TypeError, and keeps the old ones.
   */
  reload(reloaded: ReloadedTls): void {
    const inForce = this.#clientCertificates?.pem;
    const { clientAuthority = inForce } = reloaded;
    checkServerCertificate(reloaded);
    if (clientAuthority !== undefined && clientAuthority !== inForce) {
      if (inForce === undefined) {
        throw new TypeError("Cannot use clientAuthority: the listener does not ask for certificates");
      }
      this.#clientCertificates = new ClientCertificates(clientAuthority);
    }
    for (const server of [this.#server, this.#serverWithoutAlpn]) {
      server.setSecureContext(secureContext(this.#options, reloaded, clientAuthority));
    }
  }

  /** Performs a handshake; rejects with HandshakeError after closing the connection. */
  async handshake(inner: Transport, listener: string): Promise<Transport> {
    const { handshakeTimeoutMs = DEFAULT_HANDSHAKE_TIMEOUT_MS } = this.#options;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      inner.close(); // Ends all waiting reads and writes.
    }, handshakeTimeoutMs);
    let socket: TLSSocket | undefined;
    try {
      const channel = channelOf(inner);
      const hello = await readClientHello(channel);
      const stream = new ChannelStream(channel, hello.received);
      const clientCertificates = this.#clientCertificates; // The runtime verifies by these in this handshake.
      socket = await this.#secured(stream, hello);
      const peer = this.#accepted(socket, clientCertificates, { ...inner.peer, transport: "tls", listener });
      return new ChannelTransport(new SocketChannel(socket, stream), peer);
    } catch (error) {
      socket?.destroy();
      inner.close();
      if (isLate) throw new HandshakeError("the handshake was not over in time", { cause: error });
      throw error instanceof HandshakeError ? error : new HandshakeError(LOST, { cause: error });
    } finally {
      clearTimeout(timer);
    }
  }

  async #secured(stream: ChannelStream, hello: ClientHello): Promise<TLSSocket> {
    try {
      const socket = await this.#begun(stream, hello);
      stream.secured = socket;
      return socket;
    } catch (error) {
      const { reason, alert } = handshakeFailure(error, hello.version);
      if (alert !== undefined) await stream.refuse(alert);
      throw new HandshakeError(reason, { cause: error });
    }
  }

  /** Hands a connection to the server; rejects with the error of its handshake. */
  #begun(stream: ChannelStream, hello: ClientHello): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    stream.on("error", () => {}).on("close", () => reject(new HandshakeError(LOST))); // No-op after another outcome.
    // Listeners are called with the emitter and report the outcome of the connection to it: this emitter knows which
    // one.
    const emit = (event: string, value: unknown): boolean => {
      if (event === "secureConnection") resolve(value as TLSSocket); // The documented type of the event.
      if (event === "tlsClientError") reject(value);
      return true;
    };
    const server = this.#serverFor(hello);
    const one: Server = Object.create(server, { emit: { value: emit } });
    for (const take of server.listeners("connection")) {
      // The event is documented to take any Duplex; some versions of its types say Socket only.
      take.call(one, stream as unknown as Socket);
    }
    return promise;
  }

  #serverFor({ protocols: offered }: ClientHello): Server {
    const isForeign = offered.length > 0 && !offered.some((name) => this.#alpnProtocols.includes(name));
    return isForeign ? this.#serverWithoutAlpn : this.#server;
  }

  /** Peer with its certificate; throws HandshakeError if the certificate is refused. */
  #accepted(socket: TLSSocket, clientCertificates: ClientCertificates | undefined, peer: Peer): Peer {
    if (clientCertificates === undefined) return peer;
    const certificate = clientCertificates.of(socket);
    switch (certificate.kind) {
      case "refused":
        throw new HandshakeError(certificate.reason);
      case "none":
        if (this.#options.requireCertificate) throw new HandshakeError("the client gave no certificate");
        return peer;
      case "verified": {
        const { name, subject } = certificate;
        return {
          ...peer,
          ...name === undefined ? {} : { certificateName: name },
          ...subject === undefined ? {} : { certificateSubject: subject },
        };
      }
    }
  }
}

function secureContext(
  { minimumVersion = "1.2" }: TlsOptions,
  { certificate, key }: ServerCertificate,
  clientAuthority: string | undefined,
) {
  return {
    cert: certificate,
    key,
    minVersion: minimumVersion === "1.3" ? "TLSv1.3" : "TLSv1.2",
    ...(clientAuthority === undefined ? {} : { ca: clientAuthority }),
  } as const;
}

/**
 * Reads the ClientHello, and checks its first bytes before TLS does, whose error would say only that they are wrong.
 * Rejects with HandshakeError.
 */
async function readClientHello(inner: ByteChannel): Promise<ClientHello> {
  const hello = new ClientHello();
  for (let isFirst = true;; isFirst = false) {
    const bytes = await inner.read();
    if (bytes === undefined) throw new HandshakeError(LOST);
    const foreign = isFirst ? foreignToTls(bytes) : undefined;
    if (foreign !== undefined) throw new HandshakeError(foreign);
    if (!hello.push(bytes)) return hello;
  }
}

/** Reason of a failed handshake. */
interface HandshakeFailure {
  /** Reason for the log. */
  readonly reason: string;
  /** Alert for the client (RFC 8446, section 6.2), where one can be sent. */
  readonly alert?: number;
}

const Alert = { HandshakeFailure: 40, DecodeError: 50, ProtocolVersion: 70, NoApplicationProtocol: 120 } as const;
const TLS_1_2 = 0x0303;

// Codes of `node:tls` that a client can cause.
const FAILURES: ReadonlyMap<unknown, HandshakeFailure> = new Map([
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", {
    reason: "client and listener have no version or cipher of TLS in common",
    alert: Alert.HandshakeFailure,
  }],
  ["ERR_SSL_NO_APPLICATION_PROTOCOL", {
    reason: "the client asks for other protocols within TLS only (ALPN)",
    alert: Alert.NoApplicationProtocol,
  }],
  ["ERR_SSL_WRONG_VERSION_NUMBER", { reason: "what the client sent is no TLS", alert: Alert.DecodeError }],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", { reason: "the client does not have the key of the certificate that it gave" }],
  ["ECONNRESET", { reason: "the client closed the connection during the handshake" }],
]);

/**
 * Failure by the error of `node:tls`.
 *
 * @param version highest version of a ClientHello that names no newer ones in an extension (RFC 8446, section 4.1.2)
 */
function handshakeFailure(error: unknown, version = TLS_1_2): HandshakeFailure {
  if (!(error instanceof Error)) return { reason: String(error) };
  const failure = FAILURES.get(Reflect.get(error, "code"));
  if (failure === undefined) return { reason: error.message };
  if (failure.alert === Alert.HandshakeFailure && version < TLS_1_2) {
    return { reason: "the client speaks no TLS 1.2 or newer", alert: Alert.ProtocolVersion };
  }
  return { ...failure, reason: `${failure.reason} (${error.message})` };
}
