import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { interopTests } from "./interop_tests.ts";
import { MosquittoSub, publish, run } from "./mosquitto_clients.ts";

const test = interopTests(["stdbuf", "mosquitto_pub", "mosquitto_sub", "mosquitto_rr"]);

const QOS = [0, 1, 2] as const;

for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
  const V = ["-V", version];
  // 3.1.1 asks with Clean Session 0 for a session that stays, 5 with an expiry of its own.
  const durable = ["-c", ...(version === "mqttv5" ? ["-x", "3600"] : [])];

  test(`seed 3-3: mosquitto_sub prints what mosquitto_pub sends, ${version}`, async (broker) => {
    await using subscriber = await MosquittoSub.start(broker, [...V, "-t", broker.named("test"), "-C", "1"]);
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "abc"]);
    assertEquals(await subscriber.messages(1), ["abc"]);
    await subscriber.ended();
  });

  for (const filter of ["qos/matrix", "qos/+", "#"]) {
    // All topics of a broker are there for one test alone.
    const register = filter === "#" ? test.own : test;
    register(`seed 3-4: QoS is min(publish, subscription) for ${filter}, ${version}`, async (broker) => {
      await using stack = new AsyncDisposableStack();
      const subscribers: MosquittoSub[] = [];
      for (const qos of QOS) {
        const args = [...V, "-t", broker.named(filter), "-q", `${qos}`];
        subscribers.push(stack.use(await MosquittoSub.start(broker, args, "%p %q")));
      }
      for (const qos of QOS) {
        await publish(broker, [...V, "-t", broker.named("qos/matrix"), "-m", `sent ${qos}`, "-q", `${qos}`]);
      }
      for (const [granted, subscriber] of subscribers.entries()) {
        assertEquals(
          (await subscriber.messages(QOS.length)).toSorted(),
          QOS.map((sent) => `sent ${sent} ${Math.min(sent, granted)}`),
        );
      }
    });
  }

  test(`seed 3-4: QoS is min(publish, subscription) for retained messages, ${version}`, async (broker) => {
    for (const qos of QOS) {
      await publish(broker, [...V, "-t", broker.named(`kept/${qos}`), "-m", `sent ${qos}`, "-q", `${qos}`, "-r"]);
    }
    for (const granted of QOS) {
      const args = [...V, "-t", broker.named("kept/+"), "-q", `${granted}`];
      await using subscriber = await MosquittoSub.start(broker, args, "%p %q %r");
      assertEquals(
        (await subscriber.messages(QOS.length)).toSorted(),
        QOS.map((sent) => `sent ${sent} ${Math.min(sent, granted)} 1`),
      );
    }
  });

  test(`seed 3-9: RETAIN is 1 for the new and 0 for the old subscriber, empty clears, ${version}`, async (broker) => {
    await using old = await MosquittoSub.start(broker, [...V, "-t", broker.named("test")], "%r %p");
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "kept", "-r"]);
    await using recent = await MosquittoSub.start(broker, [...V, "-t", broker.named("test")], "%r %p");
    assertEquals(await recent.messages(1), ["1 kept"]);
    await publish(broker, [...V, "-t", broker.named("test"), "-n", "-r"]);
    await using last = await MosquittoSub.start(broker, [...V, "-t", broker.named("test")], "%r %p");
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "live"]);
    assertEquals(await last.messages(1), ["0 live"]);
    assertEquals(await old.messages(3), ["0 kept", "0 ", "0 live"]);
  });

  test(`seed 3-6: a durable subscription gets what it missed, in order, ${version}`, async (broker) => {
    const args = [...V, ...durable, "-i", broker.named("client01"), "-t", broker.named("test"), "-q", "1"];
    await using first = await MosquittoSub.start(broker, args);
    first.signal("SIGTERM");
    await first.ended();
    for (const payload of ["one", "two", "three"]) {
      await publish(broker, [...V, "-t", broker.named("test"), "-m", payload, "-q", "1"]);
    }
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "at most once", "-q", "0"]);
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "four", "-q", "2"]);
    await using second = await MosquittoSub.start(broker, args, "%q %p");
    assertEquals(await second.messages(4), ["1 one", "1 two", "1 three", "1 four"]);
  });

  test(`seed 3-6: a clean session starts with nothing, ${version}`, async (broker) => {
    const args = [...V, "-i", broker.named("client01"), "-t", broker.named("test"), "-q", "1"];
    await using first = await MosquittoSub.start(broker, [...args, ...durable]);
    first.signal("SIGTERM");
    await first.ended();
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "missed", "-q", "1"]);
    await using second = await MosquittoSub.start(broker, args);
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "live", "-q", "1"]);
    assertEquals(await second.messages(1), ["live"]);
  });

  test(`seed 3-11: the Will is sent after kill -9 and not after DISCONNECT, ${version}`, async (broker) => {
    const will = (payload: string) => [
      ...[...V, "-t", broker.named("end"), "-C", "1", "--will-topic", broker.named("will"), "--will-payload", payload],
      ...["--will-qos", "1", "--will-retain"],
    ];
    await using watcher = await MosquittoSub.start(broker, [...V, "-t", broker.named("will"), "-q", "2"], "%q %r %p");
    await using polite = await MosquittoSub.start(broker, will("polite"));
    await using killed = await MosquittoSub.start(broker, will("killed"));
    killed.signal("SIGKILL");
    await publish(broker, [...V, "-t", broker.named("end"), "-m", "now"]);
    await polite.ended();
    await publish(broker, [...V, "-t", broker.named("will"), "-m", "last", "-q", "1"]);
    assertEquals(await watcher.until("1 0 last"), ["1 0 killed"]);
    await using later = await MosquittoSub.start(broker, [...V, "-t", broker.named("will")], "%r %p");
    assertEquals(await later.messages(1), ["1 killed"]);
  });

  test(`seed 3-16: a second client of the same name takes over, ${version}`, async (broker) => {
    const args = [...V, "-i", broker.named("client01"), "-t", broker.named("test")];
    const will = ["--will-topic", broker.named("will"), "--will-payload", "taken over"];
    await using watcher = await MosquittoSub.start(broker, [...V, "-t", broker.named("will")]);
    await using first = await MosquittoSub.start(broker, [...args, ...will]);
    await using second = await MosquittoSub.start(broker, args);
    await first[Symbol.asyncDispose](); // In 3.1.1 it would take over in its turn.
    assertEquals(await watcher.messages(1), ["taken over"]);
    await publish(broker, [...V, "-t", broker.named("test"), "-m", "still served"]);
    assertEquals(await second.messages(1), ["still served"]);
  });

  test(`1,000 lines of QoS 1 arrive once and in order, ${version}`, async (broker) => {
    const lines = Array.from({ length: 1_000 }, (_, index) => `line ${index}`);
    const args = [...V, "-t", broker.named("lines"), "-q", "1", "-C", `${lines.length}`];
    await using subscriber = await MosquittoSub.start(broker, args);
    await publish(broker, [...V, "-t", broker.named("lines"), "-q", "1", "-l"], lines.join("\n"));
    assertEquals(await subscriber.messages(lines.length), lines);
    await subscriber.ended();
  });

  test(`a message of 1,000,000 bytes arrives whole, ${version}`, async (broker) => {
    await using subscriber = await MosquittoSub.start(broker, [...V, "-t", broker.named("big")], "%l");
    await publish(broker, [...V, "-t", broker.named("big"), "-q", "1", "-s"], "x".repeat(1_000_000));
    assertEquals(await subscriber.messages(1), ["1000000"]);
  });
}

