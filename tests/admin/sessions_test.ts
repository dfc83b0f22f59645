import { assertEquals } from "@std/assert";
import { newCookie, Sessions } from "../../src/admin/sessions.ts";

Deno.test("A session of a token that was taken away while it was made has ended", async () => {
  const sessions = new Sessions(() => 0);
  const cookie = await newCookie();
  const { ended } = sessions.open({ name: "ci", role: "viewer", until: AbortSignal.abort() }, cookie);
  assertEquals([ended.aborted, await sessions.find(cookie.value)], [true, undefined]);
});
