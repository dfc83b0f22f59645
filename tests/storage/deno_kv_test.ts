import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type Change, type CommitItem, MemoryStorage } from "../../src/storage/mod.ts";
import { KvStorage } from "../../src/storage/deno_kv/deno_kv_storage.ts";
import { within } from "../deadline.ts";
import { Seeded } from "../seeded.ts";
import { completed, everything, message, queued, restored, started, subscription } from "./kv_changes.ts";

/** Changes of every kind. */
const ALL_KINDS: readonly CommitItem[] = [
  started("c"),
  { kind: "sessionExpiry", clientId: "c", sessionExpirySeconds: 60, expiresAtMs: 99 },
  { kind: "will", clientId: "c", will: will(1000), publishAtMs: 5 },
  { kind: "subscribed", clientId: "c", subscription: subscription("a/+", 2) },
  { kind: "accepted", clientId: "c", packetIdentifier: 65_535 },
  queued("c", 1, message("one"), 5),
  { kind: "received", clientId: "c", sequence: 1 },
  queued("c", 2, message("two")),
  { kind: "sent", clientId: "c", sequence: 2, packetIdentifier: 6 },
  queued("c", 3, message("three")),
  queued("c", 9, message("nine")),
  completed("c", 9),
  { kind: "retained", topic: "t", message: message("kept", { retain: true }) },
];

/** Rows of a database that is closed. */
const FILES = ["brooklet.kv", "brooklet.kv.lock"];

