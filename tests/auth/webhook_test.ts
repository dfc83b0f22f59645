import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Authenticator } from "../../mod.ts";
import { type Authentication, webhookAuthenticator, type WebhookOptions } from "../../src/auth/mod.ts";
import { within } from "../deadline.ts";
import { converse } from "../wire/conversation.ts";
import { authenticationRequest, type Said } from "./authentication_request.ts";

const SECRET = "correct horse battery staple";

/** Asks a server that answers so. */
async function withServer(
  answer: (request: Request) => Response | Promise<Response>,
  use: (authenticator: Authenticator) => Promise<void>,
  options: Partial<WebhookOptions> = {},
): Promise<void> {
  const controller = new AbortController();
  const listening = { hostname: "127.0.0.1", port: 0, onListen() {}, signal: controller.signal };
  const server = Deno.serve(listening, answer);
  try {
    await use(webhookAuthenticator({ url: `http://127.0.0.1:${server.addr.port}/auth?key=${SECRET}`, ...options }));
  } finally {
    controller.abort();
    await server.finished;
  }
}

function isIn({ isAccepted }: Authentication): boolean {
  return isAccepted;
}

async function authenticate(authenticator: Authenticator, said: Said = {}): Promise<Authentication> {
  return await authenticator.authenticate(authenticationRequest(said));
}

Deno.test("A webhook gets what the client said, as JSON, with the headers that were asked for", async () => {
  const asked: { method: string; type: string | null; authorization: string | null; body: unknown }[] = [];
  await withServer(async (request) => {
    const { headers, method } = request;
    const type = headers.get("content-type");
    asked.push({ method, type, authorization: headers.get("authorization"), body: await request.json() });
    return Response.json({ allow: true });
  }, async (authenticator) => {
    const said = { userName: "ann", password: SECRET, clientId: "c 1", address: "192.0.2.1:4711" };
    assertEquals(await authenticate(authenticator, said), {
      isAccepted: true,
      principal: "ann",
      roles: [],
      grants: [],
    });
    assertEquals(await authenticate(authenticator), { isAccepted: true, roles: [], grants: [] });
  }, { headers: { authorization: "Bearer x" } });
  const head = { method: "POST", type: "application/json", authorization: "Bearer x" };
  const listener = "mqtt://127.0.0.1:1883";
  assertEquals(asked, [
    { ...head, body: { clientId: "c 1", username: "ann", password: SECRET, address: "192.0.2.1:4711", listener } },
    { ...head, body: { clientId: "c", address: "192.0.2.1:4711", listener } },
  ]);
});

Deno.test("A webhook says principal, roles, rules and an end", async () => {
  const answer = {
    allow: true,
    principal: "p",
    roles: ["r"],
    acl: [{ access: "read", topic: "a/#" }],
    expiresInSeconds: 60,
  };
  await withServer(() => Response.json(answer), async (authenticator) => {
    const result = await authenticate(authenticator, { userName: "ann" });
    assert(result.isAccepted);
    const { expiresInMs, ...rest } = result;
    const grants = [{ access: "read", topicFilter: "a/#" }] as const;
    assertEquals(rest, { isAccepted: true, principal: "p", roles: ["r"], grants });
    assertEquals(expiresInMs, 60_000); // However the wall clock is set.
    await new Promise((resolve) => setTimeout(resolve, 2));
    const kept = await authenticate(authenticator, { userName: "ann" });
    const leftMs = kept.isAccepted ? kept.expiresInMs ?? Infinity : 0;
    assert(leftMs < 60_000 && leftMs > 30_000, `${leftMs}`);
  });
});

const REFUSALS: readonly { readonly name: string; readonly answer: () => Response; readonly isUnknown?: boolean }[] = [
  { name: "allow: false", answer: () => Response.json({ allow: false }) },
  { name: "401", answer: () => new Response("who are you", { status: 401 }) },
  { name: "403", answer: () => new Response(null, { status: 403 }) },
  { name: "unknown: true", answer: () => Response.json({ allow: false, unknown: true }), isUnknown: true },
];
for (const { name, answer, isUnknown = false } of REFUSALS) {
  Deno.test(`A webhook that says ${name} refuses the client`, () =>
    withServer(answer, async (authenticator) => {
      const result = await authenticate(authenticator, { userName: "ann", password: SECRET });
      assert(!result.isAccepted);
      assertEquals([result.reasonCode, result.isUnknownUser], [0x87, isUnknown]);
    }));
}

