/**
 * Prints how the codec compares to npm's `mqtt-packet` and what its streams cost: `deno run -A bench/codec_ratios.ts`.
 * Every round measures all of them one after the other, so that a busy machine is busy for all; the medians are compared.
 */

import { type CodecWork, codecWork } from "./codec_work.ts";
import { TRAFFIC, trafficName } from "./corpus.ts";

const WARM_UP_ROUNDS = 5;
const ROUNDS = 25;
/** Goals for 64-byte PUBLISH: times mqtt-packet, and the cost of the decoder's stream. */
const DECODE_TIMES = 5;
const ENCODE_TIMES = 4;
const STREAM_COST = 0.15;
const BYTES_A_ROUND = 4_194_304;
const KINDS = [
  "decode",
  "decodeStream",
  "decodeMqttPacket",
  "encode",
  "encodeBatch",
  "encodeStream",
  "encodeMqttPacketGenerate",
  "encodeMqttPacketStream",
] as const;
type Kind = typeof KINDS[number];

const missed: string[] = [];
console.log("thousand packets a second (times that of mqtt-packet; for a stream: cost on top of the plain one)");
for (const traffic of TRAFFIC) {
  const work = codecWork(traffic, BYTES_A_ROUND);
  const ms = await medianMs(work);
  const theirEncode = Math.min(ms.encodeMqttPacketGenerate, ms.encodeMqttPacketStream);
  console.log(trafficName(traffic));
  const rate = (kind: Kind) => `${(work.packets / ms[kind]).toFixed(0).padStart(7)}`;
  const times = (theirs: number, kind: Kind) => `${(theirs / ms[kind]).toFixed(1)} x`;
  const cost = (kind: Kind, plain: Kind) => `${((ms[kind] / ms[plain] - 1) * 100).toFixed(0)} %`;
  console.log(`  decode ${rate("decode")} (${times(ms.decodeMqttPacket, "decode")})`);
  console.log(`    stream ${rate("decodeStream")} (${cost("decodeStream", "decode")})`);
  console.log(`    mqtt-packet ${rate("decodeMqttPacket")}`);
  console.log(`  encode ${rate("encode")} (${times(theirEncode, "encode")})`);
  console.log(`    batches ${rate("encodeBatch")} (${times(theirEncode, "encodeBatch")})`);
  console.log(`    stream ${rate("encodeStream")} (${cost("encodeStream", "encodeBatch")})`);
  console.log(`    mqtt-packet generate ${rate("encodeMqttPacketGenerate")}`);
  console.log(`    mqtt-packet writeToStream ${rate("encodeMqttPacketStream")}`);
  if (traffic.payloadBytes !== 64) continue;
  if (ms.decodeMqttPacket / ms.decode < DECODE_TIMES) missed.push(`decode ${trafficName(traffic)}`);
  if (theirEncode / ms.encode < ENCODE_TIMES) missed.push(`encode ${trafficName(traffic)}`);
  if (ms.decodeStream / ms.decode - 1 > STREAM_COST) missed.push(`decode stream ${trafficName(traffic)}`);
}
console.log(`targets missed: ${missed.length === 0 ? "none" : missed.join("; ")}`);

async function medianMs(work: CodecWork): Promise<Record<Kind, number>> {
  const samples = new Map<Kind, number[]>(KINDS.map((kind) => [kind, []]));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [kind, list] of samples) {
      const start = performance.now();
      const count = await work[kind]();
      if (round >= 0) list.push(performance.now() - start);
      if (count !== work.packets) throw new Error(`Cannot measure ${kind}: ${count} of ${work.packets} packets`);
    }
  }
  // Every kind has a key in the map and ROUNDS samples.
  return Object.fromEntries(
    [...samples].map(([kind, list]) => [kind, list.sort((a, b) => a - b)[ROUNDS >> 1]]),
  ) as Record<Kind, number>;
}
