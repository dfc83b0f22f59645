/** Wills of sessions that outlive their connections, across the end of a broker (MQTT 5, section 3.1.2.5). */

import { assertEquals } from "@std/assert";
import type { BrokerOptions } from "../../mod.ts";
import type { AccessRequest } from "../../src/auth/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";

const READER = ["r connects durable", "r > 82 [ 0001 {} 'w' 01 ]", "r < 90 [ 0001 {} 01 ]", "r disconnects"];
/** Session Expiry Interval 3,600 s; QoS 1; without Will Delay Interval, and with one of 10 s. */
const WITH_WILL = "s > 10 [ @ 0e 0000 { 11 00000e10 } 's' {} 'w' 0004 \"gone\" ]";
const WITH_DELAYED_WILL = "s > 10 [ @ 0e 0000 { 11 00000e10 } 's' { 18 0000000a } 'w' 0004 \"gone\" ]";
const CONNACK = "s < 20 [ 00 00 { LIMITS } ]";
const GOT_IT = ["r resumes", "r < 32 [ 'w' 0001 {} \"gone\" ]"];

Deno.test("A Will comes when a broker is started again behind a crash [MQTT-3.1.2-8]", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (crashed) => {
    await crashed.run(...READER, WITH_WILL, CONNACK);
    // This broker does nothing more while another one has its storage.
    await converse(5, { storage }, (conversation) => conversation.run(...GOT_IT, "r > 40 [ 0001 ]"));
    await converse(5, { storage }, (conversation) => conversation.run("r resumes")); // Once only. [MQTT-3.1.2-10]
  });
});

Deno.test("A Will waits for its delay from the time when the broker is started again (section 3.1.3.2.2)", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (crashed) => {
    await crashed.run(...READER, WITH_DELAYED_WILL, CONNACK);
    await converse(5, { storage }, async (conversation) => {
      await conversation.run("9999 ms pass", "r resumes", "1 ms pass", "r < 32 [ 'w' 0001 {} \"gone\" ]");
    });
  });
});

Deno.test("A Will whose delay was over while no broker ran comes at once", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (first) => {
    await first.run(...READER, WITH_DELAYED_WILL, CONNACK, "s drops", "9000 ms pass");
  });
  await converse(5, { storage }, async (conversation) => {
    await conversation.run("10000 ms pass", ...GOT_IT);
  });
});

Deno.test("Who comes back in time behind a restart has no Will published [MQTT-3.1.3-9]", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (crashed) => {
    await crashed.run(...READER, WITH_DELAYED_WILL, CONNACK);
    await converse(
      5,
      { storage },
      (conversation) => conversation.run("s2 resumes", "20000 ms pass", "s2 disconnects", "r resumes"),
    );
  });
});

Deno.test("DISCONNECT removes a Will from the storage too [MQTT-3.1.2-10]", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, (conversation) => conversation.run(...READER, WITH_WILL, CONNACK, "s disconnects"));
  await converse(5, { storage }, (conversation) => conversation.run("r resumes"));
});

Deno.test("A broker that ends leaves Wills of sessions that live on to the next one (section 3.1.2.5)", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run(...READER, WITH_WILL, CONNACK);
    const closed = conversation.broker.close();
    await conversation.run("s told e0 8b");
    await closed;
  });
  await converse(5, { storage }, (conversation) => conversation.run(...GOT_IT));
});

Deno.test("A CONNECT that gets no CONNACK leaves no Will behind", async () => {
  const storage = new GatedStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run(...READER, "s connects durable", "s disconnects");
    const { promise, resolve } = Promise.withResolvers<void>();
    storage.restoring = promise;
    await conversation.run(
      WITH_WILL.replace("s >", "s2 >").replace("0e", "0c"), // To be resumed.
      "q connects",
      "s3 > 10 [ @ 00 0000 { 11 00000e10 } 's' ]",
      "q quiet",
    );
    resolve();
    await conversation.run("s3 < 20 [ 01 00 { LIMITS } ]");
    await conversation.client("s2").ended; // Another connection took over.
    await conversation.client("s2").drop();
    storage.restoring = Promise.resolve();
    await conversation.run("r2 resumes");
  });
  await converse(5, { storage }, (conversation) => conversation.run("r resumes"));
});

Deno.test("What a Will says lives as long as its session: a session that ends publishes it first", async () => {
  const storage = new MemoryStorage();
  await converse(5, { storage }, async (conversation) => {
    await conversation.run(
      ...READER,
      "s > 10 [ @ 0e 0000 { 11 00000005 } 's' { 18 0000000a } 'w' 0004 \"gone\" ]",
      CONNACK,
      "s drops",
    );
  });
  await converse(5, { storage }, async (conversation) => {
    await conversation.run("5000 ms pass", ...GOT_IT);
    assertEquals(conversation.broker.metrics.sessions, 1);
  });
});

Deno.test("A Will is authorized by the role, right and listener of its client two restarts later", async () => {
  const storage = new MemoryStorage();
  const asked: AccessRequest[] = [];
  const options: BrokerOptions = {
    storage,
    authenticator: {
      authenticate: ({ clientId }) => {
        const grants = [{ access: "write", topicFilter: "w" }] as const;
        return { isAccepted: true, principal: `p${clientId}`, roles: [`role of ${clientId}`], grants };
      },
    },
    authorizer: {
      authorize: (request) => {
        if (request.action === "publish") asked.push(request);
        const { action, roles, grants, listener } = request;
        const isWriter = roles[0] === "role of s" && grants[0]?.topicFilter === "w" && listener === "memory";
        return action === "subscribe" || isWriter;
      },
    },
  };
  await converse(5, options, async (crashed) => {
    await crashed.run(...READER, WITH_DELAYED_WILL, CONNACK);
    // The first one finds that its client is gone, and ends before the delay is over.
    await converse(5, options, (first) => first.run("5000 ms pass"));
    await converse(5, options, (second) => second.run("10000 ms pass", ...GOT_IT));
  });
  assertEquals(asked.map(({ roles }) => roles), [["role of s"], ["role of s"]]);
});
