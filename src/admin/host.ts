import type { Broker } from "../broker/broker.ts";
import type { EventRing } from "./events.ts";
import type { History } from "./history.ts";
import type { AdminHandlerOptions } from "./options.ts";
import type { Cursors } from "./pages.ts";
import type { RetainedUndo } from "./retained_undo.ts";
import type { SignIn } from "./sign_in.ts";
import type { Traces } from "./trace/traces.ts";

/** Broker and state that routes work on. */
export interface AdminHost {
  readonly broker: Broker;
  readonly options: AdminHandlerOptions;
  /** Path that everything is below, without a slash at its end. */
  readonly basePath: string;
  /** People and programs that may use the API. */
  readonly signIn: SignIn;
  /** Numbers of the last 24 hours. */
  readonly history: History;
  /** The last events in words. */
  readonly events: EventRing;
  readonly cursors: Cursors;
  /** Retained messages that were deleted a moment ago. */
  readonly retainedUndo: RetainedUndo;
  readonly traces: Traces;
}
