/**
 * An app with a login of its own that has the dashboard of its broker below /mqtt-admin, and MQTT at /mqtt, all on one port.
 *
 * Run: deno run -A examples/own_login.ts, open http://127.0.0.1:8000/ and sign in as ann with the password "secret"
 */

import { Broker } from "@brooklet/brooklet";
import { adminHandler, type AuthorizedUser, type RequestInfo } from "@brooklet/brooklet/admin";

/** Users of this app; yours have hashes of their passwords in a database. */
const USERS = new Map<string, AuthorizedUser & { readonly password: string }>([
  ["ann", { name: "ann", password: "secret", role: "admin" }],
  ["bob", { name: "bob", password: "secret", role: "viewer" }],
]);
const sessions = new Map<string, AuthorizedUser>();

await using broker = await Broker.open();
const admin = adminHandler(broker, {
  basePath: "/mqtt-admin",
  authorize: (request) => userOf(request),
  onEvent: (event) => {
    if (event.kind === "adminChange") console.error(`${event.by} at ${event.address} ${event.message}`);
  },
});

const port = Number(Deno.env.get("PORT") ?? 8000);
const server = Deno.serve({ hostname: "127.0.0.1", port }, (request, info) => answer(request, info));
await server.finished;
admin.close();

function answer(request: Request, info: RequestInfo): Response | Promise<Response> {
  const { pathname } = new URL(request.url);
  if (pathname === "/mqtt" || pathname === "/mqtt-admin/mqtt") return broker.upgrade(request, info);
  if (pathname === "/mqtt-admin" || pathname.startsWith("/mqtt-admin/")) return admin.fetch(request, info);
  if (pathname === "/login" && request.method === "POST") return login(request);
  return pathname === "/" ? page(userOf(request)) : new Response("There is nothing here\n", { status: 404 });
}

function userOf({ headers }: Request): AuthorizedUser | undefined {
  const [, session = ""] = /(?:^|; )session=([\w-]+)/.exec(headers.get("cookie") ?? "") ?? [];
  return sessions.get(session);
}

async function login(request: Request): Promise<Response> {
  const form = await request.formData();
  const user = USERS.get(String(form.get("user")));
  if (user === undefined || form.get("password") !== user.password) return new Response("No\n", { status: 401 });
  const session = crypto.randomUUID();
  sessions.set(session, user);
  // With SameSite=Strict a page of another site cannot use it, and with HttpOnly no script can read it.
  const cookie = `session=${session}; HttpOnly; SameSite=Strict; Path=/`;
  return new Response(null, { status: 303, headers: { location: "/mqtt-admin/", "set-cookie": cookie } });
}

function page(user: AuthorizedUser | undefined): Response {
  const content = user === undefined
    ? `<form method="post" action="/login"><input name="user" aria-label="User"><input name="password" type="password"
       aria-label="Password"><button>Sign in</button></form>`
    : `<a href="/mqtt-admin/">Dashboard of the broker</a>`;
  return new Response(`<!doctype html>${content}`, { headers: { "content-type": "text/html" } });
}
