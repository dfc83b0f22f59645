import { assertEquals } from "@std/assert";
import { ConfigurationFolder } from "./config/written_file.ts";
import { Program } from "./program.ts";

/** Runs a program where sockets at `::` take IPv6 alone, in a network of its own. */
const IPV6_ONLY = [
  "unshare",
  "--map-root-user",
  "--net",
  "sh",
  "-c",
  'echo 1 > /proc/sys/net/ipv6/bindv6only && ip link set lo up && exec "$@"',
  "sh",
];
const CLIENT = `
  for (const port of Deno.args.map(Number)) {
    for (const hostname of ["::1", "127.0.0.1"]) {
      for (const endMs = performance.now() + 8_000; ;) {
        try {
          (await Deno.connect({ hostname, port })).close();
          break;
        } catch (error) {
          if (performance.now() > endMs) throw error;
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      }
    }
  }
`;

Deno.test({
  name: "Where :: is IPv6 only, listeners at * and a mosquitto.conf take IPv4 too, and both are told",
  ignore: !await isPossible(),
  async fn() {
    using folder = new ConfigurationFolder();
    const conf = folder.write(
      "m.conf",
      "listener 1883\nlistener 1884 ::\nlistener 1884 0.0.0.0\nallow_anonymous true\n",
    );
    const client = folder.write("client.ts", CLIENT);
    // The client has to run in the same network.
    const both = `"$@" & "$1" run -A ${client} 1883 1884; code=$?; kill $!; wait $!; exit $code`;
    await using program = new Program(["--config", conf], { under: [...IPV6_ONLY, "sh", "-c", both, "sh"] });
    const { code, stderr } = await program.ended();
    const told = stderr.flatMap((line) => /listening on (\S+)/.exec(line)?.[1] ?? []);
    assertEquals(told, ["mqtt://[::]:1883", "mqtt://0.0.0.0:1883", "mqtt://[::]:1884", "mqtt://0.0.0.0:1884"]);
    assertEquals(code, 0);
  },
});

async function isPossible(): Promise<boolean> {
  const [command = "", ...args] = IPV6_ONLY;
  try {
    return (await new Deno.Command(command, { args: [...args, "true"], stderr: "null" }).output()).success;
  } catch {
    return false; // There is no such program.
  }
}
