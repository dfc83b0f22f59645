import { assertEquals } from "@std/assert";
import {
  closeText,
  frameBytes,
  frameText,
  headWithoutSecrets,
  Opcode,
  PacketAssembler,
  readFrame,
  WebSocketReader,
} from "../../../src/admin/dissect/frames.ts";
import { encodeClose, encodeFrame, FrameDecoder, Masks } from "../../../src/transport/web_socket/frames.ts";
import { fromHex, toHex } from "../../codec/hex.ts";
import { seededTest } from "../../seeded.ts";
import vectors from "../../vectors.json" with { type: "json" };

Deno.test("CONNECT of an article, in 13 frames, is one packet whose pieces are the frames", () => {
  const { hex, frames } = vectors.vectors["002-connect"];
  const assembler = new PacketAssembler();
  const packets = frames.flatMap((frame) => assembler.add(fromHex(frame)));
  assertEquals(packets.map(({ bytes }) => toHex(bytes)), [hex]);
  assertEquals(packets[0]?.pieces.map(({ source }) => source), Array.from({ length: 13 }, (_, index) => index));
  assertEquals(packets[0]?.pieces[8], { source: 8, start: 14, end: 29 }); // The client identifier.
});

Deno.test("several packets of one frame have one source", () => {
  const assembler = new PacketAssembler();
  const packets = assembler.add(fromHex("c000 30 [ 'a' 61 ] c0"));
  assertEquals(packets.map(({ bytes, pieces }) => [toHex(bytes), pieces]), [
    ["c000", [{ source: 0, start: 0, end: 2 }]],
    ["300400016161", [{ source: 0, start: 0, end: 6 }]],
  ]);
  assertEquals(toHex(assembler.rest), "c0");
  assertEquals(assembler.add(fromHex("00"))[0]?.pieces, [{ source: 0, start: 0, end: 1 }, {
    source: 1,
    start: 1,
    end: 2,
  }]);
});

Deno.test("frames that were announced are the sources of bytes that are read together, or in parts", () => {
  const { hex, frames } = vectors.vectors["002-connect"];
  for (const readBytes of [1, 7, 53]) {
    const assembler = new PacketAssembler();
    for (const frame of frames) assembler.announce(frame.length / 2);
    assembler.announce(0);
    const bytes = fromHex(hex);
    const packets = Array.from(
      { length: Math.ceil(53 / readBytes) },
      (_, index) => assembler.add(bytes.subarray(index * readBytes, (index + 1) * readBytes)),
    ).flat();
    assertEquals(packets.map(({ bytes }) => toHex(bytes)), [hex]);
    assertEquals(new Set(packets[0]?.pieces.map(({ source }) => source)).size, 13);
    assertEquals(assembler.add(fromHex("c000"))[0]?.pieces, [{ source: 14, start: 0, end: 2 }]);
  }
});

Deno.test("a packet of which only the first bytes were kept has its size, and packets after it are found", () => {
  const assembler = new PacketAssembler();
  const bytes = fromHex(`30 [ 'a' ${"61".repeat(1_000)} ]`);
  const [packet] = assembler.add(bytes.subarray(0, 100), bytes.length);
  assertEquals([packet?.bytes.length, packet?.wireBytes, assembler.isLost], [100, bytes.length, false]);
  assertEquals(assembler.add(fromHex("c000")).length, 1);
  // The second packet of a read may begin among the bytes that are missing.
  assertEquals(assembler.add(bytes.subarray(0, 100), bytes.length + 2).length, 1);
  assertEquals(assembler.isLost, true);
  assertEquals(assembler.add(fromHex("c000")), []);
});

Deno.test("a malformed Remaining Length takes all bytes that there are", () => {
  const assembler = new PacketAssembler();
  assertEquals(assembler.add(fromHex("c000 30 ffffffffff 61")).map(({ bytes }) => toHex(bytes)), [
    "c000",
    "30ffffffffff61",
  ]);
  assertEquals([assembler.isLost, assembler.add(fromHex("c000"))], [true, []]);
});

seededTest("packets are the same however their bytes are cut", (random) => {
  const hex = ["c000", "30 [ 'a' ]", `30 [ 'a' ${"61".repeat(200)} ]`, "d000", "10 [ 'MQTT' 04 02 003c 'a' ]"];
  const packets = Array.from({ length: random.integer(1, 8) }, () => fromHex(random.pick(hex)));
  const bytes = Uint8Array.from(packets.flatMap((packet) => [...packet]));
  const assembler = new PacketAssembler();
  const found = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + random.integer(1, 40));
    found.push(...assembler.add(bytes.subarray(at, end)));
    at = end;
  }
  assertEquals(found.map(({ bytes }) => toHex(bytes)), packets.map(toHex));
  for (const { bytes, pieces } of found) {
    assertEquals(pieces.map(({ start }) => start), [0, ...pieces.slice(0, -1).map(({ end }) => end)]);
    assertEquals(pieces.at(-1)?.end, bytes.length);
  }
});

