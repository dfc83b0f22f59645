import { assertEquals } from "@std/assert";
import { specificationLink } from "../../../src/admin/page/specification_links.ts";

const V5 = "https://docs.oasis-open.org/mqtt/mqtt/v5.0/os/mqtt-v5.0-os.html#_Toc";
const V3_1_1 = "https://docs.oasis-open.org/mqtt/mqtt/v3.1.1/os/mqtt-v3.1.1-os.html#_Toc";

/** Anchors that libraries and guides link to, so that the counting between them is checked too. */
const ROWS: readonly (readonly [string, string])[] = [
  ["MQTT 5 2.1.2", `${V5}3901022`],
  ["MQTT 5 2.2.2", `${V5}3901027`],
  ["MQTT 5 2.4", `${V5}3901031`],
  ["MQTT 5 3.1", `${V5}3901033`],
  ["MQTT 5 3.1.2.4", `${V5}3901039`],
  ["MQTT 5 3.1.2.10", `${V5}3901045`],
  ["MQTT 5 3.1.2.11", `${V5}3901046`],
  ["MQTT 5 3.1.3.1", `${V5}3901059`],
  ["MQTT 5 3.2.2.2", `${V5}3901079`],
  ["MQTT 5 3.3", `${V5}3901100`],
  ["MQTT 5 3.3.1.2", `${V5}3901103`],
  ["MQTT 5 3.3.2.3.4", `${V5}3901113`],
  ["MQTT 5 3.7", `${V5}3901151`],
  ["MQTT 5 3.15.2", `${V5}3901219`],
  ["MQTT 5 3.15.2.2", `${V5}3901221`],
  ["MQTT 5 4.3", `${V5}3901234`],
  ["MQTT 5 4.7.3", `${V5}3901247`],
  ["MQTT-1.5.4-1", `${V5}3901010`],
  ["MQTT-3.3.1-4", `${V5}3901101`],
  ["MQTT 4.13", `${V5}3901258`],
  ["MQTT 7", V5.split("#", 1)[0] ?? ""],
  ["MQTT 3.1.1 2.2.3", `${V3_1_1}398718023`],
  ["MQTT 3.1.1 3.1", `${V3_1_1}398718028`],
  ["MQTT 3.1.1 3.1.2.10", `${V3_1_1}398718030`],
  ["MQTT 3.1.1 3.2.2.3", `${V3_1_1}398718035`],
  ["MQTT 3.1.1 3.3", `${V3_1_1}398718037`],
  ["MQTT 3.1.1 3.7", `${V3_1_1}398718058`],
  ["MQTT 3.1.1 3.9", `${V3_1_1}398718068`],
  ["MQTT 3.1.1 3.12", `${V3_1_1}398718081`],
  [
    "MQTT 3.1 3.1",
    "https://public.dhe.ibm.com/software/dw/webservices/ws-mqtt/mqtt-v3r1.html",
  ],
];

Deno.test("specificationLink() gives the places of sections and statements", () => {
  for (const [reference, link] of ROWS) {
    assertEquals(specificationLink(reference), link, reference);
  }
});

Deno.test("specificationLink() gives nothing for what is no section", () => {
  assertEquals(specificationLink("RFC 6455"), undefined);
});
