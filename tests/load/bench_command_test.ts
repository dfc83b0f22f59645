import { assert, assertEquals, assertMatch } from "@std/assert";
import type { BenchResult } from "../../src/load/bench_result.ts";
import { certificatePath } from "../certificates/certificates.ts";
import { MosquittoBroker } from "../client/mosquitto_broker.ts";
import { BrokerProcess } from "../interop/broker_process.ts";
import { programTests } from "../interop/interop_tests.ts";
import { AUTHORITY, SECURE_WEB_SOCKET, WEB_SOCKET } from "../interop/listeners.ts";
import { Program } from "../cli/program.ts";
import { ProgramInProcess } from "../cli/program_in_process.ts";

const RUN_WITHIN_MS = 60_000;

/** A load, and what must have been done in the end. Messages are counted and not timed: the counts are then exact. */
interface Row {
  readonly name: string;
  readonly scheme?: "mqtts" | "ws";
  readonly args: readonly string[];
  readonly done: Partial<BenchResult>;
}

const ROWS: readonly Row[] = [
  {
    name: "pairs at QoS 0",
    args: ["pairs", "--pairs", "5", "--messages", "400"],
    done: { mqtt: "5", connections: 10, sent: 2_000, expected: 2_000, delivered: 2_000, acknowledged: 0 },
  },
  {
    name: "pairs at QoS 1 one at a time",
    args: ["pairs", "--pairs", "3", "--messages", "50", "-q", "1", "--window", "1", "-V", "3.1.1"],
    done: { mqtt: "3.1.1", qos: 1, sent: 150, delivered: 150, acknowledged: 150 },
  },
  {
    name: "pairs at QoS 2 in two threads",
    args: ["pairs", "--pairs", "4", "--messages", "100", "-q", "2", "--window", "20", "--threads", "2"],
    done: { qos: 2, threads: 2, connections: 8, sent: 400, delivered: 400, acknowledged: 400 },
  },
  {
    name: "fan-in",
    args: ["fan-in", "--pubs", "20", "--messages", "50", "-q", "1"],
    done: { connections: 21, sent: 1_000, delivered: 1_000, acknowledged: 1_000 },
  },
  {
    name: "fan-out over two threads",
    args: ["fan-out", "--subs", "21", "--messages", "200", "--threads", "2"],
    done: { connections: 22, sent: 200, expected: 4_200, delivered: 4_200 },
  },
  {
    name: "fan-out with a stuck subscriber",
    args: ["fan-out", "--subs", "5", "--stuck", "1", "--messages", "100", "--size", "1000"],
    done: { connections: 7, sent: 100, expected: 500, delivered: 500, payloadBytes: 1_000 },
  },
  {
    name: "payloads that come in several reads",
    args: ["pairs", "--pairs", "2", "--messages", "20", "--size", "300000", "-q", "1"],
    done: { sent: 40, delivered: 40, payloadBytes: 300_000 },
  },
  {
    name: "publishers that nobody hears",
    args: ["fan-out", "--subs", "0", "--messages", "500"],
    done: { connections: 1, sent: 500, expected: 0, delivered: 0 },
  },
  {
    name: "many subscriptions",
    args: ["subscriptions", "--subscriptions", "900", "--subs", "30", "--pubs", "3", "--messages", "300"],
    done: { connections: 33, sent: 900, expected: 900, delivered: 900 },
  },
  {
    name: "retained messages",
    args: ["retained", "--messages", "500", "--subs", "2"],
    done: { connections: 3, sent: 500, acknowledged: 500, expected: 1_000, delivered: 1_000 },
  },
  {
    name: "connections that come and go in two threads",
    args: ["connect", "--connections", "41", "--concurrency", "5", "--threads", "2"],
    done: { connections: 41, sent: 0 },
  },
  {
    name: "connections that stay",
    args: ["idle", "--connections", "40", "--seconds", "0.1", "-V", "3.1.1"],
    done: { connections: 40, sent: 0 },
  },
  {
    name: "WebSocket",
    scheme: "ws",
    args: ["pairs", "--pairs", "3", "--messages", "300", "-q", "1"],
    done: { sent: 900, delivered: 900, acknowledged: 900 },
  },
];
const TLS: Row = {
  name: "TLS",
  scheme: "mqtts",
  args: ["pairs", "--pairs", "2", "--messages", "100"],
  done: { sent: 200, delivered: 200 },
};

const CERTIFICATES = [
  ...["--cafile", AUTHORITY],
  ...["--cert", certificatePath("client.pem"), "--key", certificatePath("client.key")],
];

async function benched(url: string, { args }: Pick<Row, "args">, isTimed = false): Promise<BenchResult> {
  const [scenario = "", ...options] = args;
  const tls = /^(?:mqtts|wss):/.test(url) ? CERTIFICATES : [];
  const all = ["bench", scenario, url, ...options, ...tls, "--json"];
  await using program = isTimed ? new Program(all) : new ProgramInProcess(all); // Nothing disturbs a process of its own.
  const { code, stdout, stderr } = await program.ended(RUN_WITHIN_MS);
  assertEquals(code, 0, [...stdout, ...stderr].join("\n"));
  assertEquals(stdout.length, 1);
  return JSON.parse(stdout[0] ?? "");
}

