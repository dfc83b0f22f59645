import { type FanOutWork, fanOutWork } from "./fan_out_work.ts";

const DELIVERIES = 20_000;

for (const subscribers of [1, 100, 1_000]) {
  const messages = DELIVERIES / subscribers;
  const work: Promise<FanOutWork> = fanOutWork(subscribers, messages);
  Deno.bench(
    `${messages} messages of 64 B to ${subscribers} subscribers`,
    { group: "fan-out", baseline: subscribers === 1 },
    async () => await (await work).run(),
  );
}
