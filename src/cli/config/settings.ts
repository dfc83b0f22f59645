/**
 * All keys of the configuration. A key is one row: its type with range and default, its meaning, whether SIGHUP changes
 * it, and the key of mosquitto.conf for the same. Types, checks, complaints, --print-config, docs/configuration.md, the
 * JSON Schema for editors, the environment, reloading and the conversion of mosquitto.conf come from the rows. Limits
 * and settings of the broker have their rows in the tables of src/protocol. `writeOnly` marks secrets, which are never
 * printed.
 */

import { z } from "npm:zod@4.6.7";
import { isIpAddress } from "../../broker/access/bans.ts";
import { LIMIT_NAMES, LIMITS, rowText } from "../../protocol/limit_table.ts";
import type { Limits } from "../../protocol/limits.ts";
import { SETTING_NAMES, SETTINGS } from "../../protocol/setting_table.ts";
import type { BrokerSettings } from "../../protocol/settings.ts";
import { listOfSchemes, SCHEME_NAMES, SCHEMES } from "../../transport/schemes.ts";
import { ADMIN_URL, adminSchema } from "./admin_settings.ts";
import {
  checkAccess,
  checkAdmin,
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
} from "./checks.ts";
import { loggingSchema } from "./logging_settings.ts";
import { row, type RowFacts, UNLIMITED } from "./row.ts";

const path = z.string().min(1, "is empty");
const name = z.string().min(1, "is empty");
const names = z.array(name).min(1, "is empty");
const httpUrl = z.string().superRefine(checkHttpUrl).meta({ format: "uri", pattern: "^https?://" });
const accessOf = z.enum(["read", "write", "readwrite", "deny"]);

// Text for YAML and the command line, because `z.int()` has no Infinity.
const unlimited = z.literal(UNLIMITED).transform(() => Infinity);

function limitType(name: keyof Limits) {
  const { least, most } = LIMITS[name];
  if (most === Infinity) {
    return z.union([unlimited, z.int().min(least)], `is not an integer of at least ${least}, or "${UNLIMITED}"`);
  }
  const error = `is not an integer between ${least} and ${most}`;
  return z.union([z.int({ error }).min(least, { error }).max(most, { error }), z.never({ error })], { error });
}

function limitRow(name: keyof Limits) {
  const { unit, mosquitto } = LIMITS[name];
  return row(rowText(LIMITS[name]), { unit, mosquitto });
}

const limitsSchema = z.strictObject(
  // Each key of `Limits` is there: LIMIT_NAMES has them all.
  Object.fromEntries(LIMIT_NAMES.map((name) => {
    return [name, limitType(name).default(LIMITS[name].default).meta(limitRow(name))];
  })) as {
    [Name in keyof Limits]: z.ZodDefault<ReturnType<typeof limitType>>;
  },
);

/** Limits for the connections of one listener, which replace those for all. */
const listenerLimitsSchema = z.strictObject(
  Object.fromEntries(
    LIMIT_NAMES.filter((name) => LIMITS[name].isOfListener)
      .map((name) => [name, limitType(name).optional().meta(limitRow(name))]),
  ) as {
    [Name in keyof Limits]: z.ZodOptional<ReturnType<typeof limitType>>; // Or of fewer names, as all are optional.
  },
);

/** Settings of the broker, which stand beside the other keys. SIGHUP changes none: `Broker.reload` takes none. */
const brokerSettings = Object.fromEntries(SETTING_NAMES.map((name) => {
  const { default: initial, choices, mosquitto } = SETTINGS[name];
  const ofKind: z.ZodType<string | boolean> = typeof initial === "string" ? z.string() : z.boolean();
  const type: z.ZodType<string | boolean> = choices === undefined ? ofKind : z.enum(choices.map(String));
  return [name, type.default(initial).meta(row(rowText(SETTINGS[name]), { isFixed: true, mosquitto }))];
})) as unknown as { // Made of just its names; a default is one of the values.
  [Name in keyof BrokerSettings]: z.ZodDefault<z.ZodType<BrokerSettings[Name], BrokerSettings[Name]>>;
};

