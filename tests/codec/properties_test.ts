import { seededTest } from "../seeded.ts";
import { checkAnyBytes, checkEncoders, checkRoundTrip } from "./fuzzing.ts";

seededTest("decode(encode(packet)) equals the packet, whatever the cut of the stream", checkRoundTrip);
seededTest("PacketEncoder and encodePacket() give the same bytes, and never change what they gave", checkEncoders);
seededTest("any bytes in any chunks give packets and at most one malformed, as the last item", checkAnyBytes, 1_000);
