import type { QoS } from "../codec/packet.ts";
import { ReasonCode } from "../codec/reason_code.ts";
import type { Limits } from "./limits.ts";

/** What a client asks for that this broker does not offer (MQTT 5, sections 3.2.2.3.4 and 3.2.2.3.5). */
export function beyondService(
  { qos, retain }: { readonly qos: QoS; readonly retain: boolean },
  { maximumQos, maximumRetainedMessages }: Limits,
): ReasonCode | undefined {
  if (qos > maximumQos) return ReasonCode.QosNotSupported; // [MQTT-3.2.2-11]
  return retain && maximumRetainedMessages === 0 ? ReasonCode.RetainNotSupported : undefined; // [MQTT-3.2.2-14]
}

/** In words. */
export function reasonOf(reasonCode: ReasonCode, { maximumQos }: Limits): string {
  return reasonCode === ReasonCode.QosNotSupported
    ? `its QoS is above ${maximumQos}, which is the highest here`
    : "there are no retained messages here";
}
