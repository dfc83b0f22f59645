/**
 * Schema of the configuration: the one source of its types, its checks, its defaults, of docs/configuration.md and of
 * the JSON Schema for editors. `writeOnly` marks secrets, which are never printed.
 */

import { z } from "zod";
import { isIpAddress } from "../../broker/access/bans.ts";
import { listOfSchemes, SCHEME_NAMES, SCHEMES } from "../../transport/schemes.ts";
import { limitsSchema, listenerLimitsSchema } from "./limits_schema.ts";
import { loggingSchema } from "./logging_schema.ts";
import {
  checkAccess,
  checkHeaders,
  checkHttpUrl,
  checkListeners,
  checkListenUrl,
  checkNames,
  checkPasswordHash,
  checkStorage,
  checkTokenSecret,
  checkTopic,
  checkTopicFilter,
  isHost,
  isOrigin,
  isProxy,
} from "./schema_checks.ts";

const path = z.string().min(1, "is empty");
const name = z.string().min(1, "is empty");
const names = z.array(name).min(1, "is empty");
const httpUrl = z.string().superRefine(checkHttpUrl).meta({ format: "uri", pattern: "^https?://" });
const accessOf = z.enum(["read", "write", "readwrite", "deny"]);

const tlsSchema = z.strictObject({
  certificate: path.describe("PEM file with the certificate and all that signs it. Read again on SIGHUP."),
  key: path.describe("PEM file with its key. Read again on SIGHUP."),
  chain: path.optional().describe(
    "PEM file, or folder of such files, with who signs the certificate, where its own file does not have them. " +
      "Read again on SIGHUP.",
  ),
  authority: path.optional().describe(
    "PEM file, or folder of such files: who signs certificates of clients, which are asked for one. " +
      "Read again on SIGHUP.",
  ),
  requireCertificate: z.boolean().default(false).describe("Let no client in without a certificate."),
  minimumVersion: z.literal(["1.2", "1.3", 1.2, 1.3]).default("1.2")
    .transform((version) => String(version) === "1.3" ? "1.3" as const : "1.2" as const)
    .describe("Least version of TLS."),
}).refine(({ requireCertificate, authority }) => !requireCertificate || authority !== undefined, {
  path: ["requireCertificate"],
  message: `needs "authority": who signs the certificates of clients`,
});

const userSchema = z.strictObject({
  name: name.describe("User name."),
  passwordHash: z.string().superRefine(checkPasswordHash).meta({ writeOnly: true }).describe(
    "Hash of the password, as `brooklet passwd -n` prints it. A plain password is refused.",
  ),
});

const jwtSchema = z.strictObject({
  secret: z.string().superRefine(checkTokenSecret).meta({ writeOnly: true }).optional().describe(
    "Shared secret for HS256, 32 bytes at least.",
  ),
  publicKeyFile: path.optional().describe("PEM file with a public key; `algorithm` says which."),
  algorithm: z.enum(["RS256", "ES256", "EdDSA"]).optional().describe("Of the public key."),
  jwksFile: path.optional().describe("JWKS file (RFC 7517)."),
  jwksUrl: httpUrl.optional().describe("Where a JWKS is got with HTTP."),
  issuer: names.optional().describe("`iss` has to be one of these."),
  audience: names.optional().describe("`aud` has to have one of these."),
  clockToleranceSeconds: z.int().min(0).default(0).describe("How wrong the clocks may be, in seconds."),
  requiresExpiry: z.boolean().default(true).describe("Refuse a token without `exp`."),
  from: z.enum(["password", "userName"]).default("password").describe("Where the client says its token."),
  claims: z.strictObject({
    principal: name.default("sub").describe("Its text becomes the user name."),
    roles: name.default("roles").describe("A list of names of roles."),
    publish: name.default("publ").describe("A list of Topic Filters that the client may publish to."),
    subscribe: name.default("subs").describe("A list of Topic Filters of which the client gets messages."),
  }).prefault({}).describe("Names of claims; a name with dots may be a path, as in `realm_access.roles`."),
  onExpiry: z.enum(["disconnect", "ignore"]).default("disconnect").describe("When the token of a client expires."),
}).refine(
  ({ secret, publicKeyFile, jwksFile, jwksUrl }) =>
    [secret, publicKeyFile, jwksFile, jwksUrl].filter((key) => key !== undefined).length === 1,
  `needs one of "secret", "publicKeyFile", "jwksFile" and "jwksUrl"`,
).refine(({ publicKeyFile, algorithm }) => (publicKeyFile === undefined) === (algorithm === undefined), {
  message: `needs "publicKeyFile" and "algorithm" together, or neither`,
}).meta(oneOf("secret", "publicKeyFile", "jwksFile", "jwksUrl"));

