import type { ComponentType } from "preact";
import { InspectorPage } from "./inspector.tsx";
import { ToolPage } from "./tool.tsx";

/** Page of the sidebar. */
interface PageEntry {
  /** Name in the address. */
  readonly name: string;
  readonly title: string;
  readonly component: ComponentType;
}

/** Pages in the order of the sidebar; the first one is shown where the address names none. */
export const PAGES: readonly [PageEntry, ...PageEntry[]] = [
  { name: "tool", title: "WebSocket tool", component: ToolPage },
  { name: "inspector", title: "Inspector", component: InspectorPage },
];