const FAILURES: readonly { readonly name: string; readonly answer: () => Response; readonly message: string }[] = [
  { name: "500", answer: () => new Response(SECRET, { status: 500 }), message: "it answered with status 500" },
  { name: "204", answer: () => new Response(null, { status: 204 }), message: "it answered with status 204" },
  {
    name: "a redirect",
    answer: () => new Response(null, { status: 307, headers: { location: "http://127.0.0.1:1/" } }),
    message: "it could not be reached",
  },
  { name: "no JSON", answer: () => new Response(`allow ${SECRET}`), message: "its answer is not JSON" },
  { name: "nothing", answer: () => new Response(""), message: "its answer is not JSON" },
  { name: "a list", answer: () => Response.json([true]), message: `its answer has no "allow"` },
  { name: `allow: "true"`, answer: () => Response.json({ allow: "true" }), message: `its answer has no "allow"` },
  { name: "a principal that is a number", answer: () => allow({ principal: 1 }), message: `"principal" is not a text` },
  { name: "roles that are a text", answer: () => allow({ roles: "admin" }), message: `"roles" is not a list of names` },
  {
    name: "a rule without access",
    answer: () => allow({ acl: [{ topic: "a" }] }),
    message: `"acl" is not a list of rules`,
  },
  {
    name: "a rule that is no filter",
    answer: () => allow({ acl: [{ access: "read", topic: "a#" }] }),
    message: `"acl" is not a list of rules`,
  },
  { name: "an end in the past", answer: () => allow({ expiresInSeconds: -1 }), message: `"expiresInSeconds" is not` },
  {
    name: "more than it should",
    answer: () => allow({ more: "x".repeat(70_000) }),
    message: "its answer is longer than 65536 bytes",
  },
];
for (const { name, answer, message } of FAILURES) {
  Deno.test(`A webhook that says ${name} lets nobody in, and the error has neither password nor URL`, () =>
    withServer(answer, async (authenticator) => {
      const said = { userName: "ann", password: SECRET };
      const error = await assertRejects(
        () => authenticate(authenticator, said),
        Error,
        `Cannot ask the webhook: ${message}`,
      );
      const shown = Deno.inspect(error);
      assertEquals([shown.includes(SECRET), shown.includes("127.0.0.1")], [false, false]);
    }));
}

function allow(more: object): Response {
  return Response.json({ allow: true, ...more });
}

Deno.test("A webhook that does not answer in time lets nobody in", async () => {
  const gate = Promise.withResolvers<Response>();
  await withServer(() => gate.promise, async (authenticator) => {
    await assertRejects(() => authenticate(authenticator), Error, "it did not answer within 50 ms");
    gate.resolve(Response.json({ allow: true }));
  }, { timeoutMs: 50 });
});

Deno.test("A webhook that stops in the middle of its answer lets nobody in", async () => {
  const endless = () =>
    new Response(
      new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(`{"allow":`)) }),
    );
  await withServer(endless, async (authenticator) => {
    await assertRejects(() => authenticate(authenticator), Error, "it did not answer within 50 ms");
  }, { timeoutMs: 50 });
});

Deno.test("A webhook that is not there lets nobody in, and the broker tells it as an error", async () => {
  const authenticator = webhookAuthenticator({ url: "http://127.0.0.1:1/" });
  await converse(
    5,
    { authenticator },
    (conversation) => conversation.run("a > 10 [ @ 02 0000 [] 'a' ]", "a told 20 00 87"),
    1,
  );
});

Deno.test("A webhook is asked once for a client that comes back, whatever port it comes from, and again for other words", async () => {
  let count = 0;
  await withServer(() => {
    count += 1;
    return Response.json({ allow: true });
  }, async (authenticator) => {
    const said = { userName: "ann", password: SECRET };
    const ask = async (other: Said) => {
      const before = count;
      await authenticate(authenticator, { ...said, ...other });
      return count - before;
    };
    assertEquals(await ask({}), 1);
    assertEquals(await ask({}), 0);
    assertEquals(await ask({ address: "192.0.2.1:9" }), 0);
    assertEquals(await ask({ password: "other" }), 1);
    assertEquals(await ask({ userName: "bob" }), 1);
    assertEquals(await ask({ clientId: "d" }), 1);
    assertEquals(await ask({ address: "192.0.2.2:9" }), 1);
    assertEquals(await ask({ certificateName: "x" }), 1);
    await Promise.all([ask({ clientId: "e" }), ask({ clientId: "e" })]);
    assertEquals(count, 7);
  });
});

Deno.test("What a webhook refuses is remembered, an error is not, and nothing is with cacheMs 0", async () => {
  let count = 0;
  let status = 500;
  const answer = () => {
    count += 1;
    return Response.json({ allow: false }, { status });
  };
  await withServer(answer, async (authenticator) => {
    await assertRejects(() => authenticate(authenticator));
    status = 200;
    await authenticate(authenticator);
    await authenticate(authenticator);
    assertEquals(count, 2);
  });
  await withServer(answer, async (authenticator) => {
    await authenticate(authenticator);
    await authenticate(authenticator);
    assertEquals(count, 4);
  }, { cacheMs: 0 });
});

Deno.test("What a webhook says holds no longer than it lets the client in", async () => {
  let count = 0;
  await withServer(() => {
    count += 1;
    return Response.json({ allow: true, expiresInSeconds: 1e-9 });
  }, async (authenticator) => {
    await authenticate(authenticator);
    const again = await authenticate(authenticator);
    assert(again.isAccepted);
    assertEquals(count, 2);
  });
});