function assertDone(result: BenchResult, { done }: Row): void {
  const faults = { lost: 0, outOfOrder: 0, foreign: 0, refused: 0, stalls: 0, ok: true };
  const expected = { ...done, ...faults };
  assertEquals(
    Object.fromEntries(Object.keys(expected).map((key) => [key, result[key as keyof BenchResult]])),
    expected,
  );
  const timed = result.delivered > 0 ? result.latency : result.connect;
  if (result.delivered > 0 || result.sent === 0) {
    assertEquals(timed?.count, result.delivered > 0 ? result.delivered : result.connections);
    assert(timed !== undefined && timed.p50 > 0 && timed.p50 <= timed.p99 && timed.p999 <= timed.max, "quantiles rise");
  }
  assert(result.seconds > 0 && result.client.cpuSeconds >= 0, "it took its time");
}

Deno.test("brooklet bench on Brooklet", async (test) => {
  const broker = await BrokerProcess.start([...SECURE_WEB_SOCKET, ...WEB_SOCKET]);
  try {
    for (const row of [...ROWS, TLS]) {
      const url = row.scheme === undefined ? `mqtt://127.0.0.1:${broker.port}` : await broker.url(row.scheme);
      await test.step(`counts every message: ${row.name}`, async () => assertDone(await benched(url, row), row));
    }
    const secure = await broker.url("wss");
    await test.step("counts every message: WebSocket over TLS", async () =>
      assertDone(await benched(secure, TLS), TLS));
  } finally {
    await broker.stop();
  }
});

programTests(["mosquitto"])("brooklet bench on mosquitto counts every message", async () => {
  await using broker = await MosquittoBroker.start();
  for (const row of [...ROWS, TLS]) assertDone(await benched(broker.url(row.scheme ?? "mqtt"), row), row);
});

Deno.test("brooklet bench with a time measures after the warm-up and loses nothing at its end", async () => {
  const broker = await BrokerProcess.start();
  try {
    const args = ["pairs", "--seconds", "0.3", "--warmup", "0.2", "-q", "1", "--window", "100"];
    const result = await benched(`mqtt://127.0.0.1:${broker.port}`, { args }, true);
    assertEquals(result.delivered, result.sent);
    assert(result.seconds >= 0.25 && result.seconds < 5, `${result.seconds} s`);
    assert((result.latency?.count ?? 0) < result.delivered, "the warm-up is not measured");
  } finally {
    await broker.stop();
  }
});

Deno.test("brooklet bench with a rate sends as much as was asked for, and counts from when it was due", async () => {
  const broker = await BrokerProcess.start();
  try {
    const args = ["pairs", "--seconds", "1", "--rate", "2000", "--threads", "2"];
    const result = await benched(`mqtt://127.0.0.1:${broker.port}`, { args }, true);
    assertEquals(result.delivered, result.sent);
    assertEquals(result.window, undefined);
    // The runtime's timer that ends it may be late, and the machine busy.
    assert(result.sent >= 1_800 && result.sent <= 2_000 * (result.seconds + 0.5), `${result.sent} messages`);
  } finally {
    await broker.stop();
  }
});

Deno.test("brooklet bench prints a table for people, with the broker's process where it is named", async () => {
  const broker = await Program.listening();
  await using _ = broker;
  const url = `mqtt://127.0.0.1:${await broker.port()}`;
  await using program = new Program(["bench", url, "--messages", "100", "--pid", `${broker.pid}`]);
  const { code, stdout, stderr } = await program.ended(RUN_WITHIN_MS);
  assertEquals([code, stderr], [0, []]);
  const text = stdout.join("\n");
  assertMatch(text, /^load {10}pairs, MQTT 5, QoS 0, 64 bytes, window 256, 20 connections, 1 thread$/m);
  assertMatch(text, /^delivered {5}[\d,]+ a second, [\d.]+ MB a second \(1,000\)$/m);
  assertMatch(text, /^latency {7}50 % [\d.]+, 99 % [\d.]+, 99\.9 % [\d.]+, most [\d.]+ ms$/m);
  if (Deno.build.os === "linux") assertMatch(text, /^the broker {4}[\d.]+ s CPU, [\d.]+, [\d.]+, [\d.]+ MiB/m);
});

Deno.test("brooklet bench says in one line that a broker cannot be reached", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await using program = new ProgramInProcess(["bench", `mqtt://user:secret@127.0.0.1:${port}`]);
  const { code, stdout, stderr } = await program.ended(RUN_WITHIN_MS);
  assertEquals([code, stdout, stderr.length], [1, [], 1]);
  assertMatch(stderr[0] ?? "", new RegExp(`^brooklet: Cannot connect to mqtt://127\\.0\\.0\\.1:${port}: .*refused`));
});

for (
  const [args, message] of [
    [["--qos", "3"], '--qos "3" is not an integer between 0 and 2'],
    [["--size", "11"], '--size "11" is not an integer between 12 and 268435000'],
    [["--bogus"], 'Unknown option "--bogus": "brooklet bench --help" lists what there is'],
    [["-V", "6"], '--protocol-version "6" is neither 3.1.1 nor 5'],
    [["--cert", "a.pem"], "--cert and --key need each other"],
  ] as const
) {
  Deno.test(`brooklet bench refuses ${args.join(" ")}`, async () => {
    await using program = new ProgramInProcess(["bench", ...args]);
    const { code, stderr } = await program.ended(RUN_WITHIN_MS);
    assertEquals([code, stderr], [2, [`brooklet: ${message}`]]);
  });
}
