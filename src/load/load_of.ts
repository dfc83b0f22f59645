import { unreachable } from "../codec/packet.ts";
import { ConnectLoad } from "./connect_load.ts";
import { FlowLoad } from "./flow_load.ts";
import type { Job, Load } from "./load_plan.ts";
import { RetainedLoad } from "./retained_load.ts";

/** Makes the load for a job, in this thread. */
export function loadOf(job: Job): Load {
  switch (job.kind) {
    case "flow":
      return new FlowLoad(job);
    case "connect":
    case "idle":
      return new ConnectLoad(job);
    case "retained":
      return new RetainedLoad(job);
    default:
      return unreachable(job);
  }
}