const webhookSchema = z.strictObject({
  url: httpUrl.describe("Gets a POST for each client."),
  headers: z.record(z.string(), z.string().meta({ writeOnly: true })).superRefine(checkHeaders).default({}).describe(
    "Sent with each request.",
  ),
  timeoutMs: z.int().min(1).max(2_147_483_647).default(3_000).describe("Longest time for a request, in milliseconds."),
  cacheMs: z.int().min(0).default(30_000).describe("How long an answer holds, in milliseconds; 0: not."),
});

export const authenticationSchema = z.strictObject({
  anonymous: z.boolean().optional().describe(
    "Let clients in that give no user name; where nothing below is set, those that give one too. When it is left out: " +
      "only at listeners that no other machine can reach, and only where nothing below is set.",
  ),
  passwordFile: path.optional().describe(
    "Password file of mosquitto or of `brooklet passwd`. Read again on SIGHUP; whose line is another one then is disconnected.",
  ),
  users: z.array(userSchema).superRefine(checkNames).default([]).describe("Users beside those of the file."),
  certificateNames: z.boolean().default(false).describe(
    "Take the Common Name of the client's certificate for its user name, and ask for no password.",
  ),
  certificateSubjects: z.boolean().default(false).describe(
    "Take the whole subject of the client's certificate for its user name, such as `CN=sensor-1,O=Plant` (RFC 2253).",
  ),
  jwt: jwtSchema.optional().describe("Let clients in by JSON Web Token (RFC 7519)."),
  webhook: webhookSchema.optional().describe("Ask an HTTP server about each client."),
});

const ruleSchema = z.strictObject({
  access: accessOf.describe("What is allowed, or `deny`, which comes before everything else."),
  topic: z.string().superRefine(checkTopic).optional().describe("Topic Filter."),
  pattern: z.string().superRefine(checkTopicFilter).optional().describe(
    "Topic Filter with `%c` (Client Identifier) and `%u` (user name) in it.",
  ),
}).refine(
  ({ topic, pattern }) => (topic === undefined) !== (pattern === undefined),
  `needs either "topic" or "pattern"`,
).meta(oneOf("topic", "pattern"));
const rules = z.array(ruleSchema).default([]);
const roleNames = z.array(name).default([]);

export const accessSchema = z.strictObject({
  file: path.optional().describe("ACL file of mosquitto, in place of the rules below. Read again on SIGHUP."),
  anonymous: rules.describe("Rules for clients without a user name."),
  users: z.array(z.strictObject({
    name: name.describe("User name."),
    rules: rules.describe("What this user may do."),
    roles: roleNames.describe("Roles of this user."),
  })).superRefine(checkNames).default([]).describe("Rules for single users."),
  groups: z.array(z.strictObject({
    name: name.describe("Name of the group."),
    users: z.array(name).describe("User names."),
    rules: rules.describe("What its users may do."),
    roles: roleNames.describe("Roles of its users."),
  })).superRefine(checkNames).default([]).describe("Rules for several users at once."),
  roles: z.array(z.strictObject({
    name: name.describe("Name of the role."),
    rules: rules.describe("What whoever has it may do."),
  })).superRefine(checkNames).default([]).describe("Rules with a name, for users, groups, and tokens."),
  everyone: rules.describe("Rules for all, where those above say nothing."),
}).superRefine(checkAccess);

