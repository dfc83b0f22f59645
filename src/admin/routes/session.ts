import type { AdminHost } from "../host.ts";
import { Problem } from "../problems.ts";
import { ROLES, type SignedIn } from "../roles.ts";
import { type Route, route } from "../route_table.ts";
import { newCookie, type NewSession } from "../sessions.ts";
import { COOKIE } from "../sign_in.ts";
import * as z from "../zod.js";
import { timeOf, timeOrNull } from "./json_values.ts";

const SESSION = z.strictObject({
  name: z.string(),
  role: z.enum(ROLES),
  by: z.enum(["cookie", "token", "app"]),
  expiresAt: z.nullable(z.iso.datetime()),
});

const CREDENTIALS = z.union([
  z.strictObject({ token: z.string() }),
  z.strictObject({ user: z.string(), password: z.string() }),
]);

/** Signing in and out. */
export const SESSION_ROUTES: readonly Route<AdminHost>[] = [
  route({
    method: "POST",
    path: "/session",
    role: "open",
    tag: "Session",
    summary: "Sign in, by the token of a one-time link or of a program, or by a password; sets a cookie for 12 hours",
    body: CREDENTIALS,
    answer: SESSION,
    status: 201,
    async handle({ body, caller: { address = "unknown" }, isOverTls, note }, host: AdminHost) {
      const cookie = await newCookie();
      const user = await userOf(body, address, host).catch((error) => {
        const isWrong = error instanceof Problem && error.status === 401;
        if (isWrong) note({ name: "signInFailed", message: "failed to sign in" });
        throw error;
      });
      const session = host.signIn.sessions.open(user, cookie);
      note({ name: "signIn", message: "signed in" }, user);
      const headers = { "set-cookie": cookieText(cookie.value, host, isOverTls) };
      return Response.json(factsOf(session), { status: 201, headers });
    },
  }),
  route({
    method: "GET",
    path: "/session",
    role: "viewer",
    tag: "Session",
    summary: "Name and role of the caller",
    answer: SESSION,
    handle: ({ caller: { signedIn } }, _host: AdminHost) => factsOf(signedIn),
  }),
  route({
    method: "DELETE",
    path: "/session",
    role: "viewer",
    tag: "Session",
    summary: "Sign out; streams of the session end",
    handle({ caller: { signedIn }, isOverTls, note }, host: AdminHost) {
      host.signIn.sessions.endThose((session) => session === signedIn);
      note({ name: "signOut", message: "signed out" });
      const headers = { "set-cookie": `${cookieText("", host, isOverTls)}; Max-Age=0` };
      return new Response(null, { status: 204, headers });
    },
  }),
  route({
    method: "POST",
    path: "/links",
    role: "admin",
    tag: "Session",
    summary: "Make a link that signs somebody in as admin, once and within 10 minutes",
    answer: z.strictObject({ link: z.string(), expiresAt: z.iso.datetime() }),
    status: 201,
    async handle({ request, note }, { signIn, basePath, options: { url } }: AdminHost) {
      const { token, untilMs } = await signIn.links.make();
      note({ name: "link", message: "made a one-time link" });
      const page = url ?? `${new URL(request.url).origin}${basePath}/`;
      return { link: linkOf(page, token), expiresAt: timeOf(untilMs) };
    },
  }),
];

function userOf(given: z.Infer<typeof CREDENTIALS>, address: string, { signIn }: AdminHost): Promise<NewSession> {
  return "token" in given
    ? signIn.withToken(given.token, address)
    : signIn.withPassword(given.user, given.password, address);
}

/** Sign-in link: a fragment is sent to no server, so that no log has it. */
export function linkOf(page: string, token: string): string {
  return `${page}#token=${token}`;
}

/**
 * Cookie of a session. Its path is not "/": cookies do not know ports, and a listener without `origins` answers 403 to a page
 * of another port that carries one.
 */
function cookieText(value: string, { basePath }: AdminHost, isOverTls: boolean): string {
  const attributes = `HttpOnly; SameSite=Strict; Path=${basePath}/api/v1${isOverTls ? "; Secure" : ""}`;
  return `${COOKIE}=${value}; ${attributes}`;
}

function factsOf(signedIn: SignedIn | undefined): z.Infer<typeof SESSION> {
  if (signedIn === undefined) throw new TypeError("Cannot describe a session: the route is open to all");
  const { name, role, by, untilMs } = signedIn;
  return { name, role, by, expiresAt: timeOrNull(untilMs) };
}