Deno.test("frames of both sides are read as the transport writes them, cut at every byte", () => {
  const masks = new Masks();
  const head = new TextEncoder().encode("GET /mqtt HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const size of [0, 5, 125, 126, 70_000]) {
    const frame = encodeFrame(Opcode.Binary, new Uint8Array(size).fill(7), { masks });
    for (const cut of size > 1_000 ? [1, 40, 60_000] : Array.from(frame.keys())) {
      const reader = new WebSocketReader();
      const bytes = Uint8Array.from([...head, ...frame]);
      const items = [
        ...reader.add(bytes.subarray(0, head.length + cut)),
        ...reader.add(bytes.subarray(head.length + cut)),
      ];
      assertEquals(items.map(({ type }) => type), ["head", "frame"]);
      const item = items[1];
      if (item?.type !== "frame") throw new Error("There is no frame");
      assertEquals([item.frame.payload.length, item.frame.isMasked, item.frame.wireBytes], [size, true, frame.length]);
      assertEquals(item.frame.payload.every((byte) => byte === 7), true);
    }
  }
});

Deno.test("a frame of 8 MiB in segments of 1,400 bytes is put together once", () => {
  const bytes = frameBytes({
    opcode: Opcode.Binary,
    isFinal: true,
    isMasked: false,
    payload: new Uint8Array(8_388_608),
  });
  const reader = new WebSocketReader();
  reader.add(new TextEncoder().encode("HTTP/1.1 101 Switching Protocols\r\n\r\n"));
  const items = [];
  for (let at = 0; at < bytes.length; at += 1_400) items.push(...reader.add(bytes.subarray(at, at + 1_400)));
  assertEquals(items.map((item) => item.type === "frame" ? item.frame.payload.length : 0), [8_388_608]);
});

Deno.test("frameBytes() writes frames that the transport reads", () => {
  for (const length of [0, 5, 125, 126, 65_535, 65_536]) {
    const payload = new Uint8Array(length).fill(7);
    const decoder = new FrameDecoder(1_000_000, () => {});
    const bytes = frameBytes({ opcode: Opcode.Binary, isFinal: true, isMasked: true, payload });
    assertEquals(decoder.decode(bytes)?.length ?? 0, length);
    assertEquals([decoder.end, readFrame(bytes)?.payload.length], [undefined, length]);
  }
});

Deno.test("control frames and their Close codes are words", () => {
  const close = readFrame(encodeClose(1001, "bye"));
  assertEquals(close && frameText(close), 'Connection Close 1001 Going Away "bye"');
  const ping = readFrame(encodeFrame(Opcode.Ping, fromHex("0102")));
  assertEquals(ping && frameText(ping), "Ping, 2 B");
  assertEquals(closeText(fromHex("0fa0")), "4000");
  assertEquals(closeText(new Uint8Array()), "");
});

Deno.test("credentials in the head of an upgrade are asterisks of the same length", () => {
  const head = "GET /mqtt?token=abc&x=1&y HTTP/1.1\r\nHost: a\r\nAUTHORIZATION: Basic dTpw\r\nCookie:a=b; c=d\r\n" +
    "Proxy-Authorization: x\r\nOrigin: https://a/?b=c\r\n\r\n";
  assertEquals(
    headWithoutSecrets(head),
    "GET /mqtt?token=***&x=*&* HTTP/1.1\r\nHost: a\r\nAUTHORIZATION: **********\r\nCookie:********\r\n" +
      "Proxy-Authorization: *\r\nOrigin: https://a/?b=c\r\n\r\n",
  );
  assertEquals(
    headWithoutSecrets("HTTP/1.1 101 Switching Protocols\r\nSet-Cookie: a=b\r\n\r\n").endsWith("Cookie: ***\r\n\r\n"),
    true,
  );
});

Deno.test("a head shows the fields that say how an upgrade went, and hides those where tokens may be", () => {
  const shown =
    "Host: a:1\r\nOrigin: https://a\r\nUser-Agent: b\r\nSec-WebSocket-Key: c\r\nX-Forwarded-For: 1.2.3.4\r\n";
  const tokens = ["X-Api-Key: abc", "X-Forwarded-Access-Token: abc", "Cf-Access-Jwt-Assertion: abc", "Referer: abc"];
  const hidden = tokens.map((field) => field.replace("abc", "***"));
  const subprotocols = "Sec-WebSocket-Protocol: mqtt, mqttv3.1,";
  assertEquals(
    headWithoutSecrets(`GET /?abc HTTP/1.1\r\n${shown}${tokens.join("\r\n")}\r\n${subprotocols} abc\r\n\r\n`),
    `GET /?*** HTTP/1.1\r\n${shown}${hidden.join("\r\n")}\r\n${subprotocols} ***\r\n\r\n`,
  );
});
