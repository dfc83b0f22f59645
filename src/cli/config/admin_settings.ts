import { z } from "npm:zod@4.6.7";
import {
  checkAdminUrl,
  checkNames,
  checkPasswordHash,
  checkTokenHash,
  isHost,
  isPageOrigin,
  isProxy,
} from "./checks.ts";
import { row } from "./row.ts";

/** Address of the dashboard if none is written. */
export const ADMIN_URL = "http://127.0.0.1:18083";

const path = z.string().min(1, "is empty");
const name = z.string().min(1, "is empty");
const role = z.enum(["viewer", "operator", "admin"]);

export const adminSchema = z.strictObject({
  url: z.string().superRefine(checkAdminUrl).meta({ pattern: "^https?://" }).default(ADMIN_URL).meta(
    row(
      "Address of the dashboard and its HTTP API, with a path if it is not to be at `/`. An address that other machines " +
        "can reach needs `users` or `tokens`, and `https` unless `insecure` is set.",
      { isFixed: true },
    ),
  ),
  hosts: z.array(z.string().refine(isHost, "is not a host without a port, such as broker.example")).default([])
    .describe(
      "Names that `Host` may have in addition to those of loopback addresses and of `url`, or `*` for any.",
    ),
  users: z.array(z.strictObject({
    name: name.describe("User name."),
    passwordHash: z.string().superRefine(checkPasswordHash).meta({ writeOnly: true }).describe(
      "Hash of the password, as `brooklet passwd -n` prints it. A plain password is refused.",
    ),
    role: role.describe("What this person may do: see, also change clients and messages, or also the configuration."),
  })).superRefine(checkNames).default([]).describe("People who sign in to the dashboard with a password."),
  tokens: z.array(z.strictObject({
    name: name.describe("Name for logs and events."),
    tokenHash: z.string().superRefine(checkTokenHash).meta({ writeOnly: true }).describe(
      "Hash of the token, as `brooklet token` prints it.",
    ),
    role: role.describe("What this program may do."),
  })).superRefine(checkNames).default([]).describe("Programs that send `Authorization: Bearer` with a token."),
  tls: z.strictObject({
    certificate: path.describe("PEM file with the certificate and its chain. Read again on SIGHUP."),
    key: path.describe("PEM file with its key. Read again on SIGHUP."),
  }).optional().describe("Certificate for `https`. When left out: that of all listeners."),
  insecure: z.boolean().default(false).meta(
    row("Allow `http` at an address that other machines can reach, such as behind a proxy that has the certificate.", {
      isFixed: true,
    }),
  ),
  trustedProxies: z.array(z.string().refine(isProxy, "is not an IP address or network")).default([]).meta(
    row("Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.", { isFixed: true }),
  ),
  topics: z.boolean().default(false).meta(
    row("Let clients publish to topics, and read them, by HTTP at `topics/` below `url`, as MQTT clients may.", {
      isFixed: true,
    }),
  ),
  topicOrigins: z.array(z.string().refine(isPageOrigin, "is not an origin such as https://example.com")).default([])
    .meta(
      row("Web pages of other origins that may use topics by HTTP, such as `https://example.com`, or `*` for any.", {
        isFixed: true,
      }),
    ),
});

/** Configuration of the dashboard. */
export type AdminConfiguration = z.output<typeof adminSchema>;
