/** The commands of docs/topics_over_http.md, as a shell runs them. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { Broker } from "../../../mod.ts";
import { adminHandler } from "../../../src/admin/mod.ts";
import { within } from "../../deadline.ts";
import { isInstalled, testsUnless } from "../../installed.ts";

const PAGE = Deno.readTextFileSync(new URL("../../../docs/topics_over_http.md", import.meta.url));
const COMMANDS = [...PAGE.matchAll(/^```sh\n(.*?)^```$/gms)]
  .flatMap(([, block = ""]) => block.replaceAll("\\\n", "").trimEnd().split("\n"));

testsUnless(isInstalled("curl") ? undefined : "not installed: curl (Debian: curl)")(
  "The commands of the page about topics over HTTP do what it says",
  async () => {
    await using broker = await Broker.open();
    const admin = adminHandler(broker, { topics: true });
    const server = Deno.serve(
      { port: 0, hostname: "127.0.0.1", onListen() {} },
      (request, info) => admin.fetch(request, info),
    );
    await using messages = broker.subscribe("#");
    const here = (command: string) => command.replaceAll("127.0.0.1:18083", `127.0.0.1:${server.addr.port}`);
    const run = async (command: string) => {
      const { stdout, code } = await new Deno.Command("bash", { args: ["-c", `${here(command)} -s`] }).output();
      assertEquals(code, 0, command);
      return new TextDecoder().decode(stdout);
    };
    const [post, retain, get, clear, subscribe, properties] = COMMANDS;
    assert(post && retain && get && clear && subscribe && properties && COMMANDS.length === 6);
    const success = '{"reasonCode":16,"reason":"NoMatchingSubscribers"}';
    assertEquals(await run(post), success.replace("16", "0").replace("NoMatchingSubscribers", "Success"));
    assertEquals((await messages.next()).value?.properties.contentType, "text/plain");
    await run(retain);
    assertEquals((await messages.next()).value?.properties.messageExpiryInterval, 3_600);
    assertMatch(await run(get), /^HTTP\/1\.1 200 OK\r\n.*^etag: "\w+"\r\n.*\r\n\r\n21\.5$/ms);
    const events = new Deno.Command("bash", { args: ["-c", `exec ${here(subscribe)} -s`], stdout: "piped" }).spawn();
    const reader = events.stdout.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes('"text":"21.5"')) text += (await within(reader.read(), "the retained message")).value ?? "";
    events.kill();
    await reader.cancel();
    await events.status;
    await run(clear);
    assertEquals(broker.retained("plant/7/temp"), undefined);
    await messages.next();
    await run(properties);
    assertEquals((await messages.next()).value?.properties, {
      contentType: "application/x-www-form-urlencoded",
      responseTopic: "plant/7/answers",
      correlationData: new Uint8Array([1, 2]),
      userProperties: [["unit", "°C"], ["place", "hall 3"]],
    });
    admin.close();
    await server.shutdown();
  },
);
