import { assertEquals } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../src/auth/mod.ts";
import { Access } from "../../src/cli/serve/access.ts";
import { readConfiguration } from "../../src/cli/config/file.ts";
import { Listening } from "../../src/cli/serve/listening.ts";
import { Log } from "../../src/cli/log/log.ts";
import { processIo } from "../../src/cli/program_io.ts";
import { Reload } from "../../src/cli/serve/reload.ts";
import { GatedStorage } from "../storage/gated_storage.ts";
import { converse } from "../wire/conversation.ts";
import { ConfigurationFolder } from "./config/written_file.ts";

const RESUMES = (name: string) => `${name} > 10 [ @ c0 0000 { 11 00000e10 } '${name}' '${name}' '${name}' ]`;

for (const version of [4, 5] as const) {
  Deno.test(`SIGHUP refuses who is gone, or has another password, and was about to get a session back v${version}`, async () => {
    using folder = new ConfigurationFolder();
    const [ann, bob, eve] = [await hashed("ann"), await hashed("bob"), await hashed("eve")];
    folder.write("passwords", ann + bob + eve);
    const yaml = `listeners: [{ url: mqtt://127.0.0.1:0 }]
authentication: { passwordFile: ${folder.path}/passwords }
logging: { destinations: [] }
`;
    const path = folder.write("a.yaml", yaml);
    const read = () => Promise.resolve({ written: readConfiguration(path), overrides: [] });
    const configuration = folder.read("a.yaml", yaml);
    const access = await Access.read(configuration);
    const storage = new GatedStorage();
    await converse(version, { storage, authenticator: access.authenticator }, async (conversation) => {
      const { broker } = conversation;
      for (const name of ["ann", "bob", "eve"]) {
        await conversation.run(RESUMES(name), `${name} < 20 [ 00 00 { LIMITS } ]`, `${name} disconnects`);
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      storage.restoring = promise;
      const parts = {
        access,
        listening: new Listening(() => {}),
        log: new Log(configuration.logging, processIo()),
        broker,
      };
      const reload = new Reload({ action: "run", read }, configuration, parts);
      await conversation.run(RESUMES("ann"), RESUMES("bob"), RESUMES("eve"));
      while (storage.restored < 3) await new Promise((resolve) => setTimeout(resolve, 0)); // Their passwords are right.
      folder.write("passwords", ann + await hashed("eve", "changed"));
      await reload.run();
      resolve();
      await conversation.run("ann < 20 [ 01 00 { LIMITS } ]");
      for (const name of ["bob", "eve"]) {
        await conversation.run(
          ...version === 5 ? [`${name} told 20 00 87`] : [`${name} < 20 02 00 05`, `${name} closed`],
        );
      }
      assertEquals([...broker.clients()].map(({ clientId }) => clientId), ["ann"]);
    });
  });
}

async function hashed(name: string, password = name): Promise<string> {
  return `${name}:${formatPasswordHash(await hashPassword(password, 10))}\n`;
}
