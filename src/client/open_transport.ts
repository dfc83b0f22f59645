import { connectWebSocket } from "../transport/web_socket/connect_web_socket.ts";
import type { TlsClientOptions } from "../transport/tls/connect_tls.ts";
import { memoryTransport } from "../transport/memory.ts";
import type { Transport } from "../transport/transport.ts";

/** Server in the same process, such as a `Broker`: it serves the other end of a connection to its end. */
export interface TransportServer {
  serve(transport: Transport): Promise<void>;
}

/** Address of a server: a URL, or a server in the same process. */
export type ServerAddress = string | URL | TransportServer;

/** An open connection, with what its client must know of it. */
export interface OpenTransport {
  readonly transport: Transport;
  /** Whether the server waits while nothing is read. Messages of the runtime's WebSocket arrive regardless. */
  readonly canPause: boolean;
  /** Resolves when a server in the same process has finished serving it. */
  readonly served: Promise<void> | undefined;
}

const DEFAULT_PORTS = { "mqtt:": 1883, "mqtts:": 8883 } as const;
const DEFAULT_PATH = "/mqtt";

/** Parses an address; throws TypeError for one that cannot be connected to. */
export function parseServerAddress(address: ServerAddress): URL | TransportServer {
  if (typeof address === "object" && "serve" in address) return address;
  const url = new URL(address);
  switch (url.protocol) {
    case "ws:":
    case "wss:":
      if (url.pathname === "/") url.pathname = DEFAULT_PATH; // Nearly all servers use this path.
      url.hash = "";
      return url;
    case "mqtt:":
    case "mqtts:":
      if (url.hostname !== "") return url;
      break;
    case "unix:":
      if (url.pathname !== "") return url;
  }
  throw new TypeError(
    `Cannot connect to "${url.protocol}//${url.host}": it is not mqtt://, mqtts://, ws://, wss:// with a host, or unix:path`,
  );
}

/** User Name and Password of a URL. */
export function credentialsOf(server: URL | TransportServer): { userName?: string; password?: string } {
  if (!(server instanceof URL)) return {};
  return {
    ...server.username !== "" && { userName: decodeURIComponent(server.username) },
    ...server.password !== "" && { password: decodeURIComponent(server.password) },
  };
}

/** Opens a connection. Code that needs sockets is loaded when the URL asks for it, so that web pages do without it. */
export async function openTransport(
  server: URL | TransportServer,
  tls: TlsClientOptions | undefined,
  signal: AbortSignal,
): Promise<OpenTransport> {
  if (!(server instanceof URL)) {
    const pair = memoryTransport();
    return { transport: pair.client, canPause: true, served: server.serve(pair.server) };
  }
  const canPause = !server.protocol.startsWith("ws");
  try {
    return { transport: await untilAborted(connect(server, tls, signal), signal), canPause, served: undefined };
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    throw new TypeError(`Cannot connect to "${server.protocol}": a page of the web has ws: and wss: only`, {
      cause: error,
    });
  }
}

async function connect(url: URL, tls: TlsClientOptions | undefined, signal: AbortSignal): Promise<Transport> {
  const hostname = url.hostname.replace(/^\[(.*)\]$/, "$1");
  switch (url.protocol) {
    case "ws:":
    case "wss:": {
      const plain = new URL(url);
      plain.username = plain.password = ""; // They are for CONNECT.
      if (tls === undefined || url.protocol === "ws:") return await connectWebSocket(plain.href, signal);
      const { connectTrustedWebSocket } = await import("../transport/web_socket/connect_web_socket.ts");
      return await connectTrustedWebSocket(plain.href, tls, signal);
    }
    case "mqtts:": {
      const { connectTls } = await import("../transport/tls/connect_tls.ts");
      return await connectTls({ ...tls, hostname, port: portOf(url, "mqtts:"), signal });
    }
    case "unix:": {
      const { connectUnix } = await import("../transport/unix.ts");
      return await connectUnix(decodeURIComponent(url.pathname));
    }
    default: {
      const { connectTcp } = await import("../transport/tcp.ts");
      return await connectTcp({ hostname, port: portOf(url, "mqtt:"), signal });
    }
  }
}

function portOf(url: URL, protocol: keyof typeof DEFAULT_PORTS): number {
  return url.port === "" ? DEFAULT_PORTS[protocol] : Number(url.port);
}

/** Stops waiting when aborted; a connection that is opened nevertheless is closed. */
function untilAborted(connecting: Promise<Transport>, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort);
    connecting.then((transport) => {
      signal.removeEventListener("abort", abort);
      if (signal.aborted) transport.close();
      resolve(transport);
    }, (error) => {
      signal.removeEventListener("abort", abort);
      reject(error);
    });
  });
}