Deno.test("DenoKvStorage gives back what it kept when its file is opened again", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/brooklet.kv`;
    const storage = await KvStorage.open(path);
    assert(storage.isNew && storage.isDurable);
    await storage.commit(ALL_KINDS);
    await storage.close();
    const again = await KvStorage.open(path);
    assert(!again.isNew);
    const memory = new MemoryStorage();
    memory.commit(ALL_KINDS);
    assertEquals(await everything(again), await everything(memory));
    await again.close();
    assertEquals(Array.from(Deno.readDirSync(directory), ({ name }) => name).sort(), FILES);
  });
});

Deno.test("Files of DenoKvStorage are for their owner only", async () => {
  await withDirectory(async (directory) => {
    const storage = await KvStorage.open(`${directory}/brooklet.kv`);
    await storage.commit(ALL_KINDS);
    const names = Array.from(Deno.readDirSync(directory), ({ name }) => name).sort();
    assertEquals(names, [...FILES, "brooklet.kv-shm", "brooklet.kv-wal"].sort());
    for (const name of names) {
      const { mode } = Deno.statSync(`${directory}/${name}`);
      if (mode !== null) assertEquals(mode & 0o777, 0o600, name);
    }
    await storage.close();
  });
});

Deno.test("DenoKvStorage keeps what is long or large", async () => {
  const random = new Seeded(3);
  const long = (name: string) => `${name}/${"x".repeat(65_000)}`;
  const clientId = "é".repeat(32_000);
  const large = message("", { topic: long("topic"), payload: random.bytes(1_048_576), publisher: long("p") });
  const more = {
    ...queued(clientId, 3, message("3")),
    sharedFilter: long("$share/g"),
    subscriptionIdentifiers: [1, 2, 3],
  };
  const list: CommitItem[] = [
    { kind: "sessionStarted", clientId, principal: long("principal") },
    started("other"),
    { kind: "will", clientId, will: { ...will(65_535), topic: long("will") }, publishAtMs: undefined },
    { kind: "subscribed", clientId, subscription: subscription(long("a")) },
    { kind: "subscribed", clientId, subscription: subscription(`${long("a")}/b`) },
    { kind: "unsubscribed", clientId, topicFilter: long("a") },
    queued(clientId, 1, large),
    queued("other", 1, large),
    queued(clientId, 2, large, 7),
    more as CommitItem, // A queued change with another filter.
    { kind: "retained", topic: long("topic"), message: large },
  ];
  const kv = await Deno.openKv(":memory:");
  const storage = await KvStorage.over(kv);
  const memory = new MemoryStorage();
  await storage.commit(list);
  memory.commit(list);
  assertEquals(await everything(storage), await everything(memory));
  const rest: CommitItem[] = [completed(clientId, 1), completed("other", 1), {
    kind: "retained",
    topic: long("topic"),
    message: undefined,
  }];
  for (let identifier = 1; identifier <= 65_535; identifier++) {
    rest.push({ kind: "accepted", clientId: "other", packetIdentifier: identifier });
  }
  await storage.commit(rest);
  memory.commit(rest);
  assertEquals(await everything(await KvStorage.over(kv)), await everything(memory));
  await storage.close();
});

Deno.test("DenoKvStorage writes one message for many sessions once", async () => {
  const kv = await Deno.openKv(":memory:");
  const storage = await KvStorage.over(kv);
  const clientIds = Array.from({ length: 100 }, (_, index) => `c${index}`);
  await storage.commit(clientIds.map(started));
  const shared = message("", { payload: new Uint8Array(10_000) });
  await storage.commit(clientIds.map((clientId) => queued(clientId, 1, shared)));
  let bytes = 0;
  for await (const { value } of kv.list({ prefix: [] })) if (value instanceof Uint8Array) bytes += value.length;
  assert(bytes < 20_000, `${bytes} bytes`);
  for (const clientId of clientIds) assertEquals((await restored(storage, clientId)).length, 1);
  await storage.close();
});

Deno.test("DenoKvStorage.restoreSession() resumes after a sequence, and gives what comes meanwhile", async () => {
  const storage = await KvStorage.open(":memory:");
  assert(!storage.isDurable);
  await storage.commit([started("c"), { kind: "accepted", clientId: "c", packetIdentifier: 1 }]);
  for (let sequence = 1; sequence <= 100; sequence++) await storage.commit([queued("c", sequence, message("m"))]);
  const changes: Change[] = [];
  for await (const change of storage.restoreSession("c", 50)) {
    changes.push(change);
    if (changes.length === 1) await storage.commit([queued("c", 101, message("new"))]);
  }
  assertEquals(
    changes.map((change) => "sequence" in change ? change.sequence ?? 0 : 0),
    Array.from({ length: 51 }, (_, i) => i + 51),
  );
  const other = storage.restoreSession("c");
  await other.next();
  await storage.commit([started("c")]);
  assertEquals(await Array.fromAsync(other), []); // Of the session that ended.
  assertEquals(await restored(storage, "c"), []);
  await storage.close();
});

Deno.test("DenoKvStorage.restoreSession() passes over what is completed while it is read", async () => {
  const kv = await Deno.openKv(":memory:");
  const storage = await KvStorage.over(kv);
  const large = () => message("", { payload: new Uint8Array(30_000) });
  await storage.commit([started("c"), ...[1, 2, 3].map((sequence) => queued("c", sequence, large()))]);
  const sequences: number[] = [];
  for await (const change of storage.restoreSession("c")) {
    if ("sequence" in change && change.kind !== "retained") sequences.push(change.sequence);
    if (sequences.length > 1) continue;
    await storage.commit([completed("c", 2)]);
    await storage.commit([started("other")]); // With it the body goes.
  }
  assertEquals(sequences, [1, 3]);
  assertEquals((await Array.fromAsync(kv.list({ prefix: ["body"] }))).length, 2);
  await storage.close();
});

Deno.test("DenoKvStorage.close() may be called twice", async () => {
  const storage = await KvStorage.open(":memory:");
  await storage.close();
  await storage.close();
  await assertRejects(() => storage.commit([started("c")]), Error, "Cannot read :memory:: ");
});

Deno.test("DenoKvStorage writes nothing for an empty list", async () => {
  const kv = await Deno.openKv(":memory:");
  const storage = await KvStorage.over(kv);
  const before = await Array.fromAsync(kv.list({ prefix: [] }));
  await storage.commit([]);
  await storage.commit([completed("nobody", 1)]);
  assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), before);
  await storage.close();
});

Deno.test("A file that is in use cannot be opened, and can when it is closed", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/brooklet.kv`;
    const storage = await KvStorage.open(path);
    const refused = assertRejects(
      () => KvStorage.open(path),
      Error,
      `Cannot open ${path}: the broker with process id ${Deno.pid} on ${Deno.hostname()} uses it`,
    );
    await within(refused, "it is not refused", 1000);
    await storage.close();
    await (await KvStorage.open(path)).close();
  });
});

Deno.test("A file whose broker was killed is opened at once, with all that it was told is kept", async () => {
  await withDirectory(async (directory) => {
    const path = `${directory}/brooklet.kv`;
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--unstable-kv", "--no-lock", new URL("./kv_child.ts", import.meta.url).pathname, path],
      stdin: "piped", // It lives until it is closed.
      stdout: "piped",
    }).spawn();
    const reader = child.stdout.getReader();
    await within(reader.read(), "the child kept nothing");
    await assertRejects(() => KvStorage.open(path), Error, `process id ${child.pid}`);
    child.kill("SIGKILL");
    await reader.cancel();
    await child.status;
    await child.stdin.abort();
    const storage = await KvStorage.open(path);
    assertEquals((await restored(storage, "c")).length, 1);
    await storage.close();
  });
});

