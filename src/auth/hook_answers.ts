/**
 * Checks the answers of hooks. A host without types may give anything, and a truthy value must not let a client in:
 * only `true` is true, a promise is awaited wherever it stands, and any other answer is an error, which refuses the
 * client.
 *
 * ```text
 * lets in     true   { isAccepted: true }   { isAccepted: check() } whose promise gives true
 * refuses     false  { isAccepted: false, reasonCode: 0x87 }
 * is wrong    "false"   1   nothing   { isAccepted: "true" }   { isAccepted: false, reasonCode: 0 }   { kind: "reject" }
 * ```
 */

import { encodePacket } from "../codec/encoder.ts";
import { bytesOf, Message } from "../codec/message.ts";
import type { Properties } from "../codec/property.ts";
import { isReasonCodeOf, ReasonCode } from "../codec/reason_code.ts";
import { isTopicName } from "../codec/topic_name.ts";
import { type Authentication, type AuthenticationStep, GRANT_ACCESS } from "../protocol/access.ts";
import type { ReviewedMessage } from "../protocol/connection_host.ts";
import { isTopicFilter } from "./acl_rules.ts";

type Fields = Readonly<Record<string, unknown>>;

const ACCEPTANCE_FIELDS = ["principal", "roles", "grants", "expiresAtMs", "expiresInMs", "expiryReasonCode"] as const;
const AUTHENTICATION_FIELDS = ["isAccepted", "reasonCode", "reason", "isUnknownUser", ...ACCEPTANCE_FIELDS] as const;
const STEP_FIELDS = ["kind", "data", "reasonCode", "reason", ...ACCEPTANCE_FIELDS] as const;
const LONGEST_QUOTED = 10;
/** Depth of an answer: a list, its objects, their fields. */
const MOST_DEPTH = 2;

/** Whether a value must be awaited before it can be checked. */
export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}

/** Answer of an authenticator; a promise only if it has one. @throws TypeError for an invalid answer, or rejects */
export function authenticationOf(answer: unknown): Authentication | Promise<Authentication> {
  const later = awaited(answer, AUTHENTICATION_FIELDS, authenticationOf);
  if (later !== undefined) return later;
  const fields = fieldsOf(answer);
  const { isAccepted } = fields ?? {};
  if (fields !== undefined && isAccepted === true) {
    requireAcceptance("authenticate", fields);
    return fields as unknown as Authentication; // Checked above.
  }
  if (fields === undefined) throw wrongAnswer("authenticate", answer, `an object with "isAccepted"`);
  if (isAccepted !== false) throw wrongAnswer("authenticate", isAccepted, "true or false", "isAccepted");
  const { reasonCode = ReasonCode.NotAuthorized, reason, isUnknownUser } = fields;
  if (!isRefusal(reasonCode, ["connack"])) {
    throw wrongAnswer("authenticate", reasonCode, "a Reason Code with which CONNACK refuses", "reasonCode");
  }
  const said = { isAccepted: false, reasonCode, isUnknownUser: isUnknownUser === true } as const;
  return typeof reason === "string" ? { ...said, reason } : said;
}

/** Answer of an authorizer; without a promise if it is none. @throws TypeError for an invalid answer, or rejects */
export function decisionOf(answer: unknown): boolean | Promise<boolean> {
  if (typeof answer === "boolean") return answer;
  if (isThenable(answer)) return Promise.resolve(answer).then(decisionOf);
  throw wrongAnswer("authorize", answer, "true or false");
}

/**
 * Message that `onPublish` gives in place of another one; a promise only if it gives one.
 *
 * @throws TypeError for what is no message, or rejects
 */
export function reviewedMessageOf(answer: unknown, message: Message): ReviewedMessage | Promise<ReviewedMessage> {
  if (answer === message) return message;
  if (answer === undefined) return "dropped";
  if (isThenable(answer)) return Promise.resolve(answer).then((answer) => reviewedMessageOf(answer, message));
  const { topic, payload, retain = message.retain, properties = message.properties, qos = message.qos } =
    fieldsOf(answer) ?? {};
  const wrong = (field: string, value: unknown, expected: string) => wrongAnswer("onPublish", value, expected, field);
  if (typeof topic !== "string" || !isTopicName(topic)) throw wrong("topic", topic, "a Topic Name");
  if (typeof payload !== "string" && !(payload instanceof Uint8Array)) throw wrong("payload", payload, "text or bytes");
  if (typeof retain !== "boolean") throw wrong("retain", retain, "true or false");
  if (qos !== message.qos) throw wrong("qos", qos, `${message.qos}, which is the publisher's`);
  const changed = new Message({
    topic,
    payload: bytesOf(payload),
    retain,
    qos: message.qos,
    properties: propertiesOf(properties, message),
  });
  return changed;
}

/** Properties that go out with PUBLISH. @throws TypeError for others */
function propertiesOf(properties: unknown, message: Message): Properties {
  if (properties === message.properties) return message.properties;
  const fields = fieldsOf(properties);
  if (fields === undefined || "topicAlias" in fields || "subscriptionIdentifiers" in fields) {
    throw wrongAnswer("onPublish", properties, "properties that pass through a broker", "properties");
  }
  const checked = fields as Properties; // Encoding checks them.
  try {
    encodePacket({ ...message, type: "publish", topic: "t", packetIdentifier: 1, properties: checked }, 5);
  } catch (error) {
    throw new TypeError(`onPublish gave properties that cannot be sent: ${error}`);
  }
  return checked;
}