const listenerSchema = z.strictObject({
  url: z.string().superRefine(checkListenUrl).meta({
    pattern: `^(?:${SCHEME_NAMES.join("|").replace(/\+/g, "\\$&")}):`,
  }).describe(
    `Where to listen: ${listOfSchemes((name) => `\`${SCHEMES[name].form}\``)}. ` +
      "The host `loopback` is 127.0.0.1 and [::1], the host `*` is every address, `[::]` every one of IPv6.",
  ),
  tls: tlsSchema.optional().describe("For `mqtts` and `wss`; else that of all listeners."),
  authentication: authenticationSchema.optional().describe("In place of that of all listeners."),
  access: accessSchema.optional().describe("In place of that of all listeners."),
  versions: z.array(
    z.literal(["3.1", "3.1.1", "5", 3.1, 5]).transform((version) => String(version) as "3.1" | "3.1.1" | "5"),
  ).min(1, "is empty").default(["3.1", "3.1.1", "5"]).describe("Versions of MQTT that are spoken."),
  allowEmptyClientId: z.boolean().default(true).describe(
    "Let clients in that leave their Client Identifier to the broker.",
  ),
  maximumConnections: z.int().min(1).optional().describe("Connections of this listener at the same time."),
  limits: listenerLimitsSchema.prefault({}).describe("Limits for connections of this listener alone."),
  paths: z.union(
    [z.literal("any"), z.array(z.string().regex(/^\//, `is not a path, such as "/mqtt"`))],
    `is not "any" or a list of paths, such as "/mqtt"`,
  )
    .optional().describe("Paths of WebSocket, or `any`. When it is left out: that of the URL, else `/mqtt` and `/`."),
  origins: z.array(z.string().refine(isOrigin, "is not an origin such as https://example.com")).optional().describe(
    "Web pages that may connect: origins such as `https://example.com`, `sameOrigin`, `loopback`.",
  ),
  hosts: z.array(z.string().refine(isHost, "is not a host without a port, such as broker.example")).optional().describe(
    "Names that `Host` may have beside those of loopback addresses, or `*` for any. When it is left out: none at a " +
      "loopback address, any at others.",
  ),
  httpDir: path.optional().describe(
    "Folder whose files are for everybody who asks for them with GET; for WebSocket listeners. Folders are not listed.",
  ),
  trustedProxies: z.array(z.string().refine(isProxy, "is not an IP address or network")).default([]).describe(
    "Proxies whose `X-Forwarded-For` is believed.",
  ),
  proxyProtocol: z.boolean().default(false).describe("Connections begin with a header of the PROXY protocol."),
});

const banSchema = z.strictObject({
  clientId: name.optional().describe("Client Identifier."),
  user: name.optional().describe("User name."),
  address: z.string().refine(isIpAddress, "is not an IP address").optional().describe(
    "IP address; of IPv6 its network of 64 bits is meant.",
  ),
  until: z.preprocess(
    (value) => value instanceof Date ? value.toISOString() : value,
    z.iso.datetime({ offset: true, error: `is not a time such as "2026-12-31T23:59:00Z"` }),
  ).optional().describe("When it ends, such as `2026-12-31T23:59:00Z`. When it is left out: never."),
  reason: z.string().default("banned by the operator").describe("Is told to clients of MQTT 5."),
}).refine(
  ({ clientId, user, address }) => [clientId, user, address].filter((key) => key !== undefined).length === 1,
  `needs one of "clientId", "user" and "address"`,
).meta(oneOf("clientId", "user", "address"));

