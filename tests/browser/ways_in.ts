import { certificatePath } from "../certificates/certificates.ts";
import { ExampleProgram } from "../examples/example_program.ts";

/** A program with a broker that a browser reaches. */
export interface WayIn {
  readonly name: string;
  start(): ExampleProgram;
  /** Where it is for WebSocket, with TLS or without. */
  url(program: ExampleProgram): Promise<string>;
}

/** The command line program with a listener of its own, and a web app. */
export const WAYS_IN: readonly WayIn[] = [
  { name: "the dedicated listener", start: startListeners, url: (program) => program.listening("ws") },
  {
    name: "the route of an app",
    start: () => new ExampleProgram("examples/hono.ts"),
    url: async (program) => `${(await program.listening("http")).replace("http", "ws")}/mqtt`,
  },
];

/** The command line program with listeners for WebSocket with and without TLS. */
export function startListeners(): ExampleProgram {
  const listeners = ["ws", "wss"].flatMap((scheme) => ["--listen", `${scheme}://127.0.0.1:0/mqtt`]);
  const identity = ["--cert", certificatePath("server.pem"), "--key", certificatePath("server.key")];
  return new ExampleProgram("mod.ts", { args: ["serve", "--no-admin", ...listeners, ...identity] });
}
