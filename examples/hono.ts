/**
 * MQTT as a route of a Hono app, on the port of the app.
 *
 * Run: deno run -A examples/hono.ts, then connect a client to ws://127.0.0.1:8000/mqtt
 */

import { Hono } from "hono";
import { Broker } from "@brooklet/brooklet";

await using broker = await Broker.open();

const app = new Hono<{ Bindings: Deno.ServeHandlerInfo<Deno.NetAddr> }>()
  .get("/", (context) => context.text("MQTT is at /mqtt"))
  .get("/mqtt", ({ req, env: { remoteAddr } }) => broker.upgrade(req.raw, { remoteAddr }))
  .post("/say/:text", async (context) => {
    await broker.publish("said", context.req.param("text"));
    return context.text("published");
  });

const server = Deno.serve({ hostname: "127.0.0.1", port: Number(Deno.env.get("PORT") ?? 8000) }, app.fetch);

await server.finished;
