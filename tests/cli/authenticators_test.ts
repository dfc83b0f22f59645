import { assertEquals } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../src/auth/mod.ts";
import { authenticatorFor, type ListenerAuthenticator } from "../../src/cli/serve/authenticators.ts";
import { configurationOf } from "../../src/cli/config/configuration.ts";
import type { ConfigurationInput, ListenerConfiguration } from "../../src/cli/config/settings.ts";
import { authenticationRequest, type Said } from "../auth/authentication_request.ts";

const ANN = { name: "ann", passwordHash: formatPasswordHash(await hashPassword("secret", 1)) };

async function authenticatorOf(authentication: ConfigurationInput["authentication"]): Promise<ListenerAuthenticator> {
  const value: ConfigurationInput = { listeners: [{ url: "mqtt://127.0.0.1:0" }], authentication };
  const configuration = configurationOf({ value, place: () => undefined, warnings: [] });
  return await authenticatorFor(configuration.listeners[0] as ListenerConfiguration, configuration); // There is one.
}

/** The principal, or the Reason Code and why. */
async function outcome(authenticator: ListenerAuthenticator, said: Said): Promise<string> {
  const result = await authenticator.authenticate(authenticationRequest(said));
  return result.isAccepted ? result.principal ?? "nobody" : `0x${result.reasonCode.toString(16)} ${result.reason}`;
}

Deno.test("Users that only the webhook knows come in beside those of a list, however many of one address they are", async () => {
  const asked: string[] = [];
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, async (request) => {
    const { username, password } = await request.json();
    asked.push(username);
    return Response.json({ allow: password === "right" });
  });
  try {
    const url = `http://127.0.0.1:${server.addr.port}/`;
    const authenticator = await authenticatorOf({ users: [ANN], webhook: { url } });
    const users = Array.from({ length: 50 }, (_, index) => `user ${index}`);
    const outcomes = await Promise.all(
      users.map((userName) => outcome(authenticator, { userName, password: "right" })),
    );
    assertEquals(outcomes, users);
    const WRONG = "0x87 the user name or the password is wrong";
    assertEquals(await outcome(authenticator, { userName: "bob", password: "wrong" }), WRONG);
    assertEquals(await outcome(authenticator, { userName: "ann", password: "right" }), WRONG);
    assertEquals(await outcome(authenticator, { userName: "ann", password: "secret" }), "ann");
    assertEquals(asked.length, 51); // Passwords of users of the list go nowhere.
  } finally {
    await server.shutdown();
  }
});

Deno.test("Clients without a user name come in beside passwords where that is said, and with a wrong name they do not", async () => {
  const open = await authenticatorOf({ users: [ANN], anonymous: true });
  const closed = await authenticatorOf({ users: [ANN] });
  const WRONG = "0x87 the user name or the password is wrong";
  assertEquals([await outcome(open, {}), await outcome(open, { password: "x" })], ["nobody", "nobody"]);
  for (const authenticator of [open, closed]) {
    for (const userName of ["ann", "bob"]) {
      assertEquals(await outcome(authenticator, { userName, password: "wrong" }), WRONG);
    }
  }
  assertEquals(await outcome(closed, {}), "0x87 there is no user name");
});