export const tlsSchema = z.strictObject({
  certificate: path.meta(
    row("PEM file with the certificate and its chain. Read again on SIGHUP.", { mosquitto: "certfile" }),
  ),
  key: path.meta(row("PEM file with its key. Read again on SIGHUP.", { mosquitto: "keyfile" })),
  chain: path.optional().describe(
    "PEM file, or folder of PEM files, with the chain of the certificate, if its own file lacks it. " +
      "Read again on SIGHUP.",
  ),
  authority: path.optional().meta(
    row(
      "PEM file, or folder of PEM files, with the authorities that sign certificates of clients. Clients are asked for one; " +
        "the file is read again on SIGHUP, from the same path.",
      { isFixed: true, mosquitto: "cafile" },
    ),
  ),
  requireCertificate: z.boolean().default(false).meta(
    row("Refuse clients without a certificate.", { isFixed: true, mosquitto: "require_certificate" }),
  ),
  minimumVersion: z.literal(["1.2", "1.3", 1.2, 1.3]).default("1.2")
    .transform((version) => String(version) === "1.3" ? "1.3" as const : "1.2" as const)
    .meta(row("Lowest version of TLS.", { isFixed: true, mosquitto: "tls_version" })),
  alpnProtocols: z.array(z.string().regex(/^[\x21-\x7e]{1,255}$/, "is not the name of a protocol, such as mqtt"))
    .min(1, "is empty").optional().meta(
      row(
        "Protocols within TLS (ALPN) that are chosen if a client asks for them. A client that asks for none of them is " +
          "accepted, and none is chosen. When left out: `mqtt`, for WebSocket `http/1.1`.",
        { isFixed: true },
      ),
    ),
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
  publicKeyFile: path.optional().describe("PEM file with a public key; needs `algorithm`."),
  algorithm: z.enum(["RS256", "ES256", "EdDSA"]).optional().describe("Algorithm of the public key."),
  jwksFile: path.optional().describe("JWKS file (RFC 7517)."),
  jwksUrl: httpUrl.optional().describe("HTTP address of a JWKS."),
  issuer: names.optional().describe("Values of `iss` that are accepted."),
  audience: names.optional().describe("Values of `aud`, one of which is needed."),
  clockToleranceSeconds: z.int().min(0).default(0).describe("Difference of clocks that is tolerated, in seconds."),
  requiresExpiry: z.boolean().default(true).describe("Refuse a token without `exp`."),
  from: z.enum(["password", "userName"]).default("password").describe("Field of CONNECT that has the token."),
  claims: z.strictObject({
    principal: name.default("sub").describe("Claim whose text becomes the user name."),
    roles: name.default("roles").describe("Claim with a list of roles."),
    publish: name.default("publ").describe("Claim with a list of Topic Filters that the client may publish to."),
    subscribe: name.default("subs").describe("Claim with a list of Topic Filters that the client may read."),
  }).prefault({}).describe("Names of claims; a name with dots may be a path, as in `realm_access.roles`."),
  onExpiry: z.enum(["disconnect", "ignore"]).default("disconnect").describe(
    "What happens to a connected client when its token expires.",
  ),
}).refine(
  ({ secret, publicKeyFile, jwksFile, jwksUrl }) =>
    [secret, publicKeyFile, jwksFile, jwksUrl].filter((key) => key !== undefined).length === 1,
  `needs one of "secret", "publicKeyFile", "jwksFile" and "jwksUrl"`,
).refine(({ publicKeyFile, algorithm }) => (publicKeyFile === undefined) === (algorithm === undefined), {
  message: `needs "publicKeyFile" and "algorithm" together, or neither`,
}).meta(oneOf("secret", "publicKeyFile", "jwksFile", "jwksUrl"));

const webhookSchema = z.strictObject({
  url: httpUrl.describe("HTTP address that gets a POST for each client."),
  headers: z.record(z.string(), z.string().meta({ writeOnly: true })).superRefine(checkHeaders).default({}).describe(
    "Headers of each request.",
  ),
  timeoutMs: z.int().min(1).max(2_147_483_647).default(3_000).describe("Longest time for a request, in milliseconds."),
  cacheMs: z.int().min(0).default(30_000).describe(
    "Time for which an answer is used again, in milliseconds; 0: never.",
  ),
});

