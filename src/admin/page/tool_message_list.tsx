import { useEffect, useRef, useState } from "preact/hooks";
import { printable } from "../../codec/printable.ts";
import { hasProperties, type Properties } from "../../codec/property.ts";
import { useTool } from "./app.ts";
import { Badge, Button, Fact, Facts } from "./components.tsx";
import { Payload } from "./payload.tsx";
import { base64OfBytes, likelyForm, shownAs } from "./payload_bytes.ts";
import { bytes, count, counted } from "./text.ts";
import type { ToolConnection } from "./tool_connection.ts";
import type { ReceivedMessage } from "./tool_messages.ts";

/** Messages in view without being asked for, so that a flood draws a few rows a frame. */
const MOST_IN_VIEW = 60;
/** Bytes of a payload that its line shows. */
const MOST_LINE_BYTES = 600;

/** Received messages, the newest at the end; it follows the end until it is scrolled. */
export function MessageList({ connection }: { readonly connection: ToolConnection }) {
  useTool();
  const { log } = connection;
  const [isWhole, setWhole] = useState(false);
  const [openNumber, open] = useState<number>();
  const list = useRef<HTMLDivElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isAtEnd.current && list.current !== null) list.current.scrollTop = list.current.scrollHeight;
  }, [log.count]);
  const shown = isWhole ? log.messages : log.messages.slice(-MOST_IN_VIEW);
  const hidden = log.messages.length - shown.length;
  return (
    <div class="tool-received">
      <div
        class="tool-messages"
        role="log"
        aria-live="off"
        aria-label={`Messages of ${connection.clientId}`}
        tabIndex={0}
        ref={list}
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) => {
          isAtEnd.current = scrollTop + clientHeight >= scrollHeight - 8;
        }}
      >
        {log.count === 0 && (
          <p class="muted tool-empty">
            {connection.subscriptions.length === 0
              ? "Subscribe to a Topic Filter such as test/#, then publish to test/hello, here or with another client."
              : "No message yet. Publish to a topic of the subscription, here or with another client."}
          </p>
        )}
        {hidden > 0 && (
          <button type="button" class="link tool-earlier" onClick={() => setWhole(true)}>Show {hidden} earlier</button>
        )}
        {shown.map((received) => (
          <MessageRow
            key={received.number}
            received={received}
            isOpen={received.number === openNumber}
            onPick={() => open(received.number === openNumber ? undefined : received.number)}
          />
        ))}
      </div>
      <div class="row note">
        <span>
          {counted(log.count, "message")}
          {log.dropped > 0 && `, the oldest ${count(log.dropped)} no longer kept`}
        </span>
        <span class="push">
          <Button isSmall isDisabled={log.count === 0} onClick={() => connection.clearMessages()}>Clear</Button>
        </span>
      </div>
    </div>
  );
}

function MessageRow({ received, isOpen, onPick }: {
  readonly received: ReceivedMessage;
  readonly isOpen: boolean;
  readonly onPick: () => void;
}) {
  const { topic, payload, qos, retain, dup, properties } = received.message;
  return (
    <article class="tool-message">
      <div class="tool-message-head">
        <button type="button" class="pick mono strong from-broker" aria-expanded={isOpen} onClick={onPick}>
          <bdi>{printable(topic)}</bdi>
        </button>
        <Badge>QoS {qos}</Badge>
        {retain && <Badge>retained</Badge>}
        {dup && <Badge>dup</Badge>}
        <span class="push note">{bytes(payload.length)} · {timeOfDay(received.timeMs)}</span>
      </div>
      {isOpen
        ? (
          <div class="stack">
            <Payload data={payload} />
            {hasProperties(properties) && (
              <Facts>
                {propertyRows(properties).map(([name, value], index) => <Fact key={index} name={name}>{value}</Fact>)}
              </Facts>
            )}
          </div>
        )
        : <p class="mono tool-line">{lineOf(payload)}</p>}
    </article>
  );
}

/** Payload in a line: its text, or its first bytes in hex. */
function lineOf(payload: Uint8Array): string {
  if (payload.length === 0) return "(empty)";
  const first = payload.subarray(0, MOST_LINE_BYTES);
  if (likelyForm(payload) === "hex") {
    return Array.from(first.subarray(0, 48), (byte) => byte.toString(16).padStart(2, "0")).join(" ") +
      (payload.length > 48 ? " …" : "");
  }
  const text = shownAs("text", payload) ?? "";
  return text.length > MOST_LINE_BYTES ? `${text.slice(0, MOST_LINE_BYTES)} …` : text;
}

function propertyRows(properties: Properties): (readonly [string, string])[] {
  return Object.entries(properties).flatMap(([name, value]): (readonly [string, string])[] => {
    if (name === "userProperties") {
      return (properties.userProperties ?? []).map(([key, text]) =>
        [`User property ${printable(key)}`, printable(text)] as const
      );
    }
    return [[inWords(name), value instanceof Uint8Array ? base64OfBytes(value) : printable(String(value))]];
  });
}

/** `messageExpiryInterval` as `Message expiry interval`. */
function inWords(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** Time with milliseconds, such as `11:42:03.144`. */
function timeOfDay(timeMs: number): string {
  const date = new Date(timeMs);
  return `${date.toLocaleTimeString("en-GB")}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}