Deno.test("A webhook cannot have a timeout that no timer can wait for", () => {
  for (const timeoutMs of [0, -1, NaN, Infinity, 2_147_483_648]) {
    const message = `Cannot ask the webhook: timeoutMs "${timeoutMs}" is not between 1 and 2147483647`;
    assertThrows(() => webhookAuthenticator({ url: "http://127.0.0.1/", timeoutMs }), RangeError, message);
  }
});

Deno.test("A webhook gets a bounded number of requests at once, and who cannot wait is refused as busy", async () => {
  const gate = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  let running = 0;
  let most = 0;
  await withServer(async () => {
    most = Math.max(most, ++running);
    begun.resolve();
    await gate.promise;
    running -= 1;
    return Response.json({ allow: true });
  }, async (authenticator) => {
    const all = [1, 2, 3, 4].map((number) => authenticate(authenticator, { clientId: `${number}` }));
    await within(begun.promise, "a request");
    const last = await all[3];
    assertEquals(last?.isAccepted === false && last.reasonCode, 0x89);
    gate.resolve();
    assertEquals((await Promise.all(all)).map(({ isAccepted }) => isAccepted), [true, true, true, false]);
    assertEquals(most, 1);
  }, { maximumRunning: 1, maximumWaiting: 2 });
});

Deno.test("Answers of a webhook are kept up to 10 MB, however many they are", async () => {
  const roles = Array.from({ length: 4_000 }, (_, index) => `role ${index}`);
  let count = 0;
  const fetch = () => {
    count += 1;
    return Promise.resolve(Response.json({ allow: true, roles: count === 1 ? [] : roles }));
  };
  const authenticator = webhookAuthenticator({ url: "http://x/", fetch });
  const askAll = async (clients: number) => {
    for (let client = 0; client < clients; client++) await authenticate(authenticator, { clientId: `${client}` });
    return count;
  };
  assertEquals([await askAll(100), await askAll(100)], [100, 100]);
  assertEquals([await askAll(250), await askAll(1)], [250, 251]);
});

Deno.test("A webhook is not asked for an address whose clients were refused too often, and for others it is", async () => {
  let count = 0;
  await withServer(async (request) => {
    count += 1;
    const { password } = await request.json();
    return password === "broken" ? new Response(null, { status: 500 }) : Response.json({ allow: password === "right" });
  }, async (authenticator) => {
    const reasonCode = async (password: string, address = "[2001:db8::1]:1") => {
      const result = await authenticate(authenticator, { userName: "ann", password, address });
      return result.isAccepted ? 0 : result.reasonCode;
    };
    for (const clientId of ["a", "b", "c"]) { // Neither counts.
      assertEquals(await authenticate(authenticator, { clientId, password: "right" }).then(isIn), true);
      await assertRejects(() => authenticate(authenticator, { clientId, password: "broken" }));
    }
    assertEquals([await reasonCode("1"), await reasonCode("2"), await reasonCode("2")], [0x87, 0x87, 0x87]);
    assertEquals(count, 8); // The third one was the second one again.
    assertEquals([await reasonCode("3"), await reasonCode("right", "[2001:db8::2]:1")], [0x9f, 0x9f]);
    assertEquals(count, 8);
    assertEquals([await reasonCode("2"), await reasonCode("right", "192.0.2.1:1")], [0x87, 0]);
  }, { failures: { burst: 2, perMinute: 0.001 } });
});

Deno.test("A password that is not UTF-8 is refused without a question", () =>
  withServer(() => new Response(null, { status: 500 }), async (authenticator) => {
    const result = await authenticate(authenticator, { userName: "ann", password: Uint8Array.of(0xff) });
    assertEquals(result.isAccepted, false);
  }));

Deno.test("Guessing is limited where an answer of a webhook is remembered too, and locks out nobody elsewhere", async () => {
  const fetch = async (_: unknown, init?: RequestInit) => {
    const { password } = await new Response(init?.body).json();
    return Response.json({ allow: password === "right" });
  };
  const failures = { burst: 2, perMinute: 0.001 };
  const authenticator = webhookAuthenticator({ url: "http://x/", fetch: fetch as typeof globalThis.fetch, failures });
  const say = async (password: string, address: string) => {
    const result = await authenticate(authenticator, { userName: "ann", password, address });
    return result.isAccepted ? 0 : result.reasonCode;
  };
  const [own, other] = ["192.0.2.1:1", "192.0.2.2:1"];
  assertEquals([await say("right", own), await say("right", other)], [0, 0]);
  for (let guess = 1; guess <= 19; guess++) await say(`guess ${guess}`, other);
  assertEquals([await say("right", other), await say("guess 20", other)], [0, 0x9f]);
  assertEquals([await say("right", other), await say("right", own)], [0x9f, 0]);
});
