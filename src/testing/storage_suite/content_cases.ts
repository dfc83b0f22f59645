import * as changes from "./changes.ts";
import type { QoS, RetainHandling } from "../../codec/packet.ts";
import { NO_PROPERTIES, type Properties } from "../../codec/property.ts";
import type { Change } from "../../protocol/change.ts";
import {
  LATER_MS,
  message,
  ODD_NAMES,
  pattern,
  queued,
  retained,
  started,
  subscribed,
  willMessage,
} from "./changes.ts";
import type { Case } from "./trial.ts";

/** Cases of content: whatever a change may contain is read back unchanged. */

/** Sizes around the limits of storages: 16, 60 and 64 KiB, the largest commit of Deno KV, and 1 MiB. */
const PAYLOAD_BYTES = [0, 1, 2, 127, 128, 16_383, 16_384, 61_439, 61_440, 61_441, 65_535, 65_536, 819_200, 1_048_576];
const QOS: readonly QoS[] = [0, 1, 2];
const RETAIN_HANDLING: readonly RetainHandling[] = [0, 1, 2];

const PROPERTIES: readonly Properties[] = [
  NO_PROPERTIES,
  {},
  { payloadFormatIndicator: 0 },
  { payloadFormatIndicator: 1 },
  { messageExpiryInterval: 0 },
  { messageExpiryInterval: 1 },
  { messageExpiryInterval: 0xffff_ffff },
  { contentType: "" },
  { contentType: "\u{feff}text/plain" },
  { responseTopic: "answers/1" },
  { correlationData: new Uint8Array(0) },
  { correlationData: pattern(65_535) },
  { userProperties: [["", ""]] },
  { userProperties: [["b", "2"], ["a", "1"], ["b", "2"], ["__proto__", "\u{feff}"], ["a", "0"]] },
  { userProperties: ODD_NAMES.map((name) => [name, name]) },
  {
    payloadFormatIndicator: 1,
    messageExpiryInterval: 3_600,
    contentType: "text/plain",
    responseTopic: "answers/2",
    correlationData: pattern(20),
    userProperties: [["name", "value"]],
  },
];