test("a message of 20,000,000 bytes ends the connection of its publisher and nothing else", async (broker) => {
  await using subscriber = await MosquittoSub.start(broker, ["-t", broker.named("#")]);
  const tooBig = "x".repeat(20_000_000);
  // In 3.1.1 the client learns it by the end of its connection; in 5 it is told before and does not send [MQTT-3.2.2-15].
  const v311 = await run("mosquitto_pub", broker, ["-t", broker.named("big"), "-q", "1", "-s"], { input: tooBig });
  assertNotEquals(v311.code, 0);
  await run("mosquitto_pub", broker, ["-V", "5", "-t", broker.named("big"), "-q", "1", "-s"], { input: tooBig });
  await publish(broker, ["-t", broker.named("test"), "-m", "alive"]);
  assertEquals(await subscriber.messages(1), ["alive"]);
});

test("the Will is sent after DISCONNECT 0x04, as mosquitto_sub ends on SIGTERM [MQTT-3.1.2-8]", async (broker) => {
  await using watcher = await MosquittoSub.start(broker, ["-t", broker.named("will")]);
  const will = ["--will-topic", broker.named("will"), "--will-payload", "wanted"];
  await using subscriber = await MosquittoSub.start(broker, ["-V", "5", "-t", broker.named("test"), ...will]);
  subscriber.signal("SIGTERM");
  await subscriber.ended();
  assertEquals(await watcher.messages(1), ["wanted"]);
});

