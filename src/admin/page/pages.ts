import type { ComponentType } from "preact";
import { ClientsPage } from "./clients.tsx";
import { EventsPage } from "./events.tsx";
import { InspectorPage } from "./inspector.tsx";
import { OverviewPage } from "./overview.tsx";
import { SettingsPage } from "./settings.tsx";
import { SubscriptionsPage } from "./subscriptions.tsx";
import { ToolPage } from "./tool.tsx";
import { TopicsPage } from "./topics.tsx";

/** Page of the sidebar. */
interface PageEntry {
  /** Name in the address. */
  readonly name: string;
  readonly title: string;
  readonly component: ComponentType;
}

/** Pages in the order of the sidebar; the first one is shown where the address names none. */
export const PAGES: readonly [PageEntry, ...PageEntry[]] = [
  { name: "overview", title: "Overview", component: OverviewPage },
  { name: "clients", title: "Clients", component: ClientsPage },
  { name: "topics", title: "Topics", component: TopicsPage },
  {
    name: "subscriptions",
    title: "Subscriptions",
    component: SubscriptionsPage,
  },
  { name: "tool", title: "WebSocket tool", component: ToolPage },
  { name: "inspector", title: "Inspector", component: InspectorPage },
  { name: "events", title: "Events", component: EventsPage },
  { name: "settings", title: "Settings", component: SettingsPage },
];
