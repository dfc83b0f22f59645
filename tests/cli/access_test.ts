import { assertEquals } from "@std/assert";
import type { AccessRequest } from "../../src/auth/mod.ts";
import { Access } from "../../src/cli/serve/access.ts";
import { ConfigurationFolder } from "./config/written_file.ts";

const YAML = `listeners:
  - { url: mqtt://127.0.0.1:0 }
  - { url: ws://127.0.0.1:0, access: { everyone: [{ access: write, topic: both }, { access: write, topic: second }] } }
access: { everyone: [{ access: write, topic: both }, { access: write, topic: first }] }
`;

Deno.test("Whoever came in where nobody listens any more may do what the rules of all listeners allow", async () => {
  using folder = new ConfigurationFolder();
  const access = await Access.read(folder.read("a.yaml", YAML));
  access.bind("mqtt://127.0.0.1:1", 0);
  access.bind("ws://127.0.0.1:2", 1);
  const allowed = (listener: string | undefined) =>
    ["both", "first", "second"].filter((topic) => {
      const request: AccessRequest = {
        clientId: "c",
        principal: undefined,
        roles: [],
        grants: [],
        listener,
        action: "publish",
        topic,
        qos: 0,
        retain: true,
      };
      const answers = [access.authorizer?.authorize(request), access.authorizer?.mayStillPublish?.(request)];
      assertEquals(answers[0], answers[1]);
      return answers[0];
    });
  assertEquals(allowed("mqtt://127.0.0.1:1"), ["both", "first"]);
  assertEquals(allowed("ws://127.0.0.1:2"), ["both", "second"]);
  assertEquals(allowed("mqtt://127.0.0.1:3"), ["both"]);
  assertEquals(allowed(undefined), ["both"]);
});