Deno.test("A broker whose database another one took over can keep nothing any more", async () => {
  const kv = await Deno.openKv(":memory:");
  const storage = await KvStorage.over(kv, {});
  await storage.commit([started("c")]);
  const lock = await kv.get(["lock"]);
  await kv.set(["lock"], lock.value);
  await assertRejects(() => storage.commit([started("d")]), Error, "another broker has taken it over");
  await assertRejects(() => storage.commit([started("d")]), Error, "another broker has taken it over");
  assertMatch((await within(storage.lost, "it is not lost")).message, /another broker has taken it over/);
  await storage.close();
});

Deno.test("A broker that was silent for too long learns at its next heartbeat that another one has its database", async () => {
  const kv = await Deno.openKv(":memory:");
  const stalled = new StalledKv(kv);
  let nowMs = Date.now();
  const first = await KvStorage.over(stalled, { heartbeatMs: 5, clock: () => ++nowMs });
  await first.commit([started("c")]);
  await assertRejects(() => KvStorage.over(kv, { clock: () => nowMs }), Error, `process id ${Deno.pid}`);
  stalled.isStalled = true;
  nowMs += 15_001;
  const second = await KvStorage.over(new StalledKv(kv), { clock: () => nowMs, monotonic: () => nowMs += 4_000 });
  await second.commit([started("d")]);
  let isLost = false;
  first.lost.then(() => isLost = true);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(isLost, false); // It knows nothing.
  stalled.resume();
  const { message } = await within(first.lost, "the first one is not told"); // It was given nothing to keep.
  assertMatch(message, /^Cannot write to the database: another broker has taken it over$/);
  await first.close();
  await second.commit([started("e")]); // Its lock is still there.
  assertEquals((await Array.fromAsync(second.restore())).filter(({ kind }) => kind === "sessionStarted").length, 3);
  await second.close();
  kv.close();
});

for (const how of ["deleted", "replaced", "taken over"] as const) {
  Deno.test(`DenoKvStorage says that it is lost when its file is ${how}, before it is given anything`, async () => {
    await withDirectory(async (directory) => {
      const path = `${directory}/brooklet.kv`;
      const storage = await KvStorage.open(path, 10);
      await storage.commit([started("c")]);
      if (how === "deleted") await Deno.remove(path);
      else if (how === "replaced") await Deno.rename(await copyOf(path), path);
      else await Deno.remove(`${path}.lock`); // As by an operator who believes that no broker has it.
      const other = how === "taken over" ? await KvStorage.open(path) : undefined;
      const { message } = await within(storage.lost, "it is not lost");
      const why = how === "taken over" ? "another broker has taken it over" : "the file was deleted or replaced";
      assertEquals(message.includes(`Cannot write to ${path}: ${why}`), true, message);
      await storage.close();
      await other?.commit([started("d")]);
      await other?.close();
    });
  });
}

/** A handle on a database whose process can be stopped and continued. */
class StalledKv {
  isStalled = false;
  readonly #kv: Deno.Kv;
  #continued = Promise.withResolvers<void>();

  constructor(kv: Deno.Kv) {
    this.#kv = kv;
  }

  get: Deno.Kv["get"] = async (key, options) => {
    if (this.isStalled) await this.#continued.promise;
    return await this.#kv.get(key, options);
  };

  list: Deno.Kv["list"] = (selector, options) => this.#kv.list(selector, options);

  atomic: Deno.Kv["atomic"] = () => {
    const operation = this.#kv.atomic();
    const commit = operation.commit.bind(operation);
    operation.commit = async () => {
      if (this.isStalled) await this.#continued.promise;
      return await commit();
    };
    return operation;
  };

  close: Deno.Kv["close"] = () => {};

  resume(): void {
    this.isStalled = false;
    this.#continued.resolve();
  }
}

async function copyOf(path: string): Promise<string> {
  await Deno.copyFile(path, `${path}.copy`);
  return `${path}.copy`;
}

function will(length: number) {
  const payload = new Uint8Array(length).fill(1);
  return { topic: "will", payload, qos: 2, retain: true, properties: { willDelayInterval: 3 } } as const;
}

async function withDirectory(use: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    await use(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