export const CONTENT_CASES: readonly Case[] = [
  {
    name: "keeps the clock as it was told last, and gives it before all else",
    check: async (trial) => {
      const session = [started("c"), changes.expiry("c", 60, 1_000)];
      await trial.commit(...session, changes.retained("t", message("kept")), changes.clock(0, 0));
      await trial.keeps([...session, changes.retained("t", message("kept")), changes.clock(0, 0)]);
      const machine = { uptimeMs: 60_000, bootId: "\u{feff}8a1f" };
      await trial.commit(
        changes.clock(2, 1),
        changes.transaction(changes.ended("c"), changes.clock(2 ** 52, 2 ** 51, machine)),
      );
      await trial.keeps([changes.retained("t", message("kept")), changes.clock(2 ** 52, 2 ** 51, machine)]);
      await trial.commit(changes.clock(5, 2 ** 52));
      await trial.keeps([changes.retained("t", message("kept")), changes.clock(5, 2 ** 52)]);
    },
  },
  {
    name: "keeps sessions apart, whatever their Client Identifiers are",
    check: async (trial) => {
      const sessions = ODD_NAMES.map((clientId, index): readonly Change[] => [
        started(clientId, clientId),
        changes.expiry(clientId, index),
        changes.will(clientId, willMessage(clientId)),
        subscribed(clientId, "a", { subscriptionIdentifier: index + 1 }),
        changes.accepted(clientId, index + 1),
        queued(clientId, 1, message(`${index}`, { publisher: clientId })),
      ]);
      for (const session of sessions) await trial.commit(...session);
      await trial.keeps(sessions.flat());
      const ended = ODD_NAMES.filter((_, index) => index % 2 === 0).map(changes.ended);
      await trial.commit(...ended);
      await trial.keeps(sessions.filter((_, index) => index % 2 === 1).flat());
    },
  },
  {
    name: "keeps Topic Names and Topic Filters apart, whatever they are",
    check: async (trial) => {
      const topics = ["/", "//", "a", "a/", "/a", "$SYS/a", ...ODD_NAMES];
      const kept = topics.map((topic) => retained(topic, message(`of ${topic.length}`, { retain: true })));
      const filters = ["#", "+", "+/+", "/+", "$share/g/#", "$share/G/#", "$share/g/\u{feff}", ...topics];
      const session = [
        started("c"),
        ...filters.map((filter) => subscribed("c", filter)),
        ...topics.map((topic, index) => queued("c", index + 1, message("m", { topic }))),
      ];
      await trial.commit(...session, ...kept);
      await trial.keeps([...session, ...kept]);
      const isOdd = (_: unknown, index: number) => index % 2 === 1;
      await trial.commit(
        ...filters.filter(isOdd).map((filter) => changes.unsubscribed("c", filter)),
        ...topics.filter(isOdd).map((topic) => retained(topic, undefined)),
      );
      const unsubscribed = new Set(filters.filter(isOdd));
      const left = session.filter((change) =>
        change.kind !== "subscribed" || !unsubscribed.has(change.subscription.filter.topicFilter)
      );
      await trial.keeps([...left, ...kept.filter((_, index) => index % 2 === 0)]);
    },
  },
  {
    name: "keeps payloads up to 1 MiB, empty ones too, waiting and retained",
    check: async (trial) => {
      const payloads = PAYLOAD_BYTES.map((length) => pattern(length, length));
      const kept = [
        started("c"),
        ...payloads.map((payload, index) => queued("c", index + 1, message(payload))),
        ...payloads.map((payload) => retained(`t/${payload.length}`, message(payload))),
      ];
      await trial.commit(...kept);
      await trial.keeps(kept);
      await trial.commit(...payloads.map((_, index) => changes.completed("c", index + 1)));
      await trial.commit(
        ...payloads.map(({ length }) => retained(`t/${length}`, message(""))),
      );
      await trial.keeps([
        started("c"),
        ...payloads.map(({ length }) => retained(`t/${length}`, message(""))),
      ]);
    },
  },
  {
    name: "keeps one message that goes to many sessions, until the last of them has it",
    check: async (trial) => {
      const large = message(pattern(300_000), { topic: "large" });
      const clientIds = Array.from({ length: 60 }, (_, index) => `client ${index}`);
      const [first = "", ...rest] = clientIds;
      await trial.commit(
        ...clientIds.map((clientId) => started(clientId)),
        changes.transaction(retained("large", large), ...clientIds.map((clientId) => queued(clientId, 1, large))),
      );
      await trial.keeps([...clientIds.flatMap((id) => [started(id), queued(id, 1, large)]), retained("large", large)]);
      await trial.commit(...rest.map((id) => changes.completed(id, 1)), retained("large", undefined));
      await trial.keeps([...clientIds.map((id) => started(id)), queued(first, 1, large)]);
    },
  },
  {
    name: "keeps all properties of messages, with the order and the repetitions of User Property",
    check: async (trial) => {
      const messages = PROPERTIES.map((properties) => message("m", { properties }));
      const kept = [
        started("c"),
        ...messages.map((message, index) => queued("c", index + 1, message)),
        ...messages.map((message, index) => retained(`t/${index}`, message)),
      ];
      await trial.commit(...kept);
      await trial.keeps(kept);
    },
  },
  {
    name: "keeps QoS, RETAIN, publisher and the time at which it expires of a message",
    check: async (trial) => {
      const messages = [undefined, "", "p", "__proto__"].flatMap((publisher) =>
        QOS.flatMap((qos) =>
          [false, true].map((retain, index) => {
            const properties: Properties = qos === 0 ? NO_PROPERTIES : { messageExpiryInterval: 1_000 + index };
            return message("m", { publisher, qos, retain, properties, nowMs: LATER_MS + qos });
          })
        )
      );
      const kept = [
        started("c"),
        ...messages.map((message, index) => queued("c", index + 1, message)),
        ...messages.map((message, index) => retained(`t/${index}`, message)),
      ];
      await trial.commit(...kept);
      await trial.keeps(kept);
    },
  },
  {
    name:
      "keeps what the publishers of retained messages and the clients of Wills were to access rules, or that this is unknown",
    check: async (trial) => {
      const sources = [undefined, ...changes.TRAITS];
      const kept = sources.flatMap((source, index) => [
        started(`c${index}`),
        changes.will(`c${index}`, willMessage("w"), index % 2 === 0 ? undefined : LATER_MS, source),
        retained(`t/${index}`, message("m", { retain: true }), source),
      ]);
      await trial.commit(...kept);
      await trial.keeps(kept);
      // A second message replaces the first, whatever its source.
      const last = sources.map((_, index) => retained(`t/${index}`, message("n"), sources.at(index - 1)));
      await trial.commit(...last);
      await trial.keeps([...kept.filter(({ kind }) => kind !== "retained"), ...last]);
    },
  },
  {
    name: "keeps how a message goes to its subscriber",
    check: async (trial) => {
      const identifiers = [[], [1], [268_435_455, 1, 127, 128], Array.from({ length: 200 }, (_, index) => index + 1)];
      const shared = [undefined, "$share/g/a/+", "$share/\u{feff}/#"];
      const options = identifiers.flatMap((subscriptionIdentifiers) =>
        shared.flatMap((sharedFilter) =>
          QOS.flatMap((qos) => [false, true].map((retain) => ({ subscriptionIdentifiers, sharedFilter, qos, retain })))
        )
      );
      const same = message("m");
      const kept = [started("c"), ...options.map((option, index) => queued("c", index + 1, same, option))];
      await trial.commit(...kept);
      await trial.keeps(kept);
    },
  },
  {
    name: "keeps all options of subscriptions, and the last of those with the same Topic Filter",
    check: async (trial) => {
      const options = QOS.flatMap((qos) =>
        RETAIN_HANDLING.flatMap((retainHandling) =>
          [false, true].flatMap((noLocal) =>
            [false, true].flatMap((retainAsPublished) =>
              [undefined, 1, 268_435_455].map((subscriptionIdentifier) => ({
                qos,
                retainHandling,
                noLocal,
                retainAsPublished,
                subscriptionIdentifier,
              }))
            )
          )
        )
      );
      const kept = [started("c"), ...options.map((option, index) => subscribed("c", `a/${index}/+`, option))];
      await trial.commit(...kept);
      await trial.keeps(kept);
      await trial.commit(...options.map((option) => subscribed("c", "same", option)));
      await trial.keeps([...kept, subscribed("c", "same", options.at(-1))]);
    },
  },
  {
    name: "keeps which retained messages a subscription still has to get, as it was told last, until it ends",
    check: async (trial) => {
      const long = "x".repeat(200);
      const dues = [
        { after: "", until: 0, passes: 1, passesUntil: 0 },
        { after: "a/1", until: 300, passes: 1, passesUntil: 300 },
        { after: "\u{feff}/", until: 2 ** 40, passes: 20_000, passesUntil: 2 ** 53 - 1 },
        { after: "y".repeat(changes.LONGEST_STRING_BYTES), until: 1, passes: 2, passesUntil: 2 },
      ];
      const filters = ["#", "a/+", `${long}/#`, "$share/g/a"];
      const withDues = filters.map((filter, index) => subscribed("c", filter, { qos: 2 }, dues[index]));
      await trial.commit(started("c"), ...filters.map((filter) => subscribed("c", filter)), ...withDues);
      await trial.keeps([started("c"), ...withDues]);
      const later = filters.map((filter, index) => subscribed("c", filter, {}, dues.at(index - 1)));
      await trial.commit(changes.transaction(queued("c", 1, message("m")), ...later));
      await trial.keeps([started("c"), ...later, queued("c", 1, message("m"))]);
      const none = filters.slice(0, 2).map((filter) => subscribed("c", filter));
      await trial.commit(...none, ...filters.slice(2).map((filter) => changes.unsubscribed("c", filter)));
      await trial.commit(subscribed("c", `${long}/#`));
      await trial.keeps([started("c"), ...none, subscribed("c", `${long}/#`), queued("c", 1, message("m"))]);
      await trial.commit(...withDues, started("c"));
      await trial.keeps([started("c")]);
    },
  },
  {
    name: "keeps the sequence of retained messages, or that they have none",
    check: async (trial) => {
      const sequences = [undefined, 1, 127, 128, 2 ** 32, 2 ** 53 - 1];
      const kept = sequences.flatMap((sequence, index) => [
        retained(`t/${index}`, message("m", { retain: true }), undefined, sequence),
        retained(`u/${index}`, message("m", { retain: true }), changes.TRAITS[2], sequence),
      ]);
      await trial.commit(...kept);
      await trial.keeps(kept);
    },
  },
  {
    name: "keeps the Session Expiry Interval and when it ends, also never",
    check: async (trial) => {
      const kept: readonly Change[] = [0, 1, 3_600, 0xffff_ffff].flatMap((seconds) =>
        [undefined, 0, 1, LATER_MS, LATER_MS + 0xffff_ffff * 1000, Infinity].flatMap((expiresAtMs) => {
          const clientId = `${seconds} ${expiresAtMs}`;
          return [started(clientId), changes.expiry(clientId, seconds, expiresAtMs)];
        })
      );
      await trial.commit(...kept);
      await trial.keeps(kept);
      await trial.commit(changes.expiry("1 Infinity", 5)); // It has a connection again.
      await trial.keeps([...kept.filter((change) => "clientId" in change && change.clientId !== "1 Infinity"), ...[
        started("1 Infinity"),
        changes.expiry("1 Infinity", 5),
      ]]);
    },
  },
  {
    name: "keeps the Will of a session with all it says, until there is none or the session ends",
    check: async (trial) => {
      const all: Properties = { ...PROPERTIES.at(-1), willDelayInterval: 0xffff_ffff };
      const odd = ODD_NAMES.at(-1) ?? "";
      const wills = [
        willMessage(""),
        willMessage(pattern(65_535), all),
        { ...willMessage("w", { willDelayInterval: 0 }), topic: odd, qos: 2, retain: true },
        { ...willMessage("w"), qos: 0 },
      ] as const;
      const kept = wills.flatMap((will, index) =>
        [undefined, 0, LATER_MS].flatMap((publishAtMs) => {
          const clientId = `${index} ${publishAtMs}`;
          return [started(clientId), changes.will(clientId, will, publishAtMs)];
        })
      );
      await trial.commit(...kept);
      await trial.keeps(kept);
      await trial.commit(
        changes.will("0 0", undefined),
        changes.ended("1 0"),
        changes.will("2 0", wills[1], 5),
        started("3 0"),
      );
      const untouched = kept.filter((change) => "clientId" in change && !change.clientId.endsWith(" 0"));
      await trial.keeps([
        ...untouched,
        started("0 0"),
        started("2 0"),
        changes.will("2 0", wills[1], 5),
        started("3 0"),
      ]);
    },
  },
  {
    name: "keeps whether there is a principal, and which",
    check: async (trial) => {
      const kept = [undefined, ...ODD_NAMES].map((principal, index) => started(`c${index}`, principal));
      await trial.commit(...kept, started("empty", ""));
      await trial.keeps([...kept, started("empty", "")]);
    },
  },
  {
    name: "keeps whether there is a network of a client without a principal, and which",
    check: async (trial) => {
      const networks = ["192.0.2.7", "2001:db8:0:0::/64", "", ...ODD_NAMES];
      const kept = networks.map((network, index) => started(`n${index}`, undefined, network));
      await trial.commit(...kept, started("n"));
      await trial.keeps([...kept, started("n")]);
    },
  },
  {
    name: "keeps the last retained message of each of 3000 topics, and none that was removed",
    check: async (trial) => {
      const topics = Array.from({ length: 3_000 }, (_, index) => `t/${index}`);
      const kept = topics.map((topic) => retained(topic, message(topic, { retain: true })));
      await trial.commit(...topics.map((topic) => retained(topic, message("old", { retain: true }))), ...kept);
      await trial.keeps(kept);
      await trial.commit(
        ...topics.slice(0, 2_990).map((topic) => retained(topic, undefined)),
        retained("none", undefined),
      );
      await trial.keeps(kept.slice(2_990));
    },
  },
];
