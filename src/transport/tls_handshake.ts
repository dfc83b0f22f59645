import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { Duplex } from "node:stream";
import { type ByteChannel, channelOf, ChannelTransport } from "./byte_channel.ts";
import { foreignToTls } from "./first_bytes.ts";
import { SocketChannel } from "./socket_channel.ts";
import { ClientCertificates } from "./client_certificates.ts";
import { checkServerCertificate, type ServerCertificate } from "./tls_certificate.ts";
import { handshakeFailure } from "./tls_failure.ts";
import type { Peer, Transport } from "./transport.ts";

/** How TLS is spoken. */
export interface TlsOptions extends ServerCertificate {
  /**
   * Protocols within TLS that a client may ask for, best first: `["http/1.1"]` below WebSocket. A client that asks for
   * others only is refused, one that asks for none is not. @default {["mqtt"]}
   */
  readonly alpnProtocols?: readonly string[];
  /** @default {"1.2"} */
  readonly minimumVersion?: "1.2" | "1.3";
  /** PEM text: who signs certificates of clients. With it clients are asked for one, and a wrong one is refused. */
  readonly clientAuthority?: string;
  /** Refuses clients without a certificate; needs `clientAuthority`. @default {false} */
  readonly requireCertificate?: boolean;
  /** How long a handshake may take. @default {10_000} */
  readonly handshakeTimeoutMs?: number;
}

/** Contents of files that are read again. */
export interface ReloadedTls extends ServerCertificate {
  /** PEM text, for listeners that have one already. @default the one that the listener has */
  readonly clientAuthority?: string;
}

/** A connection that did not become a TLS connection. */
export class HandshakeError extends Error {
  override readonly name = "HandshakeError";
}

const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
// Bytes read before are through by then.
const ENDED_HANDSHAKE_MS = 100;
const LOST = "the client closed the connection during the handshake";
// RFC 8446, section 6
const ALERT = 0x15;
const FATAL = 2;

/**
 * Makes TLS connections out of connections, as the server.
 *
 * With `node:tls`, because `Deno.listenTls` knows no client certificates, no minimum version, no first bytes and no
 * address of a proxy, and takes another certificate only by closing the port, which refuses or resets who comes just
 * then (Deno 2.9.6). But not with the sockets of `node:net`: their server never accepts again once descriptors were
 * out, without an event, and large writes through them crawl at times.
 *
 * What it costs against `Deno.listenTls` (2 cores, 64-byte QoS 0, 2026-11): 6.4 M against 9.4 M messages/s to 20
 * subscribers, 500 against 610 handshakes/s, 90 against 54 KiB for an idle connection with its session.
 */
export class TlsHandshakes {
  readonly #options: TlsOptions;
  /** `undefined`: clients are not asked for certificates. */
  #clientCertificates: ClientCertificates | undefined;
  /** Listens nowhere: it is given connections. */
  readonly #server: Server;

