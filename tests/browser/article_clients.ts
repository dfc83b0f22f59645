import { within } from "../deadline.ts";
import vectors from "../vectors.json" with { type: "json" };
import type { AdminListeners } from "./admin_listeners.ts";

/** CONNECT of the article whose client sends each part in a WebSocket frame of its own. */
export const CONNECT = vectors.vectors["002-connect"];
export const CLIENT_ID = "861694030142473";

/** Bytes of hex, with spaces or without. */
export function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(hex.match(/[\da-f]{2}/gi) ?? [], (byte) => parseInt(byte, 16));
}

/** Client that sends its CONNECT in 13 frames; resolves when CONNACK is there. */
export async function connectInFrames(url: string): Promise<WebSocket> {
  const socket = new WebSocket(url, "mqtt");
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    for (const frame of CONNECT.frames) socket.send(bytesOf(frame));
  };
  await message(socket);
  return socket;
}

/** Closes a WebSocket, unless the broker has; resolves when it is closed. */
export async function closed(socket: WebSocket): Promise<void> {
  if (socket.readyState === WebSocket.CLOSED) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.onclose = () => resolve();
  socket.close();
  await within(promise, "the end of the WebSocket");
}

/**
 * Sessions of the articles: CONNECT over TCP and in frames, SUBSCRIBE, PUBLISH, PINGREQ and DISCONNECT, and then a client
 * that sends what no decoder accepts.
 */
export async function playArticles(dashboard: AdminListeners): Promise<void> {
  const packets = vectors.vectors;
  const tcp = await Deno.connect({ hostname: "127.0.0.1", port: dashboard.tcpPort });
  for (const hex of [CONNECT.hex, packets["000-pingreq"].hex]) {
    await tcp.write(bytesOf(hex));
    await tcp.read(new Uint8Array(64));
  }
  await tcp.write(bytesOf(packets["001-disconnect"].hex));
  await tcp.read(new Uint8Array(64));
  tcp.close();
  const socket = await connectInFrames(dashboard.webSocket.url);
  for (const name of ["001-subscribe", "001-publish"] as const) {
    const answer = message(socket);
    for (const frame of packets[name].frames) socket.send(bytesOf(frame));
    await answer;
  }
  await closed(socket);
  const wrong = await Deno.connect({ hostname: "127.0.0.1", port: dashboard.tcpPort });
  await wrong.write(bytesOf("10 13 0004 4d515454 05 02 003c 00 0006 736d616c6c21"));
  await wrong.read(new Uint8Array(64));
  await wrong.write(bytesOf("36 05 0001 61 0001"));
  await wrong.read(new Uint8Array(64));
  wrong.close();
}

async function message(socket: WebSocket): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.onmessage = () => resolve();
  await within(promise, "an answer over WebSocket");
}