/** Answer that must not be a promise. @throws TypeError unless true or false */
export function promptDecisionOf(hook: string, answer: unknown): boolean {
  if (typeof answer === "boolean") return answer;
  throw wrongAnswer(hook, answer, "true or false at once");
}

/** Answer of an exchange of enhanced authentication. Rejects with TypeError for an invalid answer. */
export async function stepOf(answer: unknown): Promise<AuthenticationStep> {
  const later = awaited(answer, STEP_FIELDS, stepOf);
  if (later !== undefined) return await later;
  const fields = fieldsOf(answer);
  const wanted = `an object whose "kind" is "continue", "accepted" or "refused"`;
  if (fields === undefined) throw wrongAnswer("next", answer, wanted);
  const { kind, data, reasonCode = ReasonCode.NotAuthorized, reason = "the client is not accepted" } = fields;
  if (kind === "refused") {
    if (!isRefusal(reasonCode, ["connack", "disconnect"])) {
      throw wrongAnswer("next", reasonCode, "a Reason Code that refuses", "reasonCode");
    }
    return { kind, reasonCode, reason: typeof reason === "string" ? reason : "the client is not accepted" };
  }
  if (kind !== "continue" && kind !== "accepted") throw wrongAnswer("next", kind, wanted, "kind");
  if (data !== undefined && !(data instanceof Uint8Array)) {
    throw wrongAnswer("next", data, "bytes or nothing", "data");
  }
  if (kind === "accepted") requireAcceptance("next", fields);
  return fields as unknown as AuthenticationStep; // Checked above.
}

/** Error that says what a hook has answered and what is wanted, without longer texts, which may be secret. */
export function wrongAnswer(hook: string, came: unknown, wanted: string, field?: string): TypeError {
  leavePromises(came);
  const where = field === undefined ? "" : ` as "${field}"`;
  return new TypeError(`Cannot use the answer of ${hook}(): ${shown(came)} came${where}, where ${wanted} is wanted`);
}

/** Calls `read` again after all promises in an answer have resolved; `undefined`: it contains none. */
function awaited<Read>(
  answer: unknown,
  names: readonly string[],
  read: (answer: unknown) => Read | Promise<Read>,
): Promise<Read> | undefined {
  if (isThenable(answer)) return Promise.resolve(answer).then(read);
  const fields = fieldsOf(answer);
  if (fields === undefined || !names.some((name) => hasPromise(fields[name]))) return undefined;
  const values = names.map((name) => {
    const value = fields[name];
    return Array.isArray(value) ? Promise.all(value) : value;
  });
  return Promise.all(values).then((values) => read(Object.fromEntries(names.map((name, at) => [name, values[at]]))));
}

function hasPromise(value: unknown): boolean {
  return isThenable(value) || (Array.isArray(value) && value.some(isThenable));
}

/** Ignores rejections of promises in a wrong answer: nothing awaits them, and one rejection would end the process. */
function leavePromises(value: unknown, depth = MOST_DEPTH): void {
  if (isThenable(value)) Promise.resolve(value).then(undefined, () => {});
  else if (depth > 0 && Array.isArray(value)) value.forEach((item) => leavePromises(item, depth - 1));
  else if (depth > 0) Object.values(fieldsOf(value) ?? {}).forEach((field) => leavePromises(field, depth - 1));
}

function requireAcceptance(hook: string, fields: Fields): void {
  const { principal, roles, grants, expiresAtMs, expiresInMs, expiryReasonCode } = fields;
  const wrong = (name: typeof ACCEPTANCE_FIELDS[number], wanted: string) =>
    wrongAnswer(hook, fields[name], wanted, name);
  if (principal !== undefined && typeof principal !== "string") throw wrong("principal", "a text or nothing");
  if (!isListOf(roles, (role) => typeof role === "string")) throw wrong("roles", "a list of texts or nothing");
  if (!isListOf(grants, isGrant)) throw wrong("grants", `a list of { access, topicFilter } or nothing`);
  if (expiresAtMs !== undefined && typeof expiresAtMs !== "number") throw wrong("expiresAtMs", "a number or nothing");
  if (expiresInMs !== undefined && typeof expiresInMs !== "number") throw wrong("expiresInMs", "a number or nothing");
  if (expiryReasonCode !== undefined && typeof expiryReasonCode !== "number") {
    throw wrong("expiryReasonCode", "a Reason Code or nothing");
  }
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return value === undefined || (Array.isArray(value) && value.every(isItem));
}

function isGrant(value: unknown): boolean {
  const { access, topicFilter } = fieldsOf(value) ?? {};
  return GRANT_ACCESS.some((known) => known === access) && typeof topicFilter === "string" &&
    isTopicFilter(topicFilter);
}

function isRefusal(code: unknown, packets: readonly ("connack" | "disconnect")[]): code is ReasonCode {
  return typeof code === "number" && code >= 0x80 && packets.some((packet) => isReasonCodeOf(packet, code));
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value as Fields : undefined;
}

function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length <= LONGEST_QUOTED ? JSON.stringify(value) : `a text of ${value.length} characters`;
    case "undefined":
      return "nothing";
    case "function":
      return "a function";
    case "object":
      if (value === null) return "null";
      return isThenable(value) ? "a promise" : Array.isArray(value) ? "a list" : "an object";
    default:
      return String(value);
  }
}