test("mosquitto_rr gets its response", async (broker) => {
  await using responder = await MosquittoSub.start(broker, ["-V", "5", "-t", broker.named("request")], "%R %D %p");
  const request = run("mosquitto_rr", broker, [
    ...["-V", "5", "-t", broker.named("request"), "-e", broker.named("response/7"), "-m", "ping"],
    ...["-D", "PUBLISH", "correlation-data", "seven"],
  ]);
  assertEquals(await responder.messages(1), [`${broker.named("response/7")} seven ping`]);
  await publish(broker, [
    ...["-V", "5", "-t", broker.named("response/7"), "-m", "pong"],
    ...["-D", "PUBLISH", "correlation-data", "seven"],
  ]);
  assertEquals(await request, { code: 0, stdout: "pong\n", stderr: "" });
});

test("the properties of PUBLISH reach the subscriber unchanged [MQTT-3.3.2-17]", async (broker) => {
  const format = "%C|%F|%R|%D|%P|%p";
  await using subscriber = await MosquittoSub.start(broker, ["-V", "5", "-t", broker.named("test")], format);
  await publish(broker, [
    ...["-V", "5", "-t", broker.named("test"), "-m", "21"],
    ...["-D", "PUBLISH", "content-type", "text/plain"],
    ...["-D", "PUBLISH", "payload-format-indicator", "1"],
    ...["-D", "PUBLISH", "response-topic", "answer"],
    ...["-D", "PUBLISH", "correlation-data", "c1"],
    ...["-D", "PUBLISH", "user-property", "unit", "degree"],
    ...["-D", "PUBLISH", "user-property", "unit", "again"],
  ]);
  const [message = ""] = await subscriber.messages(1);
  assertEquals(message.split("|").filter((part) => !part.includes("unit")), [
    ...["text/plain", "1", "answer", "c1", "21"],
  ]);
  assertStringIncludes(message.replaceAll(/\W+/g, " "), "unit degree unit again");
});

test("Message Expiry Interval is what is left of it [MQTT-3.3.2-6]", async (broker) => {
  await publish(broker, [
    ...["-V", "5", "-t", broker.named("test"), "-m", "kept", "-r"],
    ...["-D", "PUBLISH", "message-expiry-interval", "60"],
  ]);
  await using subscriber = await MosquittoSub.start(broker, ["-V", "5", "-t", broker.named("test")], "%E");
  const [left = ""] = await subscriber.messages(1);
  assert(["58", "59", "60"].includes(left), left);
});

test("the subscribers of a shared subscription divide the messages", async (broker) => {
  const args = ["-V", "5", "-t", `$share/workers/${broker.named("jobs")}`, "-t", broker.named("done"), "-q", "1"];
  await using one = await MosquittoSub.start(broker, args);
  await using two = await MosquittoSub.start(broker, args);
  const jobs = Array.from({ length: 40 }, (_, index) => `job ${index}`);
  await publish(broker, ["-t", broker.named("jobs"), "-q", "1", "-l"], jobs.join("\n"));
  await publish(broker, ["-t", broker.named("done"), "-q", "1", "-m", "done"]);
  const shares = await Promise.all([one, two].map((worker) => worker.until("done")));
  assert(shares.every((share) => share.length > 0), "one worker got nothing");
  assertEquals(shares.flat().toSorted(), jobs.toSorted());
});

test.own("seed 3-2: -v tells what mosquitto -v tells", async (broker) => {
  await using subscriber = await MosquittoSub.start(broker, ["-i", "subA", "-t", "test", "-C", "1"]);
  await publish(broker, ["-i", "pubA", "-t", "test", "-m", "abc"]);
  await subscriber.ended();
  const facts = [
    /New connection from 127\.0\.0\.1:\d+/,
    /New client connected from 127\.0\.0\.1:\d+ as subA \(.*c1, k60/,
    /No will message specified/,
    /Sending CONNACK to subA \(0, 0\)/,
    /Received SUBSCRIBE from subA/,
    /test \(QoS 0\)/,
    /Sending SUBACK to subA/,
    /New client connected from 127\.0\.0\.1:\d+ as pubA /,
    /Received PUBLISH from pubA \(d0, q0, r0, m0, 'test', .*\(3 bytes\)\)/,
    /Sending PUBLISH to subA \(d0, q0, r0, m0, 'test', .*\(3 bytes\)\)/,
    /Received DISCONNECT from pubA/,
    /Client pubA disconnected/,
    /Received DISCONNECT from subA/,
    /Client subA disconnected/,
  ];
  for (const fact of facts) await broker.stderr.matching(fact);
}, ["-v"]);