  /** Throws TypeError for certificates or keys that cannot be used. */
  constructor(options: TlsOptions) {
    const { clientAuthority, alpnProtocols = ["mqtt"], requireCertificate = false, handshakeTimeoutMs } = options;
    checkServerCertificate(options);
    if (clientAuthority !== undefined) this.#clientCertificates = new ClientCertificates(clientAuthority);
    else if (requireCertificate) throw new TypeError("Cannot require certificates: clientAuthority is not given");
    this.#options = options;
    this.#server = createServer({
      ...secureContext(options, options, clientAuthority),
      ALPNProtocols: [...alpnProtocols],
      requestCert: clientAuthority !== undefined,
      rejectUnauthorized: false, // Its own way tells nobody why: #accepted() refuses.
      handshakeTimeout: 2 * (handshakeTimeoutMs ?? DEFAULT_HANDSHAKE_TIMEOUT_MS), // The timer of handshake() is first.
      pauseOnConnect: true,
    });
  }

  /**
   * Shows another certificate from the next handshake on, and asks for certificates of other authorities where these are
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
    this.#server.setSecureContext(secureContext(this.#options, reloaded, clientAuthority));
  }

  /** Rejects with HandshakeError; the connection is closed then. */
  async handshake(inner: Transport, listener: string): Promise<Transport> {
    const { handshakeTimeoutMs = DEFAULT_HANDSHAKE_TIMEOUT_MS } = this.#options;
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      inner.close(); // Ends whatever waits.
    }, handshakeTimeoutMs);
    let socket: TLSSocket | undefined;
    try {
      const stream = await openStream(channelOf(inner));
      const clientCertificates = this.#clientCertificates; // Those by which the runtime verifies in this handshake.
      socket = await this.#secured(stream);
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

  async #secured(stream: ChannelStream): Promise<TLSSocket> {
    try {
      const socket = await this.#begun(stream);
      stream.secured = socket;
      return socket;
    } catch (error) {
      const { reason, alert } = handshakeFailure(error, stream.first);
      if (alert !== undefined) await stream.refuse(alert);
      throw new HandshakeError(reason, { cause: error });
    }
  }

  /** Gives a connection to the server; rejects with what the server says of it. */
  #begun(stream: Duplex): Promise<TLSSocket> {
    const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>();
    stream.on("error", () => {}).on("close", () => reject(new HandshakeError(LOST))); // When nobody else told.
    // Listeners are called with the one that emits, and tell it what becomes of the connection: this one knows which.
    const emit = (event: string, value: unknown): boolean => {
      if (event === "secureConnection") resolve(value as TLSSocket); // As the event is documented.
      if (event === "tlsClientError") reject(value);
      return true;
    };
    const one: Server = Object.create(this.#server, { emit: { value: emit } });
    for (const take of this.#server.listeners("connection")) {
      // The event is documented to take any Duplex; some versions of its types say Socket only.
      take.call(one, stream as unknown as Socket);
    }
    return promise;
  }

  /** Throws HandshakeError for the certificate of the client. */
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

/** Looks at the first bytes before TLS does, which would say only that they are wrong. */
async function openStream(inner: ByteChannel): Promise<ChannelStream> {
  const first = await inner.read();
  if (first === undefined) throw new HandshakeError(LOST);
  const foreign = foreignToTls(first);
  if (foreign !== undefined) throw new HandshakeError(foreign);
  return new ChannelStream(inner, first);
}

/**
 * A connection as `node:tls` takes it. TLS reads from it without end, whether anybody reads from the TLS socket or not:
 * it is what holds a client back whose bytes nobody takes.
 */
class ChannelStream extends Duplex {
  readonly #inner: ByteChannel;
  /** What the client sent first. */
  readonly first: Uint8Array;
  /** The TLS socket above, when the handshake is over; it is closed with that then. */
  secured: TLSSocket | undefined;
  #isFirstRead = false;
  #isHeld = false;
  #isWritten = false;
  #endTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(inner: ByteChannel, first: Uint8Array) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.first = first;
  }

  /** Says why there will be no handshake: the runtime does not get to it. Behind its first bytes it is encrypted. */
  async refuse(alert: number): Promise<void> {
    if (!this.#isWritten) await this.#inner.write(Uint8Array.of(ALERT, 3, 3, 0, 2, FATAL, alert));
  }

  /** What was decrypted is taken. */
  goOn(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this._read();
  }

  close(): void {
    this.#inner.close();
  }

  override _read(): void {
    if (!this.#isFirstRead) {
      this.#isFirstRead = true;
      this.push(this.first);
    } else if (this.secured !== undefined && this.secured.readableLength > 0) {
      this.#isHeld = true;
    } else {
      this.#inner.read().then((bytes) => bytes === undefined ? this.#end() : this.push(bytes), (error) => {
        this.destroy(error);
      });
    }
  }

  /** The runtime goes on waiting for a handshake that cannot be completed any more. */
  #end(): void {
    this.push(null);
    if (this.secured !== undefined) return;
    this.#endTimer = setTimeout(() => {
      if (this.secured === undefined) this.destroy();
    }, ENDED_HANDSHAKE_MS);
  }

  override _write(chunk: Uint8Array, _encoding: string, done: (error?: Error | null) => void): void {
    this.#isWritten = true;
    this.#inner.write(chunk).then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.closeWrite().then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#endTimer);
    if (this.secured !== undefined) this.#inner.close();
    done(error);
  }
}
