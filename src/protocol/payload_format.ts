import type { Properties } from "../codec/property.ts";

const DECODER = new TextDecoder("utf-8", { fatal: true });

/** Whether a payload is what its Payload Format Indicator says: 1 is UTF-8 text (MQTT 5, section 3.3.2.3.2). */
export function isOfItsFormat(payload: Uint8Array, properties: Properties): boolean {
  if (properties.payloadFormatIndicator !== 1) return true;
  try {
    DECODER.decode(payload);
    return true;
  } catch {
    return false; // The only thing a fatal TextDecoder throws for.
  }
}
