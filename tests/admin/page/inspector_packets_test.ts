import { assertEquals } from "@std/assert";
import {
  clientText,
  deltaText,
  framesText,
  PacketList,
  secondsText,
} from "../../../src/admin/page/inspector_packets.ts";
import { article, connection, tracePage } from "./traced.ts";

Deno.test("PacketList shows the CONNECT of an article as one packet in 13 frames, and its CONNACK", () => {
  const list = new PacketList();
  list.add(tracePage([
    { frames: article("002-connect"), timeMs: 1_000 },
    { sent: "20 02 00 00", timeMs: 1_161 },
  ]));
  assertEquals(
    list.shown.map((row) => [
      row.number,
      secondsText(row.timeMs, list.firstTimeMs ?? 0),
      deltaText(row, list.rows[row.number - 2]),
      clientText(row),
      row.isSent,
      `${row.name} ${row.details}`,
      row.wireBytes,
      framesText(row),
    ]),
    [
      [
        1,
        "0.000",
        "",
        "861694030142473",
        false,
        'CONNECT v3.1.1 "861694030142473" keep alive 60 s',
        53,
        "13",
      ],
      [
        2,
        "0.161",
        "+0.161",
        "861694030142473",
        true,
        "CONNACK Connection Accepted",
        4,
        "1",
      ],
    ],
  );
});

Deno.test("PacketList links a packet with its answer by the numbers of their rows", () => {
  const list = new PacketList();
  list.add(
    tracePage([{ received: "32 08 0001 61 0007 686f6c" }, {
      sent: "40 02 0007",
    }, { received: "c0 00" }], {
      connections: [connection({ isFromStart: false })],
    }),
  );
  const [publish, puback, pingreq] = list.rows;
  assertEquals(publish?.entry?.answeredBy?.record, 2);
  assertEquals(puback?.entry?.answers?.record, 1);
  assertEquals(pingreq?.entry?.answeredBy, undefined);
});

Deno.test("PacketList shows what is no packet in words", () => {
  const list = new PacketList();
  list.add(tracePage([
    { record: { kind: "opened" } },
    {
      record: {
        kind: "frame",
        bytes: btoa("hi"),
        frame: { opcode: 9, isFinal: true, isMasked: true, length: 2 },
      },
    },
    {
      record: {
        kind: "frame",
        bytes: "A+lieWU=",
        frame: { opcode: 8, isFinal: true, isMasked: true, length: 5 },
      },
    },
    {
      record: {
        kind: "closed",
        reasonCode: 0x81,
        reason: "Malformed Packet",
        by: "server",
      },
    },
    { record: { kind: "refused", reason: "wrong path", help: "path" } },
  ], { connections: [connection({ clientId: "" })] }));
  assertEquals(
    list.rows.map((
      row,
    ) => [`${row.name}: ${row.details}`, row.isBroken, framesText(row)]),
    [
      ["Connected: 127.0.0.1:43078 to ws://127.0.0.1:8083/mqtt", false, ""],
      ["WebSocket Ping: 2 B", false, ""],
      ['WebSocket Close: 1001 Going Away "bye"', false, ""],
      ["Closed: by the broker · 0x81 Malformed Packet", true, ""],
      ["Refused: wrong path", true, ""],
    ],
  );
  assertEquals(list.rows.map(clientText).at(-1), "127.0.0.1:43078");
});

Deno.test("PacketList keeps its limits, drops the oldest and counts them", () => {
  const list = new PacketList({ rows: 100, bytes: 1_000_000 });
  for (let first = 1; first <= 1_000; first += 10) {
    list.add(
      tracePage(Array.from({ length: 10 }, () => ({ received: "c0 00" })), {
        first,
      }),
    );
  }
  assertEquals([
    list.rows.length <= 100,
    list.rows.length >= 80,
    list.rows.at(-1)?.number,
  ], [true, true, 1_000]);
  assertEquals(list.dropped + list.rows.length, 1_000);
  assertEquals(list.rowOf(1), undefined);
  assertEquals(list.rowOf(999)?.number, 999);
  const small = new PacketList({ rows: 1_000, bytes: 20 });
  small.add(
    tracePage(Array.from({ length: 100 }, () => ({ received: "c0 00" }))),
  );
  assertEquals(small.rows.length, 9);
});

Deno.test("PacketList takes no record twice, as after a lost stream", () => {
  const list = new PacketList();
  list.add(tracePage([{ received: "c0 00" }, { sent: "d0 00" }]));
  list.add(tracePage([{ sent: "d0 00" }, { received: "c0 00" }], { first: 2 }));
  assertEquals(list.rows.map(({ number }) => number), [1, 2, 3]);
});

Deno.test("PacketList counts what the broker lost, what was not read in time, and what was gone before", () => {
  const list = new PacketList();
  list.add(tracePage([{ received: "c0 00" }], { first: 4, lost: 7, missed: 3 }));
  list.add(tracePage([{ received: "c0 00", lostBefore: 2 }], { first: 10, lost: 9, missed: 5 }));
  assertEquals([list.lost, list.missed, list.dropped, list.rows[1]?.lostBefore], [9, 5, 3, 2]);
  list.clear();
  list.add(tracePage([], { first: 11, lost: 12 }));
  assertEquals([list.lost, list.missed, list.dropped], [3, 0, 5]);
});

Deno.test("PacketList filters again when the client of a connection is known", () => {
  const list = new PacketList();
  list.filter((row) => clientText(row) === "late");
  list.add(
    tracePage([{ record: { kind: "opened" } }], {
      connections: [connection({ clientId: "" })],
    }),
  );
  assertEquals(list.shown.length, 0);
  list.add(
    tracePage([], {
      connections: [connection({ clientId: "late" })],
      first: 2,
    }),
  );
  assertEquals(list.shown.map(({ number }) => number), [1]);
  list.clear();
  assertEquals([list.shown.length, list.dropped], [0, 1]);
});

Deno.test("PacketList reads a PUBLISH of a trace of a topic, which has no CONNECT, in the version of its client", () => {
  const list = new PacketList();
  list.add(
    tracePage([{ received: "30 07 0001 61 02 01 01 68" }], { connections: [connection({ protocolVersion: 5 })] }),
  );
  assertEquals(list.rows.map(({ details, isBroken }) => [details, isBroken]), [["a · 1 B · QoS 0", false]]);
  const unknown = new PacketList();
  unknown.add(tracePage([{ received: "c0 00" }], { connections: [connection({ protocolVersion: undefined })] }));
  assertEquals(unknown.rows[0]?.details.slice(0, 46), "malformed: The first packet is not CONNECT (Pr");
});

Deno.test("the name of a client cannot turn the text of its row", () => {
  const list = new PacketList();
  list.add(tracePage([{ received: "c0 00" }], { connections: [connection({ clientId: "\u202Ea" })] }));
  assertEquals(list.rows.map(clientText), ["\\u{202e}a"]);
});
