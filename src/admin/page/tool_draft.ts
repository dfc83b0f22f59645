import type { QoS, RetainHandling } from "../../codec/packet.ts";
import type { Properties } from "../../codec/property.ts";
import type { PayloadForm } from "./payload_bytes.ts";
import { type Mistake, parseUserProperties, wholeNumber } from "./tool_settings.ts";

/** Fields of a connected client, as they are typed. */
export interface ToolDraft {
  readonly topicFilter: string;
  readonly subscribeQos: QoS;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
  readonly topic: string;
  readonly payload: string;
  readonly form: PayloadForm;
  readonly qos: QoS;
  readonly retain: boolean;
  readonly contentType: string;
  readonly responseTopic: string;
  readonly expirySeconds: string;
  readonly userProperties: string;
}

/** Fields of a client that has just connected: a press of each button shows a message. */
export const NEW_DRAFT: ToolDraft = {
  topicFilter: "test/#",
  subscribeQos: 1,
  noLocal: false,
  retainAsPublished: false,
  retainHandling: 0,
  topic: "test/hello",
  payload: '{"temperature": 21.4}',
  form: "json",
  qos: 1,
  retain: false,
  contentType: "",
  responseTopic: "",
  expirySeconds: "",
  userProperties: "",
};

/** Properties of a PUBLISH; those that are empty are left out. */
export function publishProperties(draft: ToolDraft): Properties | Mistake {
  const { contentType, responseTopic, expirySeconds } = draft;
  const expiry = wholeNumber("Expiry", expirySeconds, 4_294_967_295, undefined);
  if (typeof expiry === "object") return expiry;
  const userProperties = parseUserProperties(draft.userProperties);
  if ("mistake" in userProperties) return userProperties;
  return {
    ...contentType !== "" && { contentType },
    ...responseTopic !== "" && { responseTopic },
    ...expiry !== undefined && { messageExpiryInterval: expiry },
    ...userProperties.length > 0 && { userProperties },
  };
}
