import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runToEnd } from "./broker_process.ts";
import { interopTests } from "./interop_tests.ts";
import { RawClient } from "./raw_client.ts";

const test = interopTests([]);

const MISTAKES = [
  { name: "a non-loopback listener without authentication", args: ["--listen", "mqtt://0.0.0.0:0"], says: "0.0.0.0" },
  { name: "an unknown option", args: ["--lisen", "mqtt://127.0.0.1:0"], says: "--lisen" },
  { name: "a listener that is no URL", args: ["--listen", "localhost"], says: "localhost" },
  { name: "a scheme that is not known", args: ["--listen", "gopher://127.0.0.1:0"], says: "gopher" },
  { name: "a port that is no number", args: ["-p", "eighteen"], says: "eighteen" },
];

for (const { name, args, says } of MISTAKES) {
  Deno.test(`serve ends with one clear line for ${name}`, async () => {
    const { code, lines } = await runToEnd(["serve", ...args]);
    assertEquals(
      { isError: code === 1 || code === 2, count: lines.length },
      { isError: true, count: 1 },
      lines.join("\n"),
    );
    assertStringIncludes(lines.join(), says);
  });
}

Deno.test("serve names the option that would allow a non-loopback listener", async () => {
  const { lines } = await runToEnd(["serve", "--listen", "mqtt://0.0.0.0:0"]);
  assertStringIncludes(lines.join(), "--allow-anonymous");
});

test("serve ends with one clear line for a port in use", async (broker) => {
  const { code, lines } = await runToEnd(["serve", "--listen", `mqtt://127.0.0.1:${broker.port}`]);
  assertEquals(
    { isError: code === 1 || code === 2, count: lines.length },
    { isError: true, count: 1 },
    lines.join("\n"),
  );
  assertStringIncludes(lines.join(), `${broker.port}`);
});

test("serve listens on every --listen and names the port of each", async (broker) => {
  const lines = await broker.stderr.matching(/^.*listening on mqtt:\/\/(?=127\.0\.0\.1:\d+|\[::1\]:\d+)/, 2);
  assertMatch(lines.join(" "), /127\.0\.0\.1:\d+.*\[::1\]:\d+/);
}, ["--listen", "mqtt://[::1]:0"]);

test("seed 3-1: a listener that lets anybody in says so", async (broker) => {
  await broker.stderr.matching(/anonymous|without authentication/i);
});

test("SIGINT ends the program as SIGTERM does, with clients connected", async (broker) => {
  using client = await RawClient.connect(broker, { clientId: "client" });
  const [said] = await Promise.all([client.closed(), broker.stop("SIGINT")]);
  assertEquals(said, "");
});