export const configurationSchema = z.strictObject({
  listeners: z.array(listenerSchema).min(1, "is empty").prefault(
    [{ url: "mqtt://loopback:1883" }, { url: "ws://loopback:8083" }],
  ).describe("Where clients connect."),
  tls: tlsSchema.optional().describe("For all listeners with `mqtts` and `wss` that have none of their own."),
  storage: z.string().superRefine(checkStorage).meta({ pattern: "^(?:memory|kv|kv:.+)$" }).default("memory").describe(
    "Where sessions and retained messages are kept: `memory`, until the broker ends; `kv`, a file in the folder of the " +
      "platform for such things; `kv:/path/to/file`; `kv:https://host`, a server of KV Connect.",
  ),
  authentication: authenticationSchema.prefault({}).describe("Who may connect."),
  access: accessSchema.optional().describe("Who may do what. When it is left out: everybody everything."),
  deniedPublish: z.enum(["acknowledge", "close"]).default("acknowledge").describe(
    "What becomes of a PUBLISH of MQTT 3.1 or 3.1.1 that is not allowed.",
  ),
  deniedWill: z.enum(["refuse", "drop"]).default("refuse").describe(
    "What becomes of a client with a Will that it may not publish: it is refused, or `drop`: it gets in, and its Will is " +
      "not published, as in mosquitto.",
  ),
  lostSubscription: z.enum(["disconnect", "unsubscribe"]).default("disconnect").describe(
    "What becomes of a client that is connected when other rules take away what it has subscribed to. The subscription ends " +
      "in both cases; a client of MQTT 5 that is disconnected is told why.",
  ),
  delivery: z.strictObject({
    queueQos0Messages: z.boolean().default(false).describe(
      "Let messages with QoS 0 wait for a session that lives on without its connection, as those with QoS 1 and 2 do.",
    ),
    upgradeOutgoingQos: z.boolean().default(false).describe(
      "Send messages with the QoS of the subscription even where that is higher than the QoS they were published with, " +
        "which is not what the standard says.",
    ),
    overlapping: z.enum(["each", "once"]).default("each").describe(
      "How often a client gets a message that several of its subscriptions match: once for each Subscription Identifier, and " +
        "once for the subscriptions that have none, or `once` with the highest QoS and all identifiers.",
    ),
    checkRetainedPublisher: z.boolean().default(true).describe(
      "Where there are access rules, send a retained message to a new subscription only while the client that published it " +
        "may still publish it.",
    ),
  }).prefault({}).describe("How messages go to clients."),
  clientIds: z.strictObject({
    prefixes: z.array(name).default([]).describe(
      "With one at least: what Client Identifiers have to begin with.",
    ),
    assignedPrefix: z.string().default("auto-").describe("What those that the broker makes begin with."),
  }).prefault({}).describe("What holds for Client Identifiers."),
  connections: z.strictObject({
    maximumPerAddress: z.int().min(1).optional().describe(
      "Connections of one address at the same time, also those whose handshake is not over. Those of proxies count by the " +
        "addresses of their clients.",
    ),
    perMinutePerAddress: z.int().min(1).optional().describe("Connections that one address may begin in a minute."),
  }).prefault({}).describe("Bounds for each address, of IPv6 for each network of 64 bits."),
  bans: z.array(banSchema).default([]).describe("Who may not connect."),
  limits: limitsSchema.prefault({}).describe("All bounds of the broker."),
  logging: loggingSchema.prefault({}).describe("What is logged, and where to."),
  sys: z.strictObject({
    intervalSeconds: z.int().min(0).max(86_400).default(10).describe(
      "Seconds between two messages; 0: there are none.",
    ),
  }).prefault({}).describe("The topics below `$SYS`."),
  pidFile: path.optional().describe(
    "Gets the number of the process while it runs. Nothing but an earlier pid file is replaced.",
  ),
}).superRefine(checkListeners);

/** Configuration with which the broker is started, wherever it was written. */
export type Configuration = z.output<typeof configurationSchema>;
/** Configuration as it is written, where defaults may be omitted. */
export type ConfigurationInput = z.input<typeof configurationSchema>;
export type ListenerConfiguration = Configuration["listeners"][number];
export type TlsConfiguration = NonNullable<Configuration["tls"]>;
export type AuthenticationConfiguration = Configuration["authentication"];
export type BanConfiguration = Configuration["bans"][number];
export type AccessConfiguration = NonNullable<Configuration["access"]>;

/** JSON Schema for editors, which do not know our own checks. */
function oneOf(...keys: readonly string[]): { oneOf: { required: string[] }[] } {
  return { oneOf: keys.map((key) => ({ required: [key] })) };
}