export const authenticationSchema = z.strictObject({
  anonymous: z.boolean().optional().meta(
    row(
      "Accept clients without a user name; if nothing below is set, also those with one. When left out: " +
        "only at listeners that no other machine can reach, and only if nothing below is set.",
      { mosquitto: "allow_anonymous" },
    ),
  ),
  passwordFile: path.optional().meta(
    row(
      "Password file of mosquitto or of `brooklet passwd`. Read again on SIGHUP: users whose line has changed are disconnected.",
      { mosquitto: "password_file" },
    ),
  ),
  users: z.array(userSchema).superRefine(checkNames).default([]).describe("Users in addition to those of the file."),
  certificateNames: z.boolean().default(false).meta(
    row("Use the Common Name of the client's certificate as its user name, without a password.", {
      mosquitto: "use_identity_as_username",
    }),
  ),
  certificateSubjects: z.boolean().default(false).meta(
    row(
      "Use the whole subject of the client's certificate as its user name, such as `CN=sensor-1,O=Plant` (RFC 2253).",
      { mosquitto: "use_subject_as_username" },
    ),
  ),
  jwt: jwtSchema.optional().describe("Accept clients by JSON Web Token (RFC 7519)."),
  webhook: webhookSchema.optional().describe("Ask an HTTP server about each client."),
});

const ruleSchema = z.strictObject({
  access: accessOf.describe("Access that is allowed, or `deny`, which overrides the others."),
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
  file: path.optional().meta(
    row("ACL file of mosquitto, in place of the rules below. Read again on SIGHUP.", { mosquitto: "acl_file" }),
  ),
  anonymous: rules.describe("Rules for clients without a user name."),
  users: z.array(z.strictObject({
    name: name.describe("User name."),
    rules: rules.describe("Rules of this user."),
    roles: roleNames.describe("Roles of this user."),
  })).superRefine(checkNames).default([]).describe("Rules for single users."),
  groups: z.array(z.strictObject({
    name: name.describe("Name of the group."),
    users: z.array(name).describe("User names."),
    rules: rules.describe("Rules of its users."),
    roles: roleNames.describe("Roles of its users."),
  })).superRefine(checkNames).default([]).describe("Rules for several users at once."),
  roles: z.array(z.strictObject({
    name: name.describe("Name of the role."),
    rules: rules.describe("Rules of clients with this role."),
  })).superRefine(checkNames).default([]).describe("Named rules, for users, groups and tokens."),
  everyone: rules.describe("Rules for all clients, used where those above do not decide."),
}).superRefine(checkAccess);

