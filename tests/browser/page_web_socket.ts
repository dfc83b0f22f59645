import type { Page } from "playwright-core";
import { within } from "../deadline.ts";

/** What a page saw of its own `WebSocket`. */
export interface PageWebSocket {
  /** `socket.protocol` and `socket.extensions` when it was opened; `undefined` when it was not. */
  readonly opened: { readonly protocol: string; readonly extensions: string } | undefined;
  /** The first message, as hex. */
  readonly answer: string | undefined;
  /** Code of the `close` event, where it closed before there was an answer. */
  readonly closeCode: number | undefined;
}

/** Opens a `WebSocket` in the page and says something, in hex or as text; it is closed when there is an answer. */
export function openWebSocket(
  page: Page,
  url: string,
  protocols: string | readonly string[],
  message: { readonly hex: string } | { readonly text: string },
): Promise<PageWebSocket> {
  const run = page.evaluate(({ url, protocols, message }) =>
    new Promise<PageWebSocket>((resolve) => {
      const socket = new WebSocket(url, protocols);
      socket.binaryType = "arraybuffer";
      let opened: PageWebSocket["opened"];
      socket.onopen = () => {
        opened = { protocol: socket.protocol, extensions: socket.extensions };
        const bytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => parseInt(byte, 16));
        socket.send("text" in message ? message.text : bytes(message.hex));
      };
      socket.onclose = ({ code }) => resolve({ opened, answer: undefined, closeCode: code });
      socket.onmessage = ({ data }) => {
        const hex = [...new Uint8Array(data)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
        resolve({ opened, answer: hex, closeCode: undefined });
        socket.close();
      };
    }), { url, protocols: typeof protocols === "string" ? protocols : [...protocols], message });
  return within(run, "the WebSocket of the page");
}
