import type { BrokerOptions } from "../../mod.ts";
import { refused } from "../../src/auth/authentication.ts";
import { ReasonCode } from "../../src/codec/mod.ts";
import type { AdminBroker } from "./admin_broker.ts";

/** Broker of the scene: it knows mallory's password to be wrong, and keeps `secret/` to itself. */
export const SCENE: BrokerOptions = {
  authenticator: {
    authenticate: ({ connect: { userName } }) =>
      userName === "mallory"
        ? refused("the user name or the password is wrong", { reasonCode: ReasonCode.BadUserNameOrPassword })
        : { isAccepted: true, principal: userName ?? "guest" },
  },
  authorizer: {
    authorize: ({ topic }) => !topic.startsWith("secret/"),
    explain: ({ topic }) => topic.startsWith("secret/") ? "deny secret/#" : "readwrite plant/#",
  },
  limits: { maximumQueuedMessages: 20 },
};

/** Clients, subscriptions, retained messages, refusals and drops of a small plant. */
export async function playScene(dashboard: AdminBroker): Promise<void> {
  const { broker } = dashboard;
  for (let number = 1; number <= 24; number++) {
    const isOverWeb = number % 3 === 0;
    await dashboard.connect({
      clientId: number % 5 === 0 ? `esp32-${(number * 7919).toString(16)}` : `device-${number}`,
      version: number % 4 === 0 ? 4 : 5,
      userName: number % 2 === 0 ? "kitchen" : "plant",
      topicFilters: number % 2 === 0 ? [`plant/${number}/#`] : [`plant/${number}/line/+`, "alarm/#"],
      peer: {
        transport: isOverWeb ? "wss" : "tcp",
        address: `10.0.0.${number}:${44_000 + number * 13}`,
        listener: isOverWeb ? "wss://0.0.0.0:8084/mqtt" : "mqtt://0.0.0.0:1883",
      },
    });
  }
  const leave = await dashboard.connect({
    clientId: "archive",
    userName: "plant",
    topicFilters: ["plant/#", "$share/store/plant/+/line/temp"],
    sessionExpirySeconds: 86_400,
    peer: { transport: "tcp", address: "10.0.3.9:51002", listener: "mqtt://0.0.0.0:1883" },
  });
  await leave();
  for (let line = 1; line <= 12; line++) {
    const value = { temperature: 20 + line / 2, unit: "°C", line };
    await broker.publish(`plant/${line}/line/temp`, JSON.stringify(value), { retain: true, qos: 1 });
    await broker.publish(`plant/${line}/line/state`, line % 2 === 0 ? "running" : "idle", { retain: true });
  }
  await broker.publish("plant/7/picture", Uint8Array.from({ length: 300 }, (_, at) => at & 0xff), { retain: true });
  await broker.publish("house/kitchen/lamp", "on", { retain: true });
  for (let times = 0; times < 30; times++) await broker.publish("plant/2/line/count", String(times), { qos: 1 });
  for (let times = 0; times < 3; times++) {
    await dashboard.connect({
      clientId: "intruder",
      userName: "mallory",
      peer: { transport: "ws", address: `203.0.113.9:${40_000 + times}`, listener: "ws://0.0.0.0:8083/mqtt" },
    });
  }
  await dashboard.connect({
    clientId: "curious",
    topicFilters: ["secret/#"],
    peer: { transport: "tcp", address: "10.0.0.99:40001", listener: "mqtt://0.0.0.0:1883" },
  });
}
