import { assertEquals } from "@std/assert";
import { explain, type OwnEvent } from "../../../src/admin/page/tool_reasons.ts";

const BASE = {
  protocolVersion: 5,
  address: "ws://h:8083/mqtt",
  events: [],
  wasConnected: false,
  page: "http://h/",
  mayOpen: true,
} as const;

Deno.test("a WebSocket that could not be opened is explained by the broker's newest event", () => {
  const events: OwnEvent[] = [
    {
      id: 2,
      kind: "refused",
      text: "Refused: the path /nope is not one of /mqtt",
      remedy: "Use /mqtt.",
      timeMs: 2,
    },
    { id: 1, kind: "refused", text: "older", timeMs: 1 },
  ];
  assertEquals(explain(new Error("cannot"), { ...BASE, events }), {
    title: "The broker refused the connection",
    text: "Refused: the path /nope is not one of /mqtt.",
    remedy: "Use /mqtt.",
    clause: undefined,
  });
});

Deno.test("a WebSocket of which the broker knows nothing is explained by what browsers do", () => {
  const title = "Nothing of this attempt reached the broker";
  const why = (change: Partial<Parameters<typeof explain>[1]>) => {
    const explanation = explain(new Error("cannot"), { ...BASE, ...change });
    assertEquals(explanation.title, title);
    return explanation.remedy;
  };
  assertEquals(
    why({ page: "https://h/" }),
    "Use wss:// or this page's own address.",
  );
  assertEquals(
    why({ address: "wss://h:8084/mqtt" }),
    "Open https://h:8084/mqtt in a tab, accept the certificate or install its authority, and connect again.",
  );
  assertEquals(why({}), "Choose one of the addresses that the list offers.");
  assertEquals(
    explain(new DOMException("late", "TimeoutError"), BASE).title,
    "There was no answer",
  );
});

Deno.test("an address that the page may not open is explained by its Content Security Policy", () => {
  const { title, remedy } = explain(new Error("cannot"), { ...BASE, mayOpen: false });
  assertEquals(title, "The browser did not open this address");
  assertEquals(remedy?.slice(0, 30), "Choose an address of the list,");
});

Deno.test("an event explains only what it is about: a refusal a failed attempt, an end a connection", () => {
  const events: OwnEvent[] = [
    { id: 3, kind: "ended", text: "Client a disconnected.", timeMs: 3 },
    { id: 2, kind: "refused", text: "the origin is not allowed", timeMs: 2 },
  ];
  assertEquals(explain(new Error(), { ...BASE, events }).text, "the origin is not allowed.");
  assertEquals(explain(new Error(), { ...BASE, events, wasConnected: true }).text, "Client a disconnected.");
});

Deno.test("another path of the dashboard is explained, for which the broker has no event", () => {
  const { title } = explain(new Error(), { ...BASE, address: "ws://h/nope" });
  assertEquals(title, "The dashboard has no WebSocket at this path");
});
