import { assertEquals } from "@std/assert";
import { formatPasswordHash, hashPassword } from "../../../src/auth/mod.ts";
import { Mosquitto } from "../../auth/mosquitto.ts";
import { within } from "../../deadline.ts";
import { programTests } from "../../interop/interop_tests.ts";
import { bytes, packet, text } from "../../interop/raw_client.ts";
import { ProgramInProcess } from "../program_in_process.ts";
import { ConfigurationFolder } from "./written_file.ts";

/** Lines of a mosquitto.conf behind a listener. */
const SETTINGS: readonly (readonly string[])[] = [
  [],
  ["allow_anonymous true"],
  ["allow_anonymous false"],
  ["password_file FOLDER/passwords"],
  ["password_file FOLDER/passwords", "allow_anonymous true"],
  ["per_listener_settings true", "password_file FOLDER/passwords"],
  ["per_listener_settings true", "password_file FOLDER/passwords", "allow_anonymous true"],
  ["allow_anonymous true", "allow_zero_length_clientid false"],
  ["allow_anonymous true", "clientid_prefixes x-", "auto_id_prefix x-"],
  ["allow_anonymous true", "clientid_prefixes x-"],
];

/** CONNECT of 3.1.1, each from another client. */
const CLIENTS: Readonly<Record<string, string>> = {
  "without a user name": packet("10", text("MQTT"), "04 02 003c", text("a")),
  "without a Client Identifier": packet("10", text("MQTT"), "04 02 003c", text("")),
  "with the right beginning of its Client Identifier": packet("10", text("MQTT"), "04 02 003c", text("x-a")),
  "with the right password": packet("10", text("MQTT"), "04 c2 003c", text("b"), text("ann"), text("right")),
  "with a wrong password": packet("10", text("MQTT"), "04 c2 003c", text("c"), text("ann"), text("wrong")),
  "without a password": packet("10", text("MQTT"), "04 82 003c", text("d"), text("ann")),
  "with a user name that is not known": packet("10", text("MQTT"), "04 c2 003c", text("e"), text("eve"), text("right")),
};

for (const settings of SETTINGS) {
  const name = settings.length === 0 ? "nothing but a listener" : settings.join(", ").replaceAll("FOLDER/", "");
  programTests(["mosquitto"])(
    `The same clients are accepted and refused as by mosquitto, in the same words, with ${name}`,
    async () => {
      const passwords = `ann:${formatPasswordHash(await hashPassword("right", 101))}\n`;
      await using mosquitto = await Mosquitto.start(settings, { passwords });
      using folder = new ConfigurationFolder();
      folder.write("passwords", passwords);
      const lines = [`listener 0 ${folder.path}/mqtt`, ...settings].map((line) =>
        line.replaceAll("FOLDER", folder.path)
      );
      await using program = new ProgramInProcess(["--config", folder.write("mosquitto.conf", `${lines.join("\n")}\n`)]);
      await program.stderr.matching(/^.*listening on unix:/, 1, 15_000);
      const ofMosquitto = await answers(mosquitto?.path ?? "");
      assertEquals(await answers(`${folder.path}/mqtt`), ofMosquitto);
    },
  );
}

/** What each client hears: a CONNACK in hex, or nothing. */
async function answers(path: string): Promise<Record<string, string>> {
  const said: Record<string, string> = {};
  for (const [name, hex] of Object.entries(CLIENTS)) {
    using connection = await Deno.connect({ transport: "unix", path });
    await connection.write(bytes(hex));
    const buffer = new Uint8Array(4);
    const length = await within(connection.read(buffer), `an answer to a client ${name}`);
    said[name] = Array.from(buffer.subarray(0, length ?? 0), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }
  return said;
}
