import { codecWork } from "./codec_work.ts";
import { sizeName, TRAFFIC, trafficName } from "./corpus.ts";

/** Work of one iteration: several chunks, so that packets are cut by their ends and a stream's start is not what is measured. */
const BYTES = 1_048_576;

for (const traffic of TRAFFIC) {
  const work = codecWork(traffic, BYTES);
  const what = `${work.packets} ${trafficName(traffic)}, ${sizeName(BYTES)}`;
  const decodeGroup = `decode ${trafficName(traffic)}`;
  Deno.bench(`decode ${what}`, { group: decodeGroup, baseline: true }, () => void work.decode());
  Deno.bench(`decode ${what}, PacketDecoderStream`, { group: decodeGroup }, async () => void await work.decodeStream());
  Deno.bench(`decode ${what}, mqtt-packet`, { group: decodeGroup }, () => void work.decodeMqttPacket());
  const encodeGroup = `encode ${trafficName(traffic)}`;
  Deno.bench(`encode ${what}`, { group: encodeGroup, baseline: true }, () => void work.encode());
  Deno.bench(`encode ${what}, batches of 64 KiB`, { group: encodeGroup }, () => void work.encodeBatch());
  Deno.bench(
    `encode ${what}, PacketEncoderStream`,
    { group: encodeGroup },
    async () => void await work.encodeStream(),
  );
  Deno.bench(
    `encode ${what}, mqtt-packet generate`,
    { group: encodeGroup },
    () => void work.encodeMqttPacketGenerate(),
  );
  Deno.bench(
    `encode ${what}, mqtt-packet writeToStream`,
    { group: encodeGroup },
    () => void work.encodeMqttPacketStream(),
  );
}
