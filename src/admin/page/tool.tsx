import { Page } from "./page.tsx";

/** Clients that run in this page. */
export function ToolPage() {
  return (
    <Page title="WebSocket tool">
      <p class="muted">This page is not built yet.</p>
    </Page>
  );
}
