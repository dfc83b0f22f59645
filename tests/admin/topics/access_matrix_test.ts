/** A request gets what an MQTT client with the same credentials gets: each action of each user, on each kind of topic. */

import { assertEquals } from "@std/assert";
import type { Authenticator } from "../../../mod.ts";
import { AccessControl } from "../../../src/auth/mod.ts";
import { Client, type Message, RefusedError } from "../../../src/client/mod.ts";
import { WAYS, WITHOUT_ANN } from "../../auth/ways_to_rights.ts";
import { within } from "../../deadline.ts";
import { basic, EventReader, passed, Topics } from "./topics.ts";

const USERS = [undefined, "ann", "sue", "eve", "a/b", "+", "#", "ann/1"] as const;
const TOPICS = [
  "home/ann/1",
  "home/ann",
  "home/sue/1",
  "home/eve/1",
  "public/x",
  "public/secret",
  "other",
  "$data/x",
  "$SYS/x",
  "$SYS/broker/connection/b/state",
  "$share/g/x",
  "$",
] as const;
const FILTERS = [
  ...TOPICS.filter((topic) => !topic.startsWith("$share")),
  "#",
  "+/+/1",
  "public/#",
  "home/#",
  "home/+/1",
  "$data/#",
  "$SYS/#",
  "$share/g/public/x",
  "$share/g/home/sue/#",
] as const;

/** What came of an action: a Reason Code, and messages. */
type Verdict = readonly [reasonCode: number, ...texts: string[]];

for (const [index, { name, rules, without = WITHOUT_ANN, acceptance = {} }] of WAYS.entries()) {
  for (const isLost of [false, true]) {
    Deno.test(`The matrix of access over HTTP is that of MQTT with rights ${name}${isLost ? ", and without them" : ""}`, async () => {
      const authorizer = new AccessControl(rules);
      const authenticator: Authenticator = {
        authenticate: ({ connect: { userName: principal } }) => ({
          isAccepted: true,
          ...principal === undefined ? {} : { principal },
          ...principal === "ann" ? acceptance : {},
        }),
      };
      await using topics = await Topics.open({ authenticator, authorizer });
      await retain(topics);
      if (isLost) authorizer.replace(without);
      for (const user of index === 0 ? USERS : ["ann"]) { // The others have the same rights each time.
        await using client = await connect(topics, user);
        for (const topic of TOPICS) {
          for (const query of ["?qos=1", "?qos=2", "?qos=1&retain"]) {
            const at = `${user} publishes to ${topic}${query}`;
            assertEquals(await publishOverHttp(topics, user, topic, query), await publish(client, topic, query), at);
          }
          await retain(topics);
          const read = await readOverHttp(topics, user, topic);
          if (topic.startsWith("$share")) continue; // A GET cannot mean the Shared Subscription that SUBSCRIBE would.
          assertEquals(read, await firstRetained(client, topic), `${user} reads ${topic}`);
        }
        for (const filter of FILTERS) {
          const verdict = await streamOverHttp(topics, user, filter);
          assertEquals(verdict, await subscribe(topics, client, filter), `${user} ${filter}`);
          if (user !== "ann" || filter !== "#" || isLost) continue;
          assertEquals(verdict, [1, ...["home/ann", "home/ann/1", "public/x"].flatMap((topic) => [topic, topic])]);
        }
      }
    });
  }
}

/** Retains a message on each topic as the own process, and as a client that loses its rights with Ann's. */
async function retain({ broker }: Topics): Promise<void> {
  for (const topic of TOPICS) await broker.publish(topic, topic, { retain: true });
}

function headersOf(user: string | undefined): Record<string, string> {
  return user === undefined ? {} : basic(user, "x");
}

function connect({ broker }: Topics, user: string | undefined): Promise<Client> {
  const credentials = user === undefined ? {} : { userName: user, password: "x" };
  return Client.connect(broker, { protocolVersion: 5, reconnect: false, ...credentials });
}

async function publish(client: Client, topic: string, query: string): Promise<Verdict> {
  const qos = query.includes("2") ? 2 : 1;
  try {
    const result = await within(client.publish(topic, topic, { qos, retain: query.includes("retain") }), topic);
    return [result?.reasonCode ?? NaN];
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return [error.reasonCode];
  }
}

async function publishOverHttp(
  topics: Topics,
  user: string | undefined,
  topic: string,
  query: string,
): Promise<Verdict> {
  const asked = { method: "POST", body: topic, headers: headersOf(user) };
  const [status, { reasonCode }] = await topics.json(`/${encodeURIComponent(topic)}${query}`, asked);
  assertEquals(status, Number(reasonCode) < 0x80 ? 200 : 403);
  return [Number(reasonCode)];
}

async function firstRetained(client: Client, topic: string): Promise<Verdict> {
  try {
    await using messages = await within(client.subscribe(topic, { qos: 0 }), topic);
    const texts: string[] = [];
    collect(messages, texts);
    await passed();
    return [0, ...texts];
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return [error.reasonCode];
  }
}

async function readOverHttp(topics: Topics, user: string | undefined, topic: string): Promise<Verdict> {
  const response = await topics.ask(`/${encodeURIComponent(topic)}`, { headers: headersOf(user) });
  switch (response.status) {
    case 200:
      return [0, await response.text()];
    case 404:
      await response.body?.cancel();
      return [0];
    default:
      return [Number((await response.json()).reasonCode)];
  }
}

/** Subscribes, and has something published to each topic. */
async function subscribe(topics: Topics, client: Client, filter: string): Promise<Verdict> {
  try {
    await using messages = await within(client.subscribe(filter, { qos: 1 }), filter);
    const texts: string[] = [];
    collect(messages, texts);
    await retain(topics);
    await passed();
    return [messages.suback.reasonCodes[0] ?? NaN, ...texts.sort()];
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    return [error.reasonCode];
  }
}

async function streamOverHttp(topics: Topics, user: string | undefined, filter: string): Promise<Verdict> {
  const response = await topics.ask(`?filter=${encodeURIComponent(filter)}&qos=1`, { headers: headersOf(user) });
  if (response.status !== 200) {
    const { reasonCode, filters } = await response.json();
    assertEquals([response.status, filters ?? [filter]], [403, [filter]]);
    return [reasonCode];
  }
  await using events = new EventReader(response);
  const texts: string[] = [];
  collect(messagesOf(events), texts);
  await retain(topics);
  await passed();
  return [1, ...texts.sort()];
}

async function* messagesOf(events: EventReader): AsyncGenerator<Pick<Message, "text">> {
  for (let event = await events.next(); event !== undefined; event = await events.next()) {
    const { text } = event.data;
    yield { text: () => text };
  }
}

/** Collects messages until their source ends. */
function collect(messages: AsyncIterable<Pick<Message, "text">>, texts: string[]): void {
  void (async () => {
    for await (const message of messages) texts.push(message.text());
  })().catch(() => {}); // The test has seen what it needed.
}
