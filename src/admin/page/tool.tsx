import { useApp, useTool } from "./app.ts";
import { Button } from "./components.tsx";
import { Page } from "./page.tsx";
import { useResource } from "./resource.ts";
import { ToolCard } from "./tool_card.tsx";

/** Listeners of the broker, as the API gives them. */
interface Listeners {
  readonly listeners: readonly { readonly url: string }[];
}

/** Clients that run in this page, side by side. */
export function ToolPage() {
  const app = useApp();
  const tool = useTool();
  const { data } = useResource("listeners", (signal) => app.api.get<Listeners>(["broker"], { signal }));
  const listeners = (data?.listeners ?? []).map(({ url }) => url);
  if (data !== undefined) tool.listeners = listeners;
  return (
    <Page
      title="WebSocket tool"
      tools={
        <span class="push">
          <Button onClick={() => tool.add()}>Add connection</Button>
        </span>
      }
    >
      <div class="tool-cards">
        {tool.connections.map((connection) => (
          <ToolCard
            key={connection.id}
            connection={connection}
            listeners={listeners}
            isOnly={tool.connections.length === 1}
          />
        ))}
      </div>
    </Page>
  );
}
