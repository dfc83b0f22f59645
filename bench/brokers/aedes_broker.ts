/** Aedes of npm as a broker of its own, on loopback: `deno run -A bench/brokers/aedes_broker.ts`. It prints its ports. */

import { Aedes } from "aedes";
import { createServer as createHttpServer } from "node:http";
import { createServer, type Server } from "node:net";
import { createWebSocketStream, WebSocketServer } from "ws";

const aedes = await Aedes.createBroker();
const tcp = createServer((socket) => {
  socket.setNoDelay(true); // As the others have it.
  aedes.handle(socket);
});
const http = createHttpServer();
new WebSocketServer({ server: http, perMessageDeflate: false }).on("connection", (socket, request) => {
  request.socket.setNoDelay(true);
  aedes.handle(createWebSocketStream(socket), request);
});
console.log(JSON.stringify({ mqtt: await portOf(tcp), ws: await portOf(http) }));

function portOf(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}
