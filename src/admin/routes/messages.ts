import { ReasonCode, reasonCodeName } from "../../codec/reason_code.ts";
import type { AdminHost } from "../host.ts";
import { orBadRequest } from "../pages.ts";
import { type Route, route } from "../route_table.ts";
import * as z from "../zod.js";
import { COUNT } from "./json_values.ts";
import { byteLength, MESSAGE_BODY, orRefused, payloadOf, publishOptionsOf } from "./message_body.ts";

/** Publishing. */
export const MESSAGE_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "POST",
    path: "/messages",
    role: "operator",
    tag: "Messages",
    summary: "Publish a message as the broker itself: access rules are not asked",
    body: z.strictObject({ topic: z.string(), retain: z.optional(z.boolean()), ...MESSAGE_BODY }),
    answer: z.strictObject({
      topic: z.string(),
      payloadBytes: COUNT,
      /** 0x00 Success or 0x10 No matching subscribers. */
      reasonCode: COUNT,
      reasonName: z.string(),
      /** Deliveries when it was published: a Shared Subscription has one. */
      receivers: COUNT,
    }),
    async handle({ body, note }, { broker }: AdminHost) {
      const { topic, retain = false } = body;
      const payload = payloadOf(body);
      const { receivers } = await orBadRequest(() => broker.subscribersOf(topic, { limit: 0 }));
      await orRefused(broker.publish(topic, payload, publishOptionsOf(body, retain)));
      note({ name: "publish", message: `published a message to "${topic}"${retain ? " with RETAIN" : ""}`, topic });
      const reasonCode = receivers === 0 ? ReasonCode.NoMatchingSubscribers : ReasonCode.Success;
      return {
        topic,
        payloadBytes: byteLength(payload),
        reasonCode,
        reasonName: reasonCodeName(reasonCode),
        receivers,
      };
    },
  }),
];