export const listenerSchema = z.strictObject({
  url: z.string().superRefine(checkListenUrl).meta({
    pattern: `^(?:${SCHEME_NAMES.join("|").replace(/\+/g, "\\$&")}):`,
  }).meta(row(
    `Address to listen at: ${listOfSchemes((name) => `\`${SCHEMES[name].form}\``)}. ` +
      "The host `loopback` is 127.0.0.1 and [::1], `*` is every address, and `[::]` every IPv6 address.",
    { isFixed: true, mosquitto: "listener" },
  )),
  tls: tlsSchema.optional().describe("Certificate for `mqtts` and `wss`, in place of that of all listeners."),
  authentication: authenticationSchema.optional().describe("In place of that of all listeners."),
  access: accessSchema.optional().describe("In place of that of all listeners."),
  versions: z.array(
    z.literal(["3.1", "3.1.1", "5", 3.1, 5]).transform((version) => String(version) as "3.1" | "3.1.1" | "5"),
  ).min(1, "is empty").default(["3.1", "3.1.1", "5"]).meta(
    row("Versions of MQTT that are accepted.", { mosquitto: "accept_protocol_versions" }),
  ),
  allowEmptyClientId: z.boolean().default(true).meta(
    row("Accept clients that leave their Client Identifier to the broker.", {
      mosquitto: "allow_zero_length_clientid",
    }),
  ),
  maximumConnections: z.int().min(1).optional().meta(
    row("Connections of this listener at the same time.", { mosquitto: "max_connections" }),
  ),
  limits: listenerLimitsSchema.prefault({}).describe("Limits for connections of this listener alone."),
  paths: z.union(
    [z.literal("any"), z.array(z.string().regex(/^\//, `is not a path, such as "/mqtt"`))],
    `is not "any" or a list of paths, such as "/mqtt"`,
  )
    .optional().meta(
      row("Paths of WebSocket, or `any`. When left out: that of the URL, else `/mqtt` and `/`.", {
        isFixed: true,
      }),
    ),
  origins: z.array(z.string().refine(isOrigin, "is not an origin such as https://example.com")).optional().meta(
    row("Web pages that may connect: origins such as `https://example.com`, `sameOrigin`, `loopback`.", {
      isFixed: true,
      mosquitto: "websockets_origin",
    }),
  ),
  hosts: z.array(z.string().refine(isHost, "is not a host without a port, such as broker.example")).optional().meta(
    row(
      "Names that `Host` may have in addition to those of loopback addresses, or `*` for any. When left out: none at a " +
        "loopback address, any at others.",
      { isFixed: true },
    ),
  ),
  httpDir: path.optional().meta(
    row(
      "Folder whose files a WebSocket listener serves to anyone who asks with GET. Folders are not listed.",
      { isFixed: true, mosquitto: "http_dir" },
    ),
  ),
  maximumRequestHeadBytes: z.int().min(1_024).max(1_048_576).optional().meta(
    row(
      "Bytes of a request of WebSocket, with all its headers; a larger one is answered with 431. When left out: 32,768.",
      { isFixed: true, unit: "bytes" },
    ),
  ),
  pingSeconds: z.int().min(0).max(86_400).optional().meta(
    row(
      "Longest silence of a WebSocket client before it gets a Ping; without an answer it is disconnected after as long " +
        "again. 0: never. When left out: 30 for clients behind a proxy (`trustedProxies`, `proxyProtocol`), else never.",
      { isFixed: true, unit: "seconds" },
    ),
  ),
  trustedProxies: z.array(z.string().refine(isProxy, "is not an IP address or network")).default([]).meta(
    row("Proxies whose `X-Forwarded-For` is trusted.", { isFixed: true }),
  ),
  proxyProtocol: z.boolean().default(false).meta(
    row("Connections begin with a header of the PROXY protocol.", {
      isFixed: true,
      mosquitto: "enable_proxy_protocol",
    }),
  ),
});

const banSchema = z.strictObject({
  clientId: name.optional().describe("Client Identifier."),
  user: name.optional().describe("User name."),
  address: z.string().refine(isIpAddress, "is not an IP address").optional().describe(
    "IP address; an IPv6 address stands for its /64 network.",
  ),
  until: z.iso.datetime({ offset: true, error: `is not a time such as "2026-12-31T23:59:00Z"` }).optional().describe(
    "End of the ban, such as `2026-12-31T23:59:00Z`. When left out: never.",
  ),
  reason: z.string().default("banned by the operator").describe("Reason String for clients of MQTT 5."),
}).refine(
  ({ clientId, user, address }) => [clientId, user, address].filter((key) => key !== undefined).length === 1,
  `needs one of "clientId", "user" and "address"`,
).meta(oneOf("clientId", "user", "address"));

