import { parseServerAddress } from "../client/open_transport.ts";
import { PacketDecoder } from "../codec/decoder.ts";
import { encodePacket } from "../codec/encoder.ts";
import type { ConnackPacket, Packet } from "../codec/packet.ts";
import { NO_PROPERTIES } from "../codec/property.ts";
import { ReasonCode, reasonCodeName } from "../codec/reason_code.ts";
import type { ByteChannel } from "../transport/transport.ts";
import { DEFAULT_PATH, schemeOf, SCHEMES, unixParts } from "../transport/schemes.ts";
import { ClientConnection, type PacketHandler } from "./client_connection.ts";
import type { LoadTarget } from "./load_plan.ts";
import { openSocket } from "./socket.ts";
import { WebSocketChannel } from "./web_socket_channel.ts";

const CONNECT_WITHIN_MS = 30_000;
/** Keep Alive that is long enough for a load to send no PINGREQ. */
const KEEP_ALIVE_SECONDS = 65_535;

/** Reports something unexpected in a load to the user. */
export class LoadError extends Error {
  override readonly name = "LoadError";
}

/** Connection that the broker has accepted. */
export interface OpenConnection {
  readonly connection: ClientConnection;
  readonly connack: ConnackPacket;
}

/** Connects as an MQTT client; `handler` gets all packets after CONNACK. Throws {@linkcode LoadError}. */
export async function openConnection(
  target: LoadTarget,
  clientId: string,
  handler: PacketHandler,
): Promise<OpenConnection> {
  let channel: ByteChannel | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("the broker did not answer")), CONNECT_WITHIN_MS);
  });
  const opening = (async () => {
    channel = await openChannel(target);
    return await handshake(target, clientId, handler, channel);
  })();
  try {
    return await Promise.race([opening, late]);
  } catch (error) {
    opening.catch(() => {}); // The timeout is reported instead.
    channel?.close();
    throw new LoadError(`Cannot connect to ${withoutPassword(target.url)}: ${messageOf(error)}`);
  } finally {
    clearTimeout(timer);
  }
}

/** Decodes the packet between two positions. Throws for one that is malformed, or too large to be complete here. */
export function decodeBetween(bytes: Uint8Array, start: number, end: number, { protocolVersion }: LoadTarget): Packet {
  const [packet] = new PacketDecoder({ protocolVersion }).decode(bytes.slice(start, end));
  if (packet === undefined) throw new LoadError("the broker has sent a packet that is too large");
  if (packet.type === "malformed") throw packet.error;
  return packet;
}

/** Removes the credentials of a URL, so that it may be printed. */
export function withoutPassword(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text;
  url.username = url.password = "";
  return url.href.replace(/^(mqtts?:.*)\/$/, "$1");
}

function handshake(
  target: LoadTarget,
  clientId: string,
  handler: PacketHandler,
  channel: ByteChannel,
): Promise<OpenConnection> {
  const { promise, resolve, reject } = Promise.withResolvers<OpenConnection>();
  let isAccepted = false;
  const connection = new ClientConnection(channel, {
    packet(bytes, start, body, remainingLength) {
      if (isAccepted) return handler.packet(bytes, start, body, remainingLength);
      isAccepted = true;
      const connack = decodeBetween(bytes, start, body + remainingLength, target);
      if (connack.type !== "connack") return reject(new Error(`${connack.type} came before CONNACK`));
      if (connack.reasonCode === ReasonCode.Success) return resolve({ connection, connack });
      reject(new Error(`the broker said "${reasonCodeName(connack.reasonCode)}"`));
    },
    turnEnded: () => handler.turnEnded(),
    written: () => handler.written(),
    lost(error) {
      if (isAccepted) handler.lost(error);
      reject(error); // For a caller that still waits.
    },
  });
  connection.append(connectPacket(target, clientId));
  connection.flush();
  connection.read(); // Never rejects.
  return promise;
}

function connectPacket({ url, protocolVersion }: LoadTarget, clientId: string): Uint8Array {
  const { username, password } = new URL(url);
  return encodePacket({
    type: "connect",
    protocolVersion,
    isBridge: false,
    cleanStart: true,
    keepAliveSeconds: KEEP_ALIVE_SECONDS,
    clientId,
    will: undefined,
    userName: username === "" ? undefined : decodeURIComponent(username),
    password: password === "" ? undefined : new TextEncoder().encode(decodeURIComponent(password)),
    properties: NO_PROPERTIES,
  }, protocolVersion);
}

/** Opens a channel; WebSocket uses our own implementation, see {@linkcode WebSocketChannel}. */
async function openChannel({ url, tls }: LoadTarget): Promise<ByteChannel> {
  const server = parseServerAddress(url);
  if (!(server instanceof URL)) throw new TypeError(`"${url}" is no URL`);
  const scheme = schemeOf(server);
  if (scheme === undefined || !SCHEMES[scheme].isWebSocket) return await openSocket(server, tls);
  const { socket, isTls, connectPort } = SCHEMES[scheme];
  const { file, path = DEFAULT_PATH } = unixParts(server);
  const [below, request] = socket === "unix"
    ? [`unix:${encodeURIComponent(file)}`, new URL(`ws://localhost${path}${server.search}`)]
    : [`${isTls ? "mqtts" : "mqtt"}://${server.hostname}:${server.port || connectPort}`, server];
  const channel = await openSocket(new URL(below), { ...tls, alpnProtocols: ["http/1.1"] });
  try {
    return await WebSocketChannel.open(channel, request);
  } catch (error) {
    channel.close();
    throw error;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