export const configurationSchema = z.strictObject({
  listeners: z.array(listenerSchema).min(1, "is empty").prefault(
    [{ url: "mqtt://loopback:1883" }, { url: "ws://loopback:8083" }],
  ).describe("Addresses at which clients connect."),
  tls: tlsSchema.optional().describe(
    "Certificate for all listeners with `mqtts` and `wss` that have none of their own.",
  ),
  storage: z.string().superRefine(checkStorage).meta({ pattern: "^(?:memory|kv|kv:.+)$" }).default("memory").meta(
    row(
      "Place of sessions and retained messages: `memory`, until the broker ends; `kv`, a file in the data folder of the " +
        "platform; `kv:/path/to/file`; `kv:https://host`, a server of KV Connect.",
      { isFixed: true, mosquitto: "persistence" },
    ),
  ),
  authentication: authenticationSchema.prefault({}).describe("Ways in which clients authenticate."),
  access: accessSchema.optional().describe("Rules for topics. When left out: every client may do everything."),
  ...brokerSettings,
  responseInformation: z.string().regex(/^[^+#]+$/, "is empty or has a wildcard").optional().meta(row(
    "Response Information for clients that ask for it (MQTT 5, section 3.2.2.3.15): the beginning of the topics on which they " +
      "get responses, such as `responses/%c`, where `%c` is the Client Identifier. With `%c`, a client whose identifier has " +
      "`+` or `#` gets none.",
    { isFixed: true },
  )),
  clientIds: z.strictObject({
    prefixes: z.array(name).default([]).meta(
      row("Beginnings of which a Client Identifier needs one. When empty: any.", {
        mosquitto: "clientid_prefixes",
      }),
    ),
  }).prefault({}).meta(row("Rules for Client Identifiers.", { isFixed: true })),
  connections: z.strictObject({
    maximumPerAddress: z.int().min(1).optional().describe(
      "Connections of one address at the same time, including those in their handshake. Connections through proxies count by the " +
        "addresses of their clients.",
    ),
    perMinutePerAddress: z.int().min(1).optional().describe("Connections that one address may open in a minute."),
  }).prefault({}).describe("Limits for each address, for IPv6 for each /64 network."),
  bans: z.array(banSchema).default([]).describe("Clients that may not connect."),
  admin: z.union(
    [z.boolean(), adminSchema],
    "is not true, false, or a group of keys",
  ).transform((admin) => admin === true ? adminSchema.parse({}) : admin).optional().describe(
    "Dashboard and HTTP API: `true`, `false`, or its settings. When left out: there is none with a file such as this one, and " +
      `one at \`${ADMIN_URL}\` without a file.`,
  ),
  limits: limitsSchema.prefault({}).describe("Limits of the broker."),
  logging: loggingSchema.prefault({}).describe("Lines that are logged, and their destination."),
  sysIntervalMs: z.int().min(0).max(86_400_000).default(10_000).meta(
    row("Milliseconds between two messages of a topic below `$SYS`; 0: there are none.", { mosquitto: "sys_interval" }),
  ),
  telemetry: z.strictObject({
    sampleRatio: z.number().min(0).max(1).default(0).describe(
      "Share of the messages without `traceparent` that get a trace, from 0 to 1. A message with one is traced if it says that " +
        "its trace is sampled.",
    ),
  }).prefault({}).meta(
    row("OpenTelemetry, which the environment turns on: `OTEL_DENO=true`, see docs/monitoring.md.", { isFixed: true }),
  ),
  pidFile: path.optional().meta(
    row("File with the process number while the broker runs. It replaces an earlier pid file, and no other file.", {
      isFixed: true,
      mosquitto: "pid_file",
    }),
  ),
}).superRefine(checkListeners).superRefine(checkAdmin);

/** Configuration with which the broker is started, wherever it was written. */
export type Configuration = z.output<typeof configurationSchema>;
/** Configuration as it is written, where defaults may be omitted. */
export type ConfigurationInput = z.input<typeof configurationSchema>;
export type ListenerConfiguration = Configuration["listeners"][number];
export type TlsConfiguration = NonNullable<Configuration["tls"]>;
export type AuthenticationConfiguration = Configuration["authentication"];
export type BanConfiguration = Configuration["bans"][number];
export type AccessConfiguration = NonNullable<Configuration["access"]>;

/** Facts of a row beside its type. */
export function factsOf(type: z.core.$ZodType): Partial<RowFacts> {
  return (z.globalRegistry.get(type) ?? {}) as Partial<RowFacts>; // Set by row() or describe().
}

/** Names of the keys of a group that cannot change while the broker runs. */
export function fixedKeys<Shape extends z.ZodRawShape>(
  { shape }: z.ZodObject<Shape>,
): readonly (keyof Shape & string)[] {
  return Object.entries(shape).filter(([, type]) => factsOf(type).isFixed).map(([name]) => name);
}

/** JSON Schema for editors, which do not know our own checks. */
function oneOf(...keys: readonly string[]): { oneOf: { required: string[] }[] } {
  return { oneOf: keys.map((key) => ({ required: [key] })) };
}
